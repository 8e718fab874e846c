//! `waitfor plugin verify`: every copy of what is locked is hashed, and the
//! registries are asked whether they still say what was locked.

use std::collections::BTreeSet;

use waitfor_registry::{Layout, Location, Locked};

use super::row::{Action, Row, Rows};
use super::session::Session;
use super::take;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// What brings bytes back that are nowhere on this machine.
const FETCH: &str = "run `waitfor plugin fetch`";

/// What makes lock and configuration agree.
const LOCK: &str = "run `waitfor plugin lock` and commit the lock";

/// What puts the vendored folder right.
const VENDOR: &str = "run `waitfor plugin vendor`, which puts the right bytes in their place";

pub(super) fn run(session: &mut Session) -> Result<Rows> {
    session.locked_project()?;
    let all: Vec<Locked> = session.supply().all_locked().cloned().collect();
    let mut rows = Vec::new();
    for locked in all {
        rows.push(verify(session, locked));
    }
    disagreements(session, &mut rows)?;
    rows.sort_by(|one, other| one.name.cmp(&other.name));
    other_problems(session, &rows);
    let failed: Vec<&Row> = rows.iter().filter(|row| row.is_failed()).collect();
    let failure = (!failed.is_empty()).then(|| {
        let names: Vec<String> = failed.iter().map(|row| row.name.to_string()).collect();
        let error = Error::new(
            Exit::PluginRefused,
            format!("not as locked: {}", names.join(", ")),
        );
        let hints = failed.iter().flat_map(|row| row.hints());
        let hints: BTreeSet<&str> = hints.map(String::as_str).collect();
        match hints.into_iter().collect::<Vec<_>>().as_slice() {
            [] => error,
            hints => error.hint(hints.join("; ")),
        }
    });
    Ok(Rows {
        failure,
        ..Rows::of("verify", rows)
    })
}

fn verify(session: &mut Session, locked: Locked) -> Row {
    let mut found = Found::default();
    copies(session, &locked, &mut found);
    own_words(session, &locked, &mut found);
    registry(session, &locked, &mut found);
    if found.places.is_empty() && found.problems.is_empty() {
        found.problem("it is not at hand".to_owned(), Some(FETCH));
    }
    let standing = session.supply().last_standing(&locked);
    session.warn_of(&locked.name, &locked.version, &standing);
    let action = if found.problems.is_empty() {
        Action::Verified(found.places)
    } else {
        Action::Failed {
            problems: found.problems,
            hints: found.hints,
        }
    };
    Row::new(action, locked).standing(standing)
}

/// What became of the copies of one plugin.
#[derive(Default)]
struct Found {
    /// Where it is as it was locked.
    places: Vec<&'static str>,
    problems: Vec<String>,
    hints: Vec<String>,
}

impl Found {
    fn problem(&mut self, problem: String, hint: Option<&str>) {
        self.problems.push(problem);
        self.hints.extend(hint.map(str::to_owned));
    }

    /// Notes what came of looking into a place; `mend` puts it right.
    fn copy<T>(
        &mut self,
        place: &'static str,
        held: waitfor_registry::Result<Option<T>>,
        mend: Option<&str>,
    ) {
        match held {
            Ok(Some(_)) => self.places.push(place),
            Ok(None) => {}
            Err(error) => {
                let hint = error.hint();
                self.problem(error.to_string(), mend.or(hint.as_deref()));
            }
        }
    }
}

/// Hashes every copy on this machine.
fn copies(session: &Session, locked: &Locked, found: &mut Found) {
    let supply = session.supply();
    let Locked {
        component, size, ..
    } = locked;
    found.copy("official", supply.inside(component, *size), None);
    match supply.vendor() {
        Ok(Some(vendor)) => found.copy("vendor", vendor.holding(component, *size), Some(VENDOR)),
        Ok(None) => {}
        Err(error) => found.problem(error.to_string(), error.hint().as_deref()),
    }
    if let Ok(store) = supply.store() {
        found.copy("store", store.component(component, *size), None);
    }
    if let Location::Folder(folder) = &locked.registry {
        let held =
            Layout::open(supply.folder(folder)).and_then(|layout| layout.holding(component, *size));
        found.copy("registry", held, None);
    }
}

/// Compares the lock with what the component says of itself.
fn own_words(session: &Session, locked: &Locked, found: &mut Found) {
    // Copies that are not as they were locked are told of already.
    if !found.problems.is_empty() {
        return;
    }
    match take::own_words(session, locked) {
        Ok(Some(own)) => {
            for difference in own.differences(locked) {
                found.problem(difference, Some(LOCK));
            }
        }
        Ok(None) => {}
        Err(error) => found.problem(error.message().to_owned(), error.hint_text()),
    }
}

/// Asks the registry of a plugin, and keeps what it says.
fn registry(session: &Session, locked: &Locked, found: &mut Found) {
    let supply = session.supply();
    // Another waitfor may have locked an official probe of its own.
    let is_remote = match locked.registry {
        Location::Official => return,
        Location::Folder(_) => false,
        Location::Remote(_) => true,
    };
    if is_remote && supply.options().offline {
        return;
    }
    let published = supply
        .registry(&supply.binding_at(&locked.registry))
        .and_then(|registry| supply.check_unmoved(&*registry, locked));
    match published {
        Ok(published) => {
            // A store that cannot be written is not what was asked about.
            let _ = supply.remember(&locked.registry, &published);
            // Nothing has to be here that can be had.
            if found.places.is_empty() {
                found.places.push("registry");
            }
        }
        Err(error) => found.problem(error.to_string(), error.hint().as_deref()),
    }
}

/// Where lock and configuration disagree.
fn disagreements(session: &Session, rows: &mut Vec<Row>) -> Result<()> {
    let Some(project) = session.supply().project().filter(|one| one.has_config()) else {
        return Ok(());
    };
    for found in project.disagreements()? {
        let name = found.name().clone();
        let locked = session.supply().locked(&name).cloned();
        let known = rows.iter_mut().find(|row| row.name == name);
        if let Some(Action::Failed { problems, hints }) = known.map(|row| &mut row.action) {
            problems.push(found.to_string());
            hints.push(LOCK.to_owned());
            continue;
        }
        rows.retain(|row| row.name != name);
        let action = Action::Failed {
            problems: vec![found.to_string()],
            hints: vec![LOCK.to_owned()],
        };
        rows.push(Row::about(action, name, locked));
    }
    Ok(())
}

/// What is wrong in the store beside what is locked here.
fn other_problems(session: &mut Session, rows: &[Row]) {
    let Ok(store) = session.supply().store().cloned() else {
        return;
    };
    let ours: Vec<_> = rows
        .iter()
        .filter_map(|row| row.locked.as_ref())
        .map(|locked| store.path_of(&locked.component))
        .collect();
    // A store that cannot be read has been told of already.
    for problem in store.verify().unwrap_or_default() {
        if !ours.contains(&problem.path) {
            session.warn(format!(
                "{} in `{}`; {}",
                problem.problem,
                problem.path.display(),
                problem.hint
            ));
        }
    }
}
