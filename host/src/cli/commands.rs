//! The commands that have a word of their own in first place.

use clap::Command;

use super::environment::Environment;
use super::options::Group;
use super::scan::Scan;
use super::settings::Options;
use super::{HelpRequest, Invocation, names, options, parser, plugin_commands};
use crate::error::{Error, Result};

/// The commands about plugins; help shows them too.
pub(crate) fn plugin_command() -> Command {
    command("waitfor plugin", &[Group::Plugins, Group::Output])
        .about("Finds, pins, publishes and keeps probes")
        .subcommands(plugin_commands::subcommands())
}

/// The demonstration; help shows it too.
pub(crate) fn demo_command() -> Command {
    command("waitfor demo", &[Group::Output])
        .about("Shows a probe at work: a Redis that accepts too early, then loads, then answers")
}

fn command(name: &'static str, groups: &[Group]) -> Command {
    let args = groups.iter().flat_map(|group| options::args(*group));
    Command::new(name)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(args.map(|arg| arg.global(true)))
        .args(options::help_args().map(|arg| arg.global(true)))
}

/// Reads one of these commands; none where the first word is another.
pub(crate) fn parse(scan: &Scan, environment: &dyn Environment) -> Result<Option<Invocation>> {
    let Some(word) = scan.first() else {
        return Ok(None);
    };
    if word == "help" {
        return help(scan, environment).map(Some);
    }
    if !matches!(word, "plugin" | "demo") {
        return Ok(None);
    }
    // `plugin help add` reads as `plugin add --help`.
    let asks = word == "plugin" && scan.word(1) == Some("help");
    if scan.help || asks {
        let topic = HelpRequest::for_command(word, scan.word(if asks { 2 } else { 1 }));
        return Ok(Some(Invocation::Help(topic)));
    }
    if scan.command.is_some() {
        return Err(Error::usage(format!(
            "`waitfor {word}` runs no command after `--`"
        )));
    }
    let mut rest = scan.clone();
    rest.drop_first();
    if word == "demo" {
        let matches = parser::parse(demo_command(), &rest.args, &|_| Vec::new())?;
        let output = Options::new(&matches, environment).output()?;
        return Ok(Some(Invocation::Demo { output }));
    }
    let parsed = parser::parse(plugin_command(), &rest.args, &|_| Vec::new());
    let matches = parsed.map_err(|error| in_place(error, rest.first()))?;
    let Some((name, inner)) = matches.subcommand() else {
        return Err(Error::usage("`waitfor plugin` needs a command")
            .hint("see `waitfor plugin --help`, or write `waitfor plugin list`"));
    };
    let options = Options::new(inner, environment);
    Ok(Some(Invocation::Plugin {
        output: options.output()?,
        supply: options.supply()?,
        command: plugin_commands::read(name, inner, environment)?,
    }))
}

/// Leads to the help of the command that was meant, where the error leads to
/// the program's.
fn in_place(error: Error, command: Option<&str>) -> Error {
    if error.hint_text() != Some(parser::SEE_HELP) {
        return error;
    }
    let known = command.filter(|command| plugin_command().find_subcommand(command).is_some());
    match known {
        Some(command) => error.hint(format!("see `waitfor plugin {command} --help`")),
        None => error.hint("see `waitfor plugin --help`"),
    }
}

/// `help`, `help NAME`, `help plugin`, `help plugin add`.
fn help(scan: &Scan, environment: &dyn Environment) -> Result<Invocation> {
    // Help is for those who got something wrong: it is shown all the same.
    let supply = super::supply(scan, environment).unwrap_or_default();
    let mut rest = scan.clone();
    rest.drop_first();
    let request = match rest.first() {
        Some(word @ ("plugin" | "demo")) => HelpRequest::for_command(word, rest.word(1)),
        Some(word) => {
            let name = names::required(word, "help")?;
            HelpRequest::for_scan(&rest, Some(name), supply)
        }
        None => HelpRequest::for_scan(&rest, None, supply),
    };
    Ok(Invocation::Help(request))
}
