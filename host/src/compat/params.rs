//! The parameters of two versions of a plugin, one by one.

use super::Changes;
use crate::cli::values;
use crate::description::{DefaultFrom, Description, HostOption, Kind, Param, UrlPart};

pub(super) fn compare(older: &Description, newer: &Description, changes: &mut Changes) {
    let mut renamed = Vec::new();
    for param in &older.params {
        if let Some(now) = newer.param(&param.name) {
            Pair {
                older,
                newer,
                before: param,
                now,
            }
            .compare(changes);
        } else if let Some(now) = newer.param_for_key(&param.name) {
            renamed.push(&now.name);
            changes.breaking(format!(
                "the parameter `{}` is now `{}`: the old name goes on in URLs, and neither as an option nor in its variable",
                param.name, now.name
            ));
        } else {
            changes.breaking(format!("the parameter `{}` is gone", param.name));
        }
    }
    for param in &newer.params {
        if older.param(&param.name).is_some() || renamed.contains(&&param.name) {
            continue;
        }
        let name = &param.name;
        if must_be_given(newer, param) {
            changes.breaking(format!("the parameter `{name}` is new and must be given"));
        } else if param.is_secret() {
            changes.told(format!("the parameter `{name}` is new, and a secret"));
        } else {
            changes.told(format!("the parameter `{name}` is new"));
        }
    }
}

/// A parameter that both versions have.
struct Pair<'a> {
    older: &'a Description,
    newer: &'a Description,
    before: &'a Param,
    now: &'a Param,
}

impl Pair<'_> {
    fn compare(&self, changes: &mut Changes) {
        let Self { before, now, .. } = self;
        let name = &before.name;
        if before.kind == now.kind {
            self.values(changes);
        } else {
            changes.breaking(format!(
                "the parameter `{name}` is now of the kind {}, and was of the kind {}",
                now.kind.word(),
                before.kind.word()
            ));
        }
        let (asked, asks) = (
            must_be_given(self.older, before),
            must_be_given(self.newer, now),
        );
        if asks && !asked {
            changes.breaking(format!("the parameter `{name}` must be given now"));
        } else if asked && !asks {
            changes.told(format!("the parameter `{name}` need not be given any more"));
        }
        if before.multiple && !now.multiple {
            changes.breaking(format!("the parameter `{name}` may be given only once now"));
        } else if now.multiple && !before.multiple {
            changes.told(format!(
                "the parameter `{name}` may be given several times now"
            ));
        }
        self.sources(changes);
        self.host_option(changes);
    }

    /// Which values are allowed, and what stands in for one that is not given.
    fn values(&self, changes: &mut Changes) {
        let Self { before, now, .. } = self;
        let name = &before.name;
        for word in missing(&before.choices, &now.choices) {
            changes.breaking(format!(
                "the choice `{word}` of the parameter `{name}` is gone"
            ));
        }
        for word in missing(&now.choices, &before.choices) {
            changes.told(format!(
                "the choice `{word}` of the parameter `{name}` is new"
            ));
        }
        if before.kind == Kind::Integer {
            let least = (before.min.unwrap_or(i64::MIN), now.min.unwrap_or(i64::MIN));
            let most = (before.max.unwrap_or(i64::MAX), now.max.unwrap_or(i64::MAX));
            if least.1 > least.0 {
                changes.breaking(format!(
                    "the parameter `{name}` must be at least {} now",
                    least.1
                ));
            }
            if most.1 < most.0 {
                changes.breaking(format!(
                    "the parameter `{name}` must be at most {} now",
                    most.1
                ));
            }
            if least.1 < least.0 || most.1 > most.0 {
                changes.told(format!("the parameter `{name}` has wider bounds"));
            }
        }
        match (stand_in(before), stand_in(now)) {
            (Some(before), Some(now)) if before.meaning != now.meaning => {
                changes.breaking(format!(
                    "the default of the parameter `{name}` is now {}, and was {}",
                    now.shown, before.shown
                ));
            }
            (Some(before), None) => changes.breaking(format!(
                "the parameter `{name}` has no default any more, and had {}",
                before.shown
            )),
            (None, Some(now)) => changes.told(format!(
                "the parameter `{name}` has the default {} now",
                now.shown
            )),
            _ => {}
        }
    }

    /// Where the value may stand.
    fn sources(&self, changes: &mut Changes) {
        let Self { before, now, .. } = self;
        let name = &before.name;
        let answers = |alias: &&String| now.answers_to(alias);
        for alias in before.aliases.iter().filter(|alias| !answers(alias)) {
            changes.breaking(format!(
                "the alias `{alias}` of the parameter `{name}` is gone"
            ));
        }
        for variable in missing(&before.env, &now.env) {
            changes.breaking(format!(
                "the parameter `{name}` is no longer taken from the variable `{variable}`"
            ));
        }
        for variable in missing(&now.env, &before.env) {
            changes.told(format!(
                "the parameter `{name}` is also taken from the variable `{variable}`"
            ));
        }
        match (before.url_part, now.url_part) {
            (Some(part), other) if other != Some(part) => changes.breaking(format!(
                "the parameter `{name}` no longer stands in the URL's {}",
                part_word(part)
            )),
            // That the whole query goes to it is told of the target.
            (None, Some(part)) if part != UrlPart::RequestTarget => changes.told(format!(
                "the parameter `{name}` may stand in the URL's {} now",
                part_word(part)
            )),
            _ => {}
        }
        if before.pgpass && !now.pgpass {
            changes.breaking(format!(
                "the parameter `{name}` is no longer looked up in the password file"
            ));
        } else if now.pgpass && !before.pgpass {
            changes.told(format!(
                "the parameter `{name}` is also looked up in the password file"
            ));
        }
    }

    fn host_option(&self, changes: &mut Changes) {
        let name = &self.before.name;
        match (&self.before.host_option, &self.now.host_option) {
            (before, now) if before == now => {}
            // Giving such a parameter was an error.
            (Some(HostOption::Unknown(_)), _) => {}
            (Some(_), _) => changes.breaking(format!(
                "the parameter `{name}` no longer sets the option of waitfor that it set"
            )),
            (None, _) => changes.told(format!(
                "the parameter `{name}` now sets an option of waitfor"
            )),
        }
    }
}

/// What stands in `one` and not in `other`.
fn missing<'a>(one: &'a [String], other: &'a [String]) -> impl Iterator<Item = &'a String> {
    one.iter().filter(|word| !other.contains(word))
}

fn part_word(part: UrlPart) -> &'static str {
    match part {
        UrlPart::Username => "user name",
        UrlPart::Password => "password",
        UrlPart::Path => "path",
        UrlPart::RequestTarget => "path and query",
    }
}

/// What stands in for a value that is not given.
struct StandIn {
    /// The same for all ways to write a value.
    meaning: String,
    /// As the plugin writes it.
    shown: String,
}

fn stand_in(param: &Param) -> Option<StandIn> {
    let mut meaning = Vec::new();
    let mut shown = Vec::new();
    match &param.default_from {
        Some(DefaultFrom::OsUser) => shown.push("the account's name".to_owned()),
        Some(DefaultFrom::Param(other)) => shown.push(format!("the value of `{other}`")),
        None => {}
    }
    meaning.extend(shown.iter().cloned());
    // That a switch is off by default goes without saying.
    let default = param
        .default
        .as_deref()
        .filter(|text| param.kind != Kind::Switch || values::switch(text) != Some(false));
    if let Some(text) = default {
        meaning.push(values::canonical(param, text).unwrap_or_else(|_| text.to_owned()));
        shown.push(format!("`{text}`"));
    }
    (!shown.is_empty()).then(|| StandIn {
        meaning: meaning.join("\n"),
        shown: shown.join(", else "),
    })
}

/// Whether a user gets an error for leaving it out.
fn must_be_given(description: &Description, param: &Param) -> bool {
    param.required && param.host_option.is_none() && !has_value(description, param, 0)
}

/// Whether there is a value even where the user gives none; `depth` bounds
/// the way through other parameters.
fn has_value(description: &Description, param: &Param, depth: usize) -> bool {
    let from_other = match &param.default_from {
        Some(DefaultFrom::OsUser) => true,
        Some(DefaultFrom::Param(other)) if depth < description.params.len() => description
            .param(other)
            .is_some_and(|other| other.required || has_value(description, other, depth + 1)),
        Some(DefaultFrom::Param(_)) | None => false,
    };
    from_other || param.default.is_some()
}
