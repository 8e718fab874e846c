//! clap's part: the options of the host and of the probes in play as one
//! command, and its errors in this program's words.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::{options, redact, suggest};
use crate::description::{Description, Kind, Param};
use crate::error::Error;

/// The id of the targets.
pub(crate) const TARGETS: &str = "targets";
/// The step after an error that has none of its own.
pub(crate) const SEE_HELP: &str = "see `waitfor --help`";

/// The id of a parameter's option.
pub(crate) fn param_id(param: &Param) -> String {
    format!("param:{}", param.name)
}

/// The id of the option that names a file with a parameter's secret.
pub(crate) fn file_id(param: &Param) -> String {
    format!("file:{}", param.name)
}

/// The name of that option.
pub(crate) fn file_option(param: &Param) -> String {
    format!("{}-file", param.name)
}

/// The command with the host's options alone.
pub(crate) fn host_command() -> Command {
    Command::new("waitfor")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .arg(
            Arg::new(TARGETS)
                .value_name("TARGET")
                .num_args(0..)
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString))
                .hide(true),
        )
        .args(options::OPTIONS.iter().map(options::HostOption::arg))
        .args(options::help_args())
}

/// The options about where plugins come from, alone.
pub(crate) fn supply_command() -> Command {
    Command::new("waitfor")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(options::args(options::Group::Plugins))
}

/// The command with the options of these probes too. Where several have an
/// option of the same name, it takes a value if one of them says so: which
/// probe it belongs to shows later.
pub(crate) fn command<'a>(descriptions: impl IntoIterator<Item = &'a Description>) -> Command {
    let mut params: Vec<&Param> = Vec::new();
    for param in descriptions
        .into_iter()
        .flat_map(|description| &description.params)
    {
        match params.iter_mut().find(|known| known.name == param.name) {
            Some(known) if known.kind == Kind::Switch => *known = param,
            Some(_) => {}
            None => params.push(param),
        }
    }
    let file_options: Vec<String> = params
        .iter()
        .filter(|param| param.is_secret())
        .map(|param| file_option(param))
        .collect();
    // Between two probes one's name may be the other's file option.
    params.retain(|param| !file_options.contains(&param.name));
    host_command().args(
        params
            .into_iter()
            .flat_map(|param| param_args(param, "Probe")),
    )
}

/// The options of one parameter.
pub(crate) fn param_args(param: &Param, heading: &str) -> Vec<Arg> {
    let arg = Arg::new(param_id(param))
        .long(param.name.clone())
        .help_heading(heading.to_owned())
        .value_name(placeholder(param))
        .value_parser(value_parser!(OsString))
        .action(if param.multiple {
            ArgAction::Append
        } else {
            ArgAction::Set
        })
        .allow_negative_numbers(param.kind == Kind::Integer);
    let arg = match param.kind {
        Kind::Switch => arg
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => arg.num_args(1),
    };
    if !param.is_secret() {
        return vec![arg];
    }
    let file = Arg::new(file_id(param))
        .long(file_option(param))
        .help_heading(heading.to_owned())
        .value_name("FILE")
        .value_parser(value_parser!(OsString))
        .action(ArgAction::Set);
    vec![arg, file]
}

/// What help shows for the value.
fn placeholder(param: &Param) -> String {
    if let Some(text) = &param.placeholder {
        return text.clone();
    }
    match param.kind {
        Kind::Integer => "N".to_owned(),
        Kind::Duration => "DURATION".to_owned(),
        Kind::Path => "FILE".to_owned(),
        Kind::Choice => param.choices.join("|"),
        Kind::Switch => "true|false".to_owned(),
        Kind::Text | Kind::Secret => param.name.replace('-', "_").to_uppercase(),
    }
}

/// Parses; `foreign` tells which probes not in play have an option.
pub(crate) fn parse(
    command: Command,
    args: &[OsString],
    foreign: &dyn Fn(&str) -> Vec<String>,
) -> Result<ArgMatches, Error> {
    let names: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect();
    command
        .no_binary_name(true)
        .try_get_matches_from(args)
        .map_err(|error| in_our_words(&error, &names, foreign))
}

/// clap's error without the values it may hold: one of them may be a secret.
pub(crate) fn in_our_words(
    error: &clap::Error,
    names: &[String],
    foreign: &dyn Fn(&str) -> Vec<String>,
) -> Error {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let argument = text(ContextKind::InvalidArg);
    // clap shows `--timeout <DURATION>` or `--timeout=x`.
    let option = argument
        .split([' ', '='])
        .next()
        .unwrap_or_default()
        .trim_end_matches('[');
    let option = redact::shown(option);
    match error.kind() {
        ErrorKind::UnknownArgument => unknown(&option, names, foreign),
        ErrorKind::InvalidValue | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            Error::usage(format!("`{option}` needs a value")).hint(format!(
                "a value that starts with a dash is written `{option}=-…`"
            ))
        }
        ErrorKind::TooManyValues => Error::usage(format!("`{option}` takes no value")),
        ErrorKind::NoEquals => Error::usage(format!("`{option}` takes its value after `=`")),
        ErrorKind::ArgumentConflict => Error::usage(format!("`{option}` is given twice")),
        ErrorKind::MissingRequiredArgument => {
            let word = option.trim_end_matches('.').trim_matches(['<', '>']);
            Error::usage(format!("`{word}` is missing"))
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            let error = Error::usage(format!("there is no command `{}`", redact::shown(&word)));
            match text(ContextKind::SuggestedSubcommand) {
                near if near.is_empty() => error.hint(SEE_HELP),
                near => error.hint(format!("did you mean `{near}`?")),
            }
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Error::usage("the command is not complete").hint(SEE_HELP)
        }
        _ => Error::usage("the command line cannot be understood").hint(SEE_HELP),
    }
}

fn unknown(option: &str, names: &[String], foreign: &dyn Fn(&str) -> Vec<String>) -> Error {
    let Some(name) = option.strip_prefix("--") else {
        let message = if option.starts_with('-') {
            format!("there is no option `{option}`")
        } else {
            // clap reports a word that nothing takes in the same way.
            format!("there is a word too many: `{}`", redact::target(option))
        };
        return Error::usage(message).hint(SEE_HELP);
    };
    let owners = foreign(name);
    if !owners.is_empty() {
        return Error::usage(format!(
            "`{option}` is an option of {}, which is not among the targets",
            suggest::listed(&owners)
        ))
        .hint("see `waitfor NAME --help` for the options of a probe");
    }
    let near: Vec<String> = suggest::near(name, names.iter().map(String::as_str))
        .into_iter()
        .map(|near| format!("--{near}"))
        .collect();
    let hint = if near.is_empty() {
        "see `waitfor --help`, and `waitfor NAME --help` for the options of a probe".to_owned()
    } else {
        format!("did you mean {}?", suggest::listed(&near))
    };
    Error::usage(format!(
        "there is no option `--{}`",
        without_value(name, names)
    ))
    .hint(hint)
}

/// The name of an option that is not known, without what may be a value: that
/// of `--passwordVALUE`, with the `=` left out.
fn without_value(name: &str, names: &[String]) -> String {
    let odd = |letter: char| !letter.is_ascii_alphanumeric() && !"-_.".contains(letter);
    let word = name.split(odd).next().unwrap_or_default();
    let is_ending = |rest: &str| {
        let of_a_name = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        rest.len() <= 2 || (rest.starts_with('-') && rest.chars().all(of_a_name))
    };
    let known = names
        .iter()
        .filter(|known| {
            word.strip_prefix(known.as_str())
                .is_some_and(|rest| !is_ending(rest))
        })
        .max_by_key(|known| known.len());
    match known {
        Some(known) => format!("{known}…"),
        None if word.len() < name.len() => format!("{word}…"),
        None => name.to_owned(),
    }
}
