//! `waitfor plugin …`: one module a command. What a command has found or done
//! is one value, from which both the lines for people and the JSON object for
//! programs are made, so that the two cannot tell different things.

mod add;
mod back;
mod fetch;
mod gc;
mod info;
mod list;
mod lock;
mod outdated;
mod place;
mod publish;
mod remove;
mod row;
mod session;
mod table;
mod take;
mod update;
mod vendor;
mod verify;
mod yank;

#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::catalogue::refused;
use crate::cli::{PluginCommand, SupplyOptions};
use crate::error::{Error, Result};
use crate::report::{Format, OutputSettings};

use session::Session;

/// The version of the JSON forms; `docs/plugin-json.md` documents them.
const SCHEMA: u32 = 1;

/// What a command has to say in the end.
pub struct Answer {
    /// For standard output; may be empty.
    pub text: String,
    /// What is wrong all the same, where something is.
    pub failure: Option<Error>,
}

/// What a command has found or done.
trait Told {
    /// For people, without a line end at its end.
    fn text(&self) -> String;
    /// For programs.
    fn json(&self) -> Value;
    /// What is wrong all the same.
    fn failure(&self) -> Option<Error> {
        None
    }
}

impl From<waitfor_registry::Error> for Error {
    fn from(error: waitfor_registry::Error) -> Self {
        refused(&error)
    }
}

/// Runs a command about plugins. Warnings and notes go to standard error.
///
/// # Errors
/// What the command ran into; nothing was changed then, but for what was
/// downloaded.
pub fn run(
    command: &PluginCommand,
    supply: &SupplyOptions,
    output: &OutputSettings,
) -> Result<Answer> {
    let mut session = Session::open(supply)?;
    let told = told(command, &mut session);
    session.tell(output);
    let told = told?;
    Ok(Answer {
        text: match output.format {
            Format::Text => told.text(),
            Format::Json => told.json().to_string(),
        },
        failure: told.failure(),
    })
}

fn told(command: &PluginCommand, session: &mut Session) -> Result<Box<dyn Told>> {
    check_files(command, session)?;
    let told: Box<dyn Told> = match command {
        PluginCommand::List => Box::new(list::run(session)?),
        PluginCommand::Info { plugin } => Box::new(info::run(session, plugin)?),
        PluginCommand::Add { plugin, registry } => {
            Box::new(add::run(session, plugin, registry.as_ref())?)
        }
        PluginCommand::Remove { names } => Box::new(remove::run(session, names)?),
        PluginCommand::Lock => Box::new(lock::run(session)?),
        PluginCommand::Update {
            names,
            precise,
            dry_run,
        } => Box::new(update::run(session, names, precise.as_ref(), *dry_run)?),
        PluginCommand::Fetch => Box::new(fetch::run(session)?),
        PluginCommand::Verify => Box::new(verify::run(session)?),
        PluginCommand::Outdated => Box::new(outdated::run(session)?),
        PluginCommand::Publish(publication) => Box::new(publish::run(session, publication)?),
        PluginCommand::Yank {
            name,
            version,
            statement,
            registry,
        } => Box::new(yank::run(
            session,
            name,
            version,
            statement,
            registry.as_ref(),
        )?),
        PluginCommand::Vendor { folder } => Box::new(vendor::run(session, folder.as_deref())?),
        PluginCommand::Gc { dry_run } => Box::new(gc::run(session, *dry_run)?),
    };
    Ok(told)
}

/// The files that the user names are there, but for those that a command is to
/// write.
fn check_files(command: &PluginCommand, session: &Session) -> Result<()> {
    match command {
        PluginCommand::Add { .. } | PluginCommand::Publish(_) => Ok(()),
        PluginCommand::Lock | PluginCommand::Yank { .. } => Ok(session.supply().check_config()?),
        _ => Ok(session.supply().check_files()?),
    }
}
