//! `waitfor plugin yank`: says of a published version what its users must
//! know, and takes that back.

use waitfor_registry::Error as Failure;
use waitfor_registry::{Name, Reference, Standing, Version};

use super::place;
use super::row::{Action, Row, Rows, as_locked};
use super::session::Session;
use crate::cli::{RegistryChoice, Statement};
use crate::error::{Error, Result};
use crate::exit::Exit;

pub(super) fn run(
    session: &mut Session,
    name: &Name,
    version: &Version,
    statement: &Statement,
    choice: Option<&RegistryChoice>,
) -> Result<Rows> {
    let binding = place::binding(session.supply(), name, choice, "--registry")?;
    let registry = session.supply().registry(&binding)?;
    let Some(published) = registry.find(name, version)? else {
        let there = registry.versions(name)?;
        let error = Error::new(
            Exit::PluginRefused,
            format!("{} holds no {name}@{version}", registry.place()),
        );
        return Err(if there.is_empty() {
            error.hint("look at the name, and at the registry that it is bound to")
        } else {
            let there: Vec<String> = there.iter().map(ToString::to_string).collect();
            error.hint(format!("there are {}", there.join(", ")))
        });
    };
    let (action, standing) = match statement {
        Statement::Yank { reason } => (
            Action::Yanked,
            Standing::Yanked {
                reason: reason.clone(),
            },
        ),
        Statement::Deprecate { reason } => (
            Action::Deprecated,
            Standing::Deprecated {
                reason: reason.clone(),
            },
        ),
        Statement::Undo if published.standing == Standing::Good => (Action::Unsaid, Standing::Good),
        Statement::Undo => (Action::Restored, Standing::Good),
    };
    registry
        .declare(&published, &standing)
        .map_err(|error| match error {
            Failure::ReadOnly { .. } => {
                Error::from(error).hint("name another registry with --registry")
            }
            error => error.into(),
        })?;
    let requirement: Reference = version.to_string().parse()?;
    let locked = as_locked(&published, requirement, &binding.location);
    Ok(Rows::of(
        "yank",
        vec![Row::new(action, locked).standing(standing)],
    ))
}
