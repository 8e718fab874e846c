//! `waitfor plugin remove`: takes plugins out of `waitfor.toml` and
//! `waitfor.lock`.

use waitfor_registry::Name;

use super::row::{Action, Row, Rows};
use super::session::Session;
use crate::error::{Error, Result};
use crate::exit::Exit;

pub(super) fn run(session: &mut Session, names: &[Name]) -> Result<Rows> {
    session.may_write("remove", waitfor_registry::lock::FILE)?;
    let supply = session.supply();
    let wanted = |name: &Name| {
        let project = supply.project();
        project.is_some_and(|project| project.config.wanted(name).is_some())
    };
    let mut rows = Vec::new();
    for name in names {
        let locked = supply.locked(name).cloned();
        if locked.is_none() && !wanted(name) {
            return Err(Error::new(
                Exit::PluginRefused,
                format!("{name} is neither in waitfor.toml nor locked"),
            )
            .hint("see `waitfor plugin list` for what is locked"));
        }
        rows.push(Row::about(Action::Removed, name.clone(), locked));
    }
    session.commit(|project| {
        for name in names {
            project.config.remove_plugin(name)?;
            if project.lock.is_some() {
                project.lock_mut().remove(name);
            }
        }
        Ok(())
    })?;
    Ok(Rows::of("remove", rows))
}
