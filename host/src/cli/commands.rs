//! The commands that have a word of their own in first place.

use std::ffi::OsString;

use clap::{Arg, Command, value_parser};

use super::environment::Environment;
use super::scan::Scan;
use super::settings::Options;
use super::{HelpRequest, Invocation, names, options, parser};
use crate::error::{Error, Result};

/// The commands about plugins; help shows them too.
pub(crate) fn plugin_command() -> Command {
    command("waitfor plugin")
        .about("Shows the probes at hand")
        .subcommand(command("list").about("Lists the probes with version, schemes and digest"))
        .subcommand(
            command("info")
                .about("Shows one probe with all its parameters")
                .arg(
                    Arg::new("name")
                        .value_name("NAME[@VERSION]")
                        .required(true)
                        .value_parser(value_parser!(OsString)),
                ),
        )
}

/// The demonstration; help shows it too.
pub(crate) fn demo_command() -> Command {
    command("waitfor demo")
        .about("Shows a probe at work: a Redis that accepts too early, then loads, then answers")
}

fn command(name: &'static str) -> Command {
    Command::new(name)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(options::output_args().map(|arg| arg.global(true)))
        .args(options::help_args().map(|arg| arg.global(true)))
}

/// Reads one of these commands; none where the first word is another.
pub(crate) fn parse(scan: &Scan, environment: &dyn Environment) -> Result<Option<Invocation>> {
    let Some(word) = scan.first() else {
        return Ok(None);
    };
    let command = match word {
        "help" => return help(scan).map(Some),
        "plugin" => plugin_command(),
        "demo" => demo_command(),
        _ => return Ok(None),
    };
    if scan.help {
        return Ok(Some(Invocation::Help(HelpRequest::for_command(word))));
    }
    if scan.command.is_some() {
        return Err(Error::usage(format!(
            "`waitfor {word}` runs no command after `--`"
        )));
    }
    let mut scan = scan.clone();
    let is_plugin = word == "plugin";
    scan.drop_first();
    let matches = parser::parse(command, &scan.args, &|_| Vec::new())?;
    let inner = matches.subcommand();
    let output = Options::new(inner.map_or(&matches, |(_, inner)| inner), environment).output()?;
    Ok(Some(match inner {
        Some(("info", inner)) => {
            let name = inner
                .get_one::<OsString>("name")
                .and_then(|name| name.to_str());
            let named = names::required(name.unwrap_or_default(), "plugin info")?;
            Invocation::PluginInfo {
                name: named.name,
                requirement: named.requirement,
                output,
            }
        }
        Some(_) => Invocation::PluginList { output },
        None if is_plugin => {
            return Err(Error::usage("`waitfor plugin` needs a command")
                .hint("write `waitfor plugin list` or `waitfor plugin info NAME`"));
        }
        None => Invocation::Demo { output },
    }))
}

/// `help`, `help NAME`, `help plugin`.
fn help(scan: &Scan) -> Result<Invocation> {
    let mut rest = scan.clone();
    rest.drop_first();
    let request = match rest.first() {
        Some(word @ ("plugin" | "demo")) => HelpRequest::for_command(word),
        Some(word) => HelpRequest::for_scan(&rest, Some(names::required(word, "help")?)),
        None => HelpRequest::for_scan(&rest, None),
    };
    Ok(Invocation::Help(request))
}
