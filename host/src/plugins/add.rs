//! `waitfor plugin add`: takes a plugin into `waitfor.toml` and
//! `waitfor.lock`.

use waitfor_registry::{Binding, Config, Locked, Name, PluginRef, Reference, Wanted, config};

use super::row::{Action, Row, Rows};
use super::session::Session;
use super::{back, place, take};
use crate::cli::RegistryChoice;
use crate::description::Description;
use crate::error::Result;

pub(super) fn run(
    session: &mut Session,
    plugin: &PluginRef,
    choice: Option<&RegistryChoice>,
) -> Result<Rows> {
    session.may_write("add", waitfor_registry::lock::FILE)?;
    let name = &plugin.name;
    warn_of_a_likeness(session, name)?;
    let binding = place::binding(session.supply(), name, choice, "--registry")?;
    let resolved = take::find(session.supply(), name, &plugin.reference, &binding)?;
    let before = session.supply().locked(name).cloned();
    let version = &resolved.published.version;
    let kept = before
        .as_ref()
        .filter(|one| back::is_way_back(one, version, &plugin.reference, &binding.location));
    let requirement = match &plugin.reference {
        Reference::Newest => match kept {
            Some(kept) => kept.requirement.clone(),
            None => format!("^{version}").parse()?,
        },
        reference => reference.clone(),
    };
    let (row, locked, description) = match kept {
        Some(kept) => {
            let locked = Locked {
                requirement,
                ..kept.clone()
            };
            let description = take::described(session, &locked);
            let row = back::stay(session, locked.clone(), resolved, &binding)?;
            (row, locked, description)
        }
        None => {
            let taken = take::take_up(session, resolved, requirement, &binding)?;
            let row = Row::new(Action::Added, taken.locked.clone());
            let row = row.standing(taken.standing).passed(taken.passed);
            (row, taken.locked, Some(taken.description))
        }
    };
    session.warn_of_clashes(&locked)?;
    let secrets = secrets(description.as_ref());
    let changed = write(session, &locked, choice.map(|_| &binding))?;
    if changed && !secrets.is_empty() {
        let options: Vec<String> = secrets.iter().map(|one| format!("--{one}")).collect();
        session.note(format!("{name} asks for secrets: {}", options.join(", ")));
    }
    let from = before
        .map(|before| before.version)
        .filter(|version| *version != locked.version);
    let action = match &from {
        _ if !changed => Action::Kept,
        Some(_) => Action::Updated,
        None => row.action.clone(),
    };
    let row = Row { action, ..row }.from(from).with("secrets", secrets);
    Ok(Rows::of("add", vec![row]))
}

/// The parameters that take a secret.
fn secrets(description: Option<&Description>) -> Vec<String> {
    let params = description.map(|description| description.params.iter());
    params
        .into_iter()
        .flatten()
        .filter(|param| param.is_secret())
        .map(|param| param.name.clone())
        .collect()
}

/// Writes both files; says whether that changed anything. `named` is the
/// registry that the user named.
fn write(session: &mut Session, locked: &Locked, named: Option<&Binding>) -> Result<bool> {
    let mut changed = false;
    session.commit(|project| {
        let registry = match named {
            Some(binding) => {
                own_registry(&mut project.config, &locked.name, binding, &mut changed)?
            }
            None => project
                .config
                .wanted(&locked.name)
                .and_then(|wanted| wanted.registry.clone()),
        };
        let wanted = Wanted {
            name: locked.name.clone(),
            reference: locked.requirement.clone(),
            registry,
        };
        changed |= project.config.set_plugin(&wanted)?;
        changed |= project.lock_mut().set(locked.clone());
        Ok(())
    })?;
    Ok(changed)
}

/// The registry that the plugin's own entry has to name. A team that has none
/// yet is bound to it instead, so that its other plugins are found as well.
fn own_registry(
    config: &mut Config,
    name: &Name,
    binding: &Binding,
    changed: &mut bool,
) -> waitfor_registry::Result<Option<waitfor_registry::Location>> {
    let key = name.team().unwrap_or(config::DEFAULT);
    match (config.registries().get(key), name.team()) {
        (Some(bound), _) if bound.location == binding.location => Ok(None),
        (None, Some(team)) => {
            *changed |= config.bind(Some(team), &binding.location)?;
            Ok(None)
        }
        (None, None) if binding.location == waitfor_registry::Location::Official => Ok(None),
        _ => Ok(Some(binding.location.clone())),
    }
}

/// Warns where the name is one slip away from that of an official probe.
fn warn_of_a_likeness(session: &mut Session, name: &Name) -> Result<()> {
    let official = session.supply().official()?;
    let mut like: Vec<String> = official
        .iter()
        .map(|one| one.name.to_string())
        .filter(|known| is_one_slip(known, name.as_str()))
        .collect();
    like.dedup();
    for known in like {
        session.warn(format!(
            "`{name}` is one letter away from the official probe `{known}`: is it what you mean?"
        ));
    }
    Ok(())
}

/// Whether one letter more, less, changed or swapped makes one of the other.
pub(super) fn is_one_slip(one: &str, other: &str) -> bool {
    strsim::osa_distance(one, other) == 1
}
