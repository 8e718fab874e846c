//! The texts of `--help`, made from the same lists as the parser.

use clap::{Arg, ArgAction, Command};

use super::names::Named;
use super::scan::Scan;
use super::settings::SupplyOptions;
use super::{Probes, commands, options, parser, url};
use crate::description::{DefaultFrom, Description, Kind, Param};
use crate::error::Result;

/// The widest line, in columns.
const WIDEST: usize = 100;
/// The longest list of choices that stands in the place of a value, in bytes.
const LONGEST_CHOICE: usize = 28;

/// A request for help.
#[derive(Debug)]
pub struct HelpRequest {
    topic: Topic,
    supply: SupplyOptions,
}

#[derive(Debug)]
enum Topic {
    /// `demo`
    Demo,
    /// `plugin`, and one of its commands.
    Plugin(Option<String>),
    /// A probe that is named.
    Probe(Named),
    /// The probe for the one scheme among these, or all of the program.
    Schemes(Vec<String>),
}

impl HelpRequest {
    /// Help for a command of its own, and for a command of that one.
    pub(crate) fn for_command(word: &str, inner: Option<&str>) -> Self {
        Self {
            topic: match word {
                "demo" => Topic::Demo,
                _ => Topic::Plugin(inner.map(str::to_owned)),
            },
            supply: SupplyOptions::default(),
        }
    }

    pub(crate) fn for_scan(scan: &Scan, name: Option<Named>, supply: SupplyOptions) -> Self {
        Self {
            topic: Self::topic(scan, name),
            supply,
        }
    }

    /// Where the plugins come from whose help is wanted.
    pub fn supply(&self) -> &SupplyOptions {
        &self.supply
    }

    fn topic(scan: &Scan, name: Option<Named>) -> Topic {
        let named = name.or_else(|| {
            let first = scan.plugins.first()?;
            super::names::read(first.to_str()?)
        });
        if let Some(named) = named {
            return Topic::Probe(named);
        }
        let words = scan.words.iter().filter_map(|(_, word)| word.to_str());
        let schemes = words
            .filter_map(url::split_scheme)
            .map(|(scheme, _)| scheme)
            .collect();
        Topic::Schemes(schemes)
    }

    /// The text, for stdout.
    ///
    /// # Errors
    /// Those of [`Probes::describe`], and a word that is no probe's name.
    pub fn text(&self, probes: &dyn Probes) -> Result<String> {
        match &self.topic {
            Topic::Demo => Ok(render(commands::demo_command())),
            Topic::Plugin(inner) => Ok(plugin(inner.as_deref())),
            Topic::Probe(named) => {
                if named.requirement.is_none()
                    && !named.name.contains('/')
                    && !probes.names().contains(&named.name)
                {
                    return Err(super::routing::unknown_word(&named.name, probes));
                }
                let (_, description) =
                    probes.describe(&named.name, named.requirement.as_deref())?;
                Ok(probe(&named.name, &description))
            }
            Topic::Schemes(schemes) => {
                let mut names: Vec<String> = schemes
                    .iter()
                    .filter_map(|scheme| probes.by_scheme(scheme))
                    .collect();
                names.dedup();
                match names.as_slice() {
                    [name] => Ok(probe(name, &probes.describe(name, None)?.1)),
                    _ => Ok(general(probes)),
                }
            }
        }
    }
}

fn render(command: Command) -> String {
    command.max_term_width(WIDEST).render_help().to_string()
}

/// The help of the commands about plugins, or of one of them.
fn plugin(inner: Option<&str>) -> String {
    // What these commands answer stands on standard output in either form.
    let mut command = commands::plugin_command()
        .max_term_width(WIDEST)
        .mut_arg("output", |arg| {
            arg.help("text or json, both to stdout [default: text]")
        });
    command.build();
    let found = inner.and_then(|name| command.find_subcommand(name));
    match found {
        Some(found) => found.clone().render_help().to_string(),
        None => command.render_help().to_string(),
    }
}

/// The program's own help.
fn general(probes: &dyn Probes) -> String {
    let command = parser::host_command()
        .about("Waits until services really work, then runs a command.")
        .override_usage(
            "waitfor [OPTIONS] TARGET... [-- COMMAND [ARG...]]\n       \
             waitfor [OPTIONS] NAME[@VERSION] [PROBE OPTIONS] [-- COMMAND [ARG...]]\n       \
             waitfor plugin COMMAND | demo",
        )
        .after_help(format!(
            "A TARGET is a URL whose scheme a probe answers to, or HOST:PORT for a plain TCP check.\n\
             Probes: {}; `waitfor NAME --help` shows the options of one.\n\
             Schemes: {}\n\
             Every option has a variable, as WAITFOR_TIMEOUT for --timeout.\n\n\
             Examples:\n  \
             waitfor postgres://app@db/app redis://cache -- ./run-tests.sh\n  \
             waitfor -t 2m vault+http://vault:8200\n  \
             waitfor postgres --host db --password-file /run/secrets/db\n\n\
             Exit codes: 0 ready (or the command's own), 2 usage, 3 misconfigured, 4 plugin refused,\n\
             5 plugin broke, 124 not ready in time, 126 and 127 the command could not be run",
            probes.names().join(", "),
            probes.schemes().join(", "),
        ));
    render(command)
}

/// The help of one probe: its own options first, then the host's.
fn probe(name: &str, description: &Description) -> String {
    let heading = format!("Options of {name}");
    let mut command = Command::new("waitfor")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .about(format!("{name}: {}", description.summary))
        .override_usage(format!(
            "waitfor [OPTIONS] {}://… [-- COMMAND [ARG...]]\n       \
             waitfor {name} [OPTIONS] [-- COMMAND [ARG...]]",
            description
                .schemes
                .first()
                .map_or(name, |scheme| scheme.name.as_str()),
        ));
    for param in &description.params {
        command = command.args(param_args(param, &heading));
    }
    command = command
        .args(options::OPTIONS.iter().map(options::HostOption::arg))
        .args(options::help_args())
        .after_help(after_probe(name, description));
    render(command)
}

/// A parameter's options with what help says about them.
fn param_args(param: &Param, heading: &str) -> Vec<Arg> {
    let mut notes = vec![capital(&param.summary)];
    let long_choice = param.kind == Kind::Choice && param.choices.join("|").len() > LONGEST_CHOICE;
    if long_choice {
        notes.push(format!("[one of: {}]", param.choices.join(", ")));
    }
    match (&param.default, &param.default_from) {
        // That an option without a value is off by default goes without saying.
        (Some(default), _) if param.kind == Kind::Switch && default == "false" => {}
        (Some(default), _) => notes.push(format!("[default: {default}]")),
        (None, Some(DefaultFrom::OsUser)) => {
            notes.push("[default: your account's name]".to_owned())
        }
        (None, Some(DefaultFrom::Param(other))) => {
            notes.push(format!("[default: the value of --{other}]"))
        }
        (None, None) if param.required => notes.push("[required]".to_owned()),
        (None, None) => {}
    }
    if !param.env.is_empty() {
        notes.push(format!("[env: {}]", param.env.join(", ")));
    }
    if param.multiple {
        notes.push("[may be repeated]".to_owned());
    }
    let summary = notes.join(" ");
    let mut args = parser::param_args(param, heading).into_iter();
    let mut shown = Vec::new();
    if let Some(arg) = args.next() {
        let arg = match param.kind {
            // Help shows a switch plainly; `=false` turns it off.
            Kind::Switch => Arg::new(parser::param_id(param))
                .long(param.name.clone())
                .help_heading(heading.to_owned())
                .action(ArgAction::SetTrue),
            Kind::Choice if long_choice && param.placeholder.is_none() => arg.value_name("WORD"),
            _ => arg,
        };
        shown.push(arg.help(summary));
    }
    shown.extend(
        args.map(|file| file.help(format!("A file that holds the value of --{}", param.name))),
    );
    shown
}

/// The text with a capital at its start, as the host's own options have it.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

fn after_probe(name: &str, description: &Description) -> String {
    let mut text = String::from("Schemes:\n");
    for scheme in &description.schemes {
        let port = scheme
            .default_port
            .map(|port| format!(" (port {port})"))
            .unwrap_or_default();
        text.push_str(format!("  {}://{port}  {}", scheme.name, scheme.summary).trim_end());
        text.push('\n');
    }
    let targets = [
        description.url_env(),
        description.host_env(),
        description.port_env(),
    ]
    .concat();
    if !targets.is_empty() {
        text.push_str(&format!(
            "Variables that name the target: {}\n",
            targets.join(", ")
        ));
    }
    if let Some(param) = description.params.first() {
        let own = options::variable(&format!("{name}-{}", param.name));
        text.push_str(&format!(
            "Each option of {name} may also stand in the URL, as ?{}=…, or in a variable, as {own}.\n",
            param.name
        ));
    }
    if !description.examples.is_empty() {
        text.push_str("\nExamples:\n");
        for example in &description.examples {
            text.push_str(&format!("  waitfor {example}\n"));
        }
    }
    text.trim_end().to_owned()
}
