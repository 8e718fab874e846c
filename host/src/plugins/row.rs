//! What a command did with each plugin, a row each.

use serde_json::{Map, Value, json};
use waitfor_registry::Location;
use waitfor_registry::{Locked, Name, Passed, Published, Reference, Standing, Version, Why};

use super::{SCHEMA, Told, table};
use crate::error::Error;
use crate::report::clean_up_to;

/// What was done with a plugin, or found of it.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Added,
    Removed,
    Kept,
    Locked,
    Updated,
    Fetched,
    /// It need not be fetched; where it is.
    AtHand(&'static str),
    /// All is as it was locked; where it is.
    Verified(Vec<&'static str>),
    /// It is not as it was locked.
    Failed {
        problems: Vec<String>,
        /// The next steps.
        hints: Vec<String>,
    },
    /// The newest version that is wanted, and the newest at all.
    Compared {
        allowed: Option<Version>,
        newest: Option<Version>,
    },
    /// Copied into that folder.
    Vendored(String),
    Published,
    /// It was published before, with the same bytes.
    Same,
    Yanked,
    Deprecated,
    Restored,
    /// There is nothing to take back.
    Unsaid,
}

/// What a comparison with a registry comes to.
#[derive(Clone, Copy)]
enum Outcome {
    UpToDate,
    /// A newer version is there, or waitfor.toml asks for another one.
    Outdated,
    /// It was taken back, and no newer one is allowed.
    Yanked,
}

/// One plugin in an answer.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) action: Action,
    pub(super) name: Name,
    /// Which version it is about; none where nothing is locked.
    pub(super) locked: Option<Locked>,
    /// The version that was locked before, where it was another.
    pub(super) from: Option<Version>,
    pub(super) standing: Standing,
    pub(super) passed: Vec<Passed>,
    /// Further fields of the JSON form.
    pub(super) more: Vec<(&'static str, Value)>,
}

impl Row {
    pub(super) fn new(action: Action, locked: Locked) -> Self {
        Self::about(action, locked.name.clone(), Some(locked))
    }

    pub(super) fn about(action: Action, name: Name, locked: Option<Locked>) -> Self {
        Self {
            action,
            name,
            locked,
            from: None,
            standing: Standing::Good,
            passed: Vec::new(),
            more: Vec::new(),
        }
    }

    pub(super) fn from(self, from: Option<Version>) -> Self {
        Self { from, ..self }
    }

    pub(super) fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }

    pub(super) fn passed(self, passed: Vec<Passed>) -> Self {
        Self { passed, ..self }
    }

    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((key, value.into()));
        self
    }

    pub(super) fn is_failed(&self) -> bool {
        matches!(self.action, Action::Failed { .. })
    }

    /// The next steps, where something is wrong.
    pub(super) fn hints(&self) -> &[String] {
        match &self.action {
            Action::Failed { hints, .. } => hints,
            _ => &[],
        }
    }

    /// What the comparison with the registry comes to. A version that was
    /// taken back is not outdated: what else is allowed may be older.
    fn outcome(&self, allowed: &Option<Version>, newest: &Option<Version>) -> Outcome {
        let Some(locked) = &self.locked else {
            return Outcome::UpToDate;
        };
        let version = Some(&locked.version);
        let is_unwanted = !locked.satisfies(&locked.requirement);
        if allowed.as_ref() > version {
            Outcome::Outdated
        } else if self.standing.is_yanked() {
            Outcome::Yanked
        } else if is_unwanted && allowed.is_some() || newest.as_ref() > version {
            Outcome::Outdated
        } else {
            Outcome::UpToDate
        }
    }

    fn word(&self) -> &'static str {
        match &self.action {
            Action::Added => "added",
            Action::Removed => "removed",
            Action::Kept => "kept",
            Action::Locked => "locked",
            Action::Updated => "updated",
            Action::Fetched => "fetched",
            Action::AtHand(_) => "at-hand",
            Action::Verified(_) => "verified",
            Action::Failed { .. } => "failed",
            Action::Compared { allowed, newest } => match self.outcome(allowed, newest) {
                Outcome::UpToDate => "up-to-date",
                Outcome::Outdated => "outdated",
                Outcome::Yanked => "yanked",
            },
            Action::Vendored(_) => "vendored",
            Action::Published => "published",
            Action::Same => "same",
            Action::Yanked => "yanked",
            Action::Deprecated => "deprecated",
            Action::Restored => "restored",
            Action::Unsaid => "kept",
        }
    }

    /// The lines for people.
    fn lines(&self, dry_run: bool) -> Vec<String> {
        let passed = self.passed.iter().map(|passed| {
            let why = match why(passed) {
                ("yanked", reason) => format!("yanked: {reason}"),
                (_, detail) => detail,
            };
            format!(
                "passed over {} {}: {}",
                self.name,
                passed.version,
                line(&why)
            )
        });
        let Action::Failed { problems, .. } = &self.action else {
            return passed.chain([self.line(dry_run)]).collect();
        };
        let version = self.locked.as_ref().map(|locked| &locked.version);
        let version = version.map(|version| format!(" {version}"));
        let version = version.unwrap_or_default();
        problems
            .iter()
            .map(|problem| format!("failed {}{version}: {}", self.name, line(problem)))
            .collect()
    }

    fn line(&self, dry_run: bool) -> String {
        let name = &self.name;
        let Some(locked) = &self.locked else {
            return format!("{} {name}", self.word());
        };
        let Locked {
            version, registry, ..
        } = locked;
        let digest = format!("sha256:{}", table::short(&locked.component));
        let size = format!("{} bytes", locked.size);
        let whole = || {
            let schemes: Vec<String> = locked
                .schemes
                .iter()
                .map(|scheme| format!("{scheme}://"))
                .collect();
            format!(
                "{name} {version} ({digest}, {size}, waitfor:probe {}) from {registry}; answers to {}",
                locked.abi,
                schemes.join(", ")
            )
        };
        let reason = || line(self.standing.reason().unwrap_or_default());
        match &self.action {
            Action::Added => format!("added {}", whole()),
            Action::Locked => format!("locked {}", whole()),
            Action::Updated => {
                let word = if dry_run { "would update" } else { "updated" };
                match &self.from {
                    Some(from) => format!("{word} {name} {from} -> {version}"),
                    None => format!("{word} {name} {version}"),
                }
            }
            Action::Fetched => {
                format!("fetched {name} {version} ({digest}, {size}) from {registry}")
            }
            Action::AtHand(place) => format!("at hand {name} {version} ({place})"),
            Action::Verified(places) => {
                format!("verified {name} {version} ({})", places.join(", "))
            }
            Action::Compared { allowed, newest } => self.compared(locked, allowed, newest),
            Action::Published | Action::Same => {
                let word = match &self.action {
                    Action::Same => "already published",
                    _ if dry_run => "would publish",
                    _ => "published",
                };
                format!("{word} {name}@{version} to {registry} ({digest}, {size})")
            }
            Action::Yanked => format!("yanked {name}@{version}: {}", reason()),
            Action::Deprecated => format!("deprecated {name}@{version}: {}", reason()),
            Action::Restored => format!("restored {name}@{version}"),
            Action::Unsaid => format!("nothing was said of {name}@{version}"),
            Action::Vendored(folder) => format!("vendored {name} {version} into {folder}"),
            Action::Removed | Action::Kept | Action::Failed { .. } => {
                format!("{} {name} {version}", self.word())
            }
        }
    }

    fn compared(
        &self,
        locked: &Locked,
        allowed: &Option<Version>,
        newest: &Option<Version>,
    ) -> String {
        let (name, version) = (&self.name, &locked.version);
        let requirement = locked.requirement();
        let word = match self.outcome(allowed, newest) {
            Outcome::UpToDate => return format!("up to date {name} {version}"),
            Outcome::Outdated => "outdated",
            Outcome::Yanked => "yanked",
        };
        // One that is allowed and older is where a yanked one leads, or what
        // is asked for by now.
        let leads = |one: &&Version| {
            *one > version
                || word == "yanked" && *one != version
                || !locked.satisfies(&locked.requirement)
        };
        match (allowed.as_ref().filter(leads), newest) {
            (Some(allowed), newest) => {
                let newest = match newest {
                    Some(newest) if newest > allowed => format!(", newest {newest}"),
                    _ => String::new(),
                };
                format!("{word} {name} {version} -> {allowed} (allowed by {requirement}){newest}")
            }
            (None, Some(newest)) if newest != version => {
                format!("{word} {name} {version}, newest {newest} (not allowed by {requirement})")
            }
            (None, _) => format!("{word} {name} {version}"),
        }
    }

    fn json(&self) -> Value {
        let locked = self.locked.as_ref();
        let text = |value: Option<&Version>| value.map(ToString::to_string);
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| {
            object.insert(key.to_owned(), value);
        };
        put("name", self.name.to_string().into());
        put("action", self.word().into());
        put("version", text(locked.map(|one| &one.version)).into());
        put("from", text(self.from.as_ref()).into());
        put("requirement", locked.map(Locked::requirement).into());
        put("sha256", locked.map(|one| one.component.hex()).into());
        put("size", locked.map(|one| one.size).into());
        put("abi", locked.map(|one| one.abi.to_string()).into());
        put(
            "registry",
            locked.map(|one| one.registry.to_string()).into(),
        );
        put("schemes", locked.map(|one| one.schemes.clone()).into());
        put("standing", standing(&self.standing));
        let passed: Vec<Value> = self
            .passed
            .iter()
            .map(|passed| {
                let (word, detail) = why(passed);
                json!({"version": passed.version.to_string(), "why": word, "detail": detail})
            })
            .collect();
        put("passed_over", passed.into());
        match &self.action {
            Action::AtHand(place) => put("origin", (*place).into()),
            Action::Vendored(folder) => put("folder", folder.as_str().into()),
            Action::Verified(places) => put("copies", places.clone().into()),
            Action::Failed { problems, hints } => {
                put("problems", problems.clone().into());
                put("hints", hints.clone().into());
            }
            Action::Compared { allowed, newest } => {
                put("allowed", text(allowed.as_ref()).into());
                put("newest", text(newest.as_ref()).into());
            }
            _ => {}
        }
        for (key, value) in &self.more {
            put(key, value.clone());
        }
        Value::Object(object)
    }
}

/// How a version stands, for programs.
pub(super) fn standing(standing: &Standing) -> Value {
    json!({"word": standing.word(), "reason": standing.reason()})
}

/// Why a version was passed over: a word for programs, and words for people.
fn why(passed: &Passed) -> (&'static str, String) {
    match &passed.why {
        Why::Yanked(reason) => ("yanked", reason.clone()),
        Why::Abi { needed, spoken } => (
            "abi",
            format!("needs waitfor:probe {needed}, and this waitfor speaks {spoken}"),
        ),
    }
}

/// A text from outside as one line that is safe to show. It is not cut: it
/// may hold digests and paths.
pub(super) fn line(text: &str) -> String {
    clean_up_to(usize::MAX, text)
}

/// A published version as it is, or would be, locked.
pub(super) fn as_locked(published: &Published, requirement: Reference, at: &Location) -> Locked {
    Locked {
        name: published.name.clone(),
        requirement,
        version: published.version.clone(),
        registry: at.clone(),
        component: published.component,
        size: published.size,
        abi: published.abi,
        schemes: published.schemes.clone(),
    }
}

/// The answer of a command that goes through plugins.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) command: &'static str,
    pub(super) dry_run: bool,
    pub(super) rows: Vec<Row>,
    pub(super) failure: Option<Error>,
}

impl Rows {
    pub(super) fn of(command: &'static str, rows: Vec<Row>) -> Self {
        Self {
            command,
            rows,
            ..Self::default()
        }
    }
}

impl Told for Rows {
    fn text(&self) -> String {
        // Each of the others speaks of a plugin that the user names.
        if self.rows.is_empty() {
            return "nothing is locked".to_owned();
        }
        let lines = self.rows.iter().flat_map(|row| row.lines(self.dry_run));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "command": self.command,
            "dry_run": self.dry_run,
            "plugins": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
        })
    }

    fn failure(&self) -> Option<Error> {
        self.failure.clone()
    }
}
