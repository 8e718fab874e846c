//! The host's own options, defined once: from this list come the parser, the
//! help, the environment variables and the names that plugins may not take.

use clap::{Arg, ArgAction, value_parser};
use std::ffi::OsString;
use std::time::Duration;

use super::duration;

/// Under which heading help shows an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// What to wait for.
    Target,
    /// How to wait.
    Waiting,
    /// Trust and certificates.
    Tls,
    /// Where plugins come from.
    Plugins,
    /// What to print.
    Output,
}

impl Group {
    /// The heading.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Target => "Target",
            Self::Waiting => "Waiting",
            Self::Tls => "TLS",
            Self::Plugins => "Plugins",
            Self::Output => "Output",
        }
    }
}

/// What follows an option's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing: the option is on or off.
    Nothing,
    /// Nothing, and it may be repeated.
    Count,
    /// One value, shown in help by this word.
    Value(&'static str),
    /// One value, and the option may be repeated.
    Values(&'static str),
}

/// One option of the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostOption {
    /// Without its dashes.
    pub(crate) name: &'static str,
    /// The one-letter form.
    pub(crate) short: Option<char>,
    /// What follows it.
    pub(crate) takes: Takes,
    /// Where help shows it.
    pub(crate) group: Group,
    /// One line.
    pub(crate) summary: &'static str,
    /// As a user would write it.
    pub(crate) default: Option<&'static str>,
}

impl HostOption {
    /// The environment variable that stands in for it.
    pub(crate) fn variable(&self) -> String {
        variable(self.name)
    }

    /// Whether it is followed by a value.
    pub(crate) fn takes_value(&self) -> bool {
        matches!(self.takes, Takes::Value(_) | Takes::Values(_))
    }

    /// As clap knows it; its id is its name.
    pub(crate) fn arg(&self) -> Arg {
        let help = match self.default {
            Some(default) => format!("{} [default: {default}]", self.summary),
            None => self.summary.to_owned(),
        };
        let arg = Arg::new(self.name)
            .long(self.name)
            .help(help)
            .help_heading(self.group.heading());
        let arg = match self.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        match self.takes {
            Takes::Nothing => arg.action(ArgAction::SetTrue),
            Takes::Count => arg.action(ArgAction::Count),
            Takes::Value(placeholder) => arg
                .action(ArgAction::Set)
                .allow_negative_numbers(true)
                .value_name(placeholder)
                .value_parser(value_parser!(OsString)),
            Takes::Values(placeholder) => arg
                .action(ArgAction::Append)
                .value_name(placeholder)
                .value_parser(value_parser!(OsString)),
        }
    }
}

/// The environment variable that stands in for the option `name`.
pub(crate) fn variable(name: &str) -> String {
    let word: String = name
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    format!("WAITFOR_{word}")
}

const fn option(
    group: Group,
    name: &'static str,
    takes: Takes,
    default: Option<&'static str>,
    summary: &'static str,
) -> HostOption {
    HostOption {
        name,
        short: None,
        takes,
        group,
        summary,
        default,
    }
}

const fn short(letter: char, option: HostOption) -> HostOption {
    HostOption {
        short: Some(letter),
        ..option
    }
}

/// The options that one may give with every probe, in the order of the help.
pub(crate) const OPTIONS: &[HostOption] = &[
    option(
        Group::Target,
        "plugin",
        Takes::Values("NAME[@VERSION]"),
        None,
        "The probe to use, and which version of it; may be repeated",
    ),
    option(
        Group::Target,
        "url",
        Takes::Value("URL"),
        None,
        "The target as a URL",
    ),
    option(
        Group::Target,
        "host",
        Takes::Value("HOST"),
        None,
        "The target's host name or address",
    ),
    option(
        Group::Target,
        "port",
        Takes::Value("PORT"),
        None,
        "The target's port [default: the probe's]",
    ),
    option(
        Group::Target,
        "unix",
        Takes::Value("PATH"),
        None,
        "The target as a UNIX socket; @NAME is an abstract one",
    ),
    option(
        Group::Target,
        "allow",
        Takes::Values("HOST:PORT"),
        None,
        "A further address that a probe may be sent to; may be repeated",
    ),
    short(
        't',
        option(
            Group::Waiting,
            "timeout",
            Takes::Value("DURATION"),
            Some("60s"),
            "How long to wait in all; a bare number is seconds, 0 is no limit",
        ),
    ),
    short(
        'i',
        option(
            Group::Waiting,
            "interval",
            Takes::Value("DURATION"),
            Some("1s"),
            "The longest pause between two attempts",
        ),
    ),
    option(
        Group::Waiting,
        "attempt-timeout",
        Takes::Value("DURATION"),
        Some("5s"),
        "How long one attempt may take",
    ),
    option(
        Group::Waiting,
        "successes",
        Takes::Value("N"),
        Some("1"),
        "How many good answers in a row it takes",
    ),
    option(
        Group::Waiting,
        "stable-for",
        Takes::Value("DURATION"),
        Some("0s"),
        "How long the answers must stay good, without a restart",
    ),
    option(
        Group::Waiting,
        "any",
        Takes::Nothing,
        None,
        "One ready target is enough",
    ),
    option(
        Group::Waiting,
        "not",
        Takes::Nothing,
        None,
        "Wait until the target is not ready; an error is never a success",
    ),
    option(
        Group::Waiting,
        "grace",
        Takes::Value("DURATION"),
        Some("3s"),
        "How long a misconfigured answer must persist before giving up",
    ),
    option(
        Group::Tls,
        "tls-ca",
        Takes::Value("FILE"),
        None,
        "Trust these roots (PEM) [default: the system's]",
    ),
    option(
        Group::Tls,
        "tls-cert",
        Takes::Value("FILE"),
        None,
        "The client's certificate chain (PEM)",
    ),
    option(
        Group::Tls,
        "tls-key",
        Takes::Value("FILE"),
        None,
        "The key of the client's certificate (PEM)",
    ),
    option(
        Group::Tls,
        "tls-server-name",
        Takes::Value("NAME"),
        None,
        "The name to send and to verify, in place of the target's host",
    ),
    option(
        Group::Tls,
        "tls-insecure",
        Takes::Nothing,
        None,
        "Take every certificate",
    ),
    option(
        Group::Plugins,
        "locked",
        Takes::Nothing,
        None,
        "Fail where the lock does not fit, or lacks what is used",
    ),
    option(
        Group::Plugins,
        "offline",
        Takes::Nothing,
        None,
        "Ask no registry: use what is at hand",
    ),
    option(
        Group::Plugins,
        "frozen",
        Takes::Nothing,
        None,
        "Both of --locked and --offline",
    ),
    option(
        Group::Plugins,
        "config",
        Takes::Value("FILE"),
        None,
        "The configuration [default: the nearest waitfor.toml upwards]",
    ),
    option(
        Group::Plugins,
        "lock-file",
        Takes::Value("FILE"),
        None,
        "The lock [default: waitfor.lock beside the configuration]",
    ),
    option(
        Group::Plugins,
        "store",
        Takes::Value("DIR"),
        None,
        "Where downloaded plugins are kept [default: the user's cache]",
    ),
    option(
        Group::Plugins,
        "no-native-cache",
        Takes::Nothing,
        None,
        "Neither use nor keep compiled code of plugins",
    ),
    option(
        Group::Plugins,
        "network-timeout",
        Takes::Value("DURATION"),
        Some("30s"),
        "How long a registry may stay silent",
    ),
    option(
        Group::Output,
        "output",
        Takes::Value("FORMAT"),
        Some("text"),
        "text (to stderr) or json (one object a line, to stdout)",
    ),
    short(
        'q',
        option(
            Group::Output,
            "quiet",
            Takes::Nothing,
            None,
            "Print errors only",
        ),
    ),
    short(
        'v',
        option(
            Group::Output,
            "verbose",
            Takes::Count,
            None,
            "Print more; -vv prints what the probes log",
        ),
    ),
    option(
        Group::Output,
        "color",
        Takes::Value("WHEN"),
        Some("auto"),
        "auto, always or never",
    ),
];

/// Further names that no plugin's parameter may take: the options that are
/// not settings, and those that the program's design has in store.
const FURTHER_NAMES: &[&str] = &["help", "version", "report"];

/// Words with a meaning of their own in first place, which no plugin's name
/// may be.
pub(crate) const RESERVED_WORDS: &[&str] = &["plugin", "demo", "help", "completions", "man"];

/// The host's option of that name.
pub(crate) fn find(name: &str) -> Option<&'static HostOption> {
    OPTIONS.iter().find(|option| option.name == name)
}

/// The default of an option that takes a length of time, as its help says.
pub(crate) fn default_length(name: &str) -> Duration {
    find(name)
        .and_then(|option| option.default)
        .and_then(duration::parse)
        .unwrap_or_default()
}

/// The host's option of that letter.
pub(crate) fn find_short(letter: char) -> Option<&'static HostOption> {
    OPTIONS.iter().find(|option| option.short == Some(letter))
}

/// Whether the name belongs to the host, so that no plugin may take it.
pub(crate) fn is_taken(name: &str) -> bool {
    find(name).is_some() || FURTHER_NAMES.contains(&name)
}

/// The settings under one heading: those that go with every command, and
/// those that go with every command about plugins.
pub(crate) fn args(group: Group) -> impl Iterator<Item = Arg> {
    OPTIONS
        .iter()
        .filter(move |option| option.group == group)
        .map(HostOption::arg)
}

/// `-h` and `-V`, which the parser finds by itself; here for the help.
pub(crate) fn help_args() -> [Arg; 2] {
    [
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::SetTrue)
            .help("Print this help; with a probe's name, that probe's options")
            .help_heading(Group::Output.heading()),
        Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::SetTrue)
            .help("Print the version")
            .help_heading(Group::Output.heading()),
    ]
}
