//! Which registry a command speaks to: the name's own, or the one that the
//! user names by a key or by its location.

use waitfor_registry::{Binding, Name, Supply};

use super::session::shown;
use crate::cli::RegistryChoice;
use crate::error::{Error, Result};

/// The registry for a plugin; `option` is the one that names it.
///
/// # Errors
/// Where nothing is bound to its team, or the key that the user gave is none.
pub(super) fn binding(
    supply: &Supply,
    name: &Name,
    choice: Option<&RegistryChoice>,
    option: &str,
) -> Result<Binding> {
    let key = match choice {
        None => {
            return supply.binding(name).map_err(|error| {
                let is_unbound = matches!(error, waitfor_registry::Error::NoRegistry { .. });
                let told = Error::from(error);
                match name.team().filter(|_| is_unbound) {
                    Some(team) => told.hint(format!(
                        "write `{team} = \"HOST/PATH\"` under [registries], or give {option}"
                    )),
                    None => told,
                }
            });
        }
        Some(RegistryChoice::Location(location)) => return Ok(supply.binding_at(location)),
        Some(RegistryChoice::Key(key)) => key,
    };
    let project = supply.project();
    let known = project.and_then(|project| project.config.registries().get(key));
    if let Some(binding) = known {
        return Ok(binding.clone());
    }
    let place = match project {
        Some(project) => format!(" in {}", shown(project.config_path().to_owned())),
        None => String::new(),
    };
    let keys: Vec<&str> = project
        .map(|project| project.config.registries().keys())
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let error = Error::usage(format!("there is no key `{key}` under [registries]{place}"));
    Err(if keys.is_empty() {
        error.hint("write HOST/PATH for a registry, or oci:FOLDER for a folder")
    } else {
        error.hint(format!(
            "there are {}; or write HOST/PATH for a registry, or oci:FOLDER for a folder",
            keys.join(", ")
        ))
    })
}
