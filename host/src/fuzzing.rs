//! Doors for the fuzz targets in `fuzz/`, since what they try is private to
//! this crate. A door panics where what it promises does not hold; what it
//! returns are texts that a user would see, for the target to judge.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::cli::{self, Environment, Invocation, Plan, Probes, values};
use crate::description::{Description, Kind, Param, RawDescription, RawParam, RawScheme};
use crate::engine::attempt::Notes;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::Facts;
use crate::report::clean;
use crate::run;

thread_local! {
    static OFFICIAL: Catalogue = match Catalogue::official() {
        Ok(catalogue) => catalogue,
        Err(error) => panic!("{error}"),
    };
}

/// Compiles the official probes, which takes longer than an input may.
pub fn prepare() {
    OFFICIAL.with(|catalogue| {
        for name in catalogue.names() {
            if let Err(error) = catalogue.describe(&name, None) {
                panic!("{error}");
            }
        }
    });
}

/// Gives `bytes` the way of a stranger's plugin: judged, compiled, and asked
/// in the sandbox what it takes. Returns what is said of a refusal.
pub fn component(bytes: &[u8]) -> Option<String> {
    OFFICIAL.with(|catalogue| {
        let introduced = catalogue.introduce("fuzzed", bytes);
        introduced.err().map(|error| error.to_string())
    })
}

/// The bytes of an official probe.
pub fn official(name: &str) -> Vec<u8> {
    OFFICIAL.with(|catalogue| {
        let chosen = catalogue.find(name, None);
        let supplied = chosen.map(|chosen| catalogue.supply().bytes(&chosen));
        match supplied {
            Ok(Ok(supplied)) => supplied.bytes.into_owned(),
            Ok(Err(error)) => panic!("{error}"),
            Err(error) => panic!("{error}"),
        }
    })
}

/// What a user gives the program.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The arguments, without the program's name.
    pub arguments: Vec<OsString>,
    /// The variables.
    pub variables: BTreeMap<String, OsString>,
    /// The files; all of them are private to the user.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Environment for Given {
    fn var(&self, name: &str) -> Option<OsString> {
        self.variables.get(name).cloned()
    }

    fn os_user(&self) -> Option<String> {
        Some("me".to_owned())
    }

    fn home(&self) -> Option<PathBuf> {
        Some("/home/me".into())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.files.get(path).cloned();
        content.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_private(&self, path: &Path) -> io::Result<bool> {
        self.read(path).map(|_| true)
    }
}

/// The official probes, of which only the newest version is ever taken: each
/// other one would be compiled and kept.
struct Official<'a>(&'a Catalogue);

impl Probes for Official<'_> {
    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn schemes(&self) -> Vec<String> {
        self.0.schemes()
    }

    fn by_scheme(&self, scheme: &str) -> Option<String> {
        self.0.by_scheme(scheme)
    }

    fn describe(&self, name: &str, requirement: Option<&str>) -> Result<(usize, Description)> {
        self.0.find(name, requirement)?;
        self.0.describe(name, None)
    }
}

/// Reads a command line up to the point where something would be dialled.
/// Returns all that would be shown.
pub fn command_line(given: &Given) -> Vec<String> {
    OFFICIAL.with(|catalogue| {
        let plan = match planned(given, &Official(catalogue)) {
            Ok(Planned::Text(text)) => return vec![text],
            Ok(Planned::Plan(plan)) => plan,
            Err(error) => return vec![error.to_string(), format!("{error:?}")],
        };
        let notes = Notes::without(run::scrubber(catalogue, &plan));
        let mut shown = plan.warnings.clone();
        for job in plan.jobs {
            assert!(!job.addresses.is_empty(), "a target without an address");
            shown.push(job.label.clone());
            shown.extend(job.addresses.iter().map(ToString::to_string));
            shown.push(format!("{:?} {:?}", job.secrets, job.tls));
            let Some(loaded) = catalogue.loaded(job.plugin) else {
                panic!("the plugin of a target is not loaded");
            };
            let plugin = match catalogue.plugin(&loaded) {
                Ok(plugin) => plugin,
                Err(error) => panic!("an official probe has no code: {error}"),
            };
            let job = Arc::new(job);
            match catalogue.runtime().block_on(plugin.validate(&job, &notes)) {
                Ok(None) => {}
                Ok(Some(verdict)) => {
                    shown.push(clean(verdict.reason()));
                    shown.extend(verdict.hint().map(clean));
                }
                Err(error) => panic!("an official probe broke: {error}"),
            }
        }
        shown
    })
}

enum Planned {
    Text(String),
    Plan(Plan),
}

fn planned(given: &Given, probes: &dyn Probes) -> Result<Planned> {
    let invocation = cli::parse(given.arguments.iter().cloned(), given)?;
    Ok(match invocation {
        Invocation::Help(request) => Planned::Text(request.text(probes)?),
        Invocation::Wait(request) => Planned::Plan(request.plan(probes, given)?),
        Invocation::Version | Invocation::Plugin { .. } | Invocation::Demo { .. } => {
            Planned::Text(String::new())
        }
    })
}

/// Gives `text` to every parameter of the official probes: what is taken is
/// in the contract's form, and what is not is not repeated.
pub fn parameter_values(text: &str) {
    thread_local! {
        static PARAMS: Vec<Param> = official_parameters();
    }
    PARAMS.with(|params| params.iter().for_each(|param| judge(param, text)));
}

fn official_parameters() -> Vec<Param> {
    OFFICIAL.with(|catalogue| {
        let mut params = Vec::new();
        for name in catalogue.names() {
            match catalogue.describe(&name, None) {
                Ok((_, description)) => params.extend(description.params),
                Err(error) => panic!("{error}"),
            }
        }
        params
    })
}

fn judge(param: &Param, text: &str) {
    let name = &param.name;
    let value = match values::canonical(param, text) {
        Ok(value) => value,
        Err(what) => {
            // A short text may stand in any sentence.
            let repeats = text.len() > 8 && what.contains(text);
            assert!(!repeats, "`{name}`: a value is repeated: {what}");
            return;
        }
    };
    assert!(!value.contains('\0'), "`{name}`: a NUL");
    match param.kind {
        Kind::Text | Kind::Path | Kind::Secret => assert_eq!(value, text, "`{name}`"),
        Kind::Switch => assert!(["true", "false"].contains(&value.as_str()), "{value}"),
        Kind::Choice => assert!(param.choices.contains(&value), "`{name}`: {value}"),
        Kind::Integer => {
            let number: i64 = value.parse().unwrap_or_else(|_| panic!("{value}"));
            assert!(param.min.is_none_or(|min| number >= min), "{number}");
            assert!(param.max.is_none_or(|max| number <= max), "{number}");
            assert_eq!(values::canonical(param, &value), Ok(value), "`{name}`");
        }
        Kind::Duration => {
            let millis: u32 = value.parse().unwrap_or_else(|_| panic!("{value}"));
            let again = values::canonical(param, &format!("{millis}ms"));
            assert_eq!(again, Ok(value), "`{name}`");
        }
    }
}

/// A plugin that describes itself as `text` says, by lines of words:
/// `summary TEXT`, `example TEXT`, `scheme NAME [PORT]`, `param NAME KIND
/// [required] [DEFAULT]`, and `fact NAME VALUE`, which is about what stands
/// before it. Where the description is taken, help and command line must work
/// with it. Returns what is shown.
pub fn description(text: &str) -> Vec<String> {
    match Description::from_raw("fuzzed", raw(text)) {
        Ok(described) => {
            let shelf = Shelf(described);
            let option = shelf.0.params.first().map(|param| param.name.clone());
            let option = format!("--{}=1", option.as_deref().unwrap_or("timeout"));
            let scheme = shelf.0.schemes.first().map(|scheme| &scheme.name);
            let url = format!("{}://h:1/x?a=b", scheme.map_or("tcp", String::as_str));
            let lines: [&[&str]; 4] = [
                &["fuzzed", "--help"],
                &["--help"],
                &["fuzzed", &option, "--host", "h", "--port", "1"],
                &[&url, "--plugin", "fuzzed"],
            ];
            let outcome = |line: &[&str]| {
                let given = Given {
                    arguments: line.iter().map(OsString::from).collect(),
                    ..Given::default()
                };
                match planned(&given, &shelf) {
                    Ok(Planned::Text(text)) => text,
                    Ok(Planned::Plan(plan)) => format!("{plan:?}"),
                    Err(error) => error.to_string(),
                }
            };
            lines.into_iter().map(outcome).collect()
        }
        Err(error) => {
            assert_eq!(error.exit(), Exit::PluginRefused, "{error}");
            vec![error.to_string()]
        }
    }
}

fn raw(text: &str) -> RawDescription {
    let mut raw = RawDescription {
        summary: "works".to_owned(),
        schemes: Vec::new(),
        params: Vec::new(),
        examples: Vec::new(),
        more: Facts::new(),
    };
    let mut about = About::All;
    for line in text.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "summary" => raw.summary = rest.to_owned(),
            "example" => raw.examples.push(rest.to_owned()),
            "scheme" => {
                let (name, port) = rest.split_once(' ').unwrap_or((rest, ""));
                raw.schemes.push(RawScheme {
                    name: name.to_owned(),
                    default_port: port.parse().ok(),
                    more: Facts::new(),
                });
                about = About::Scheme;
            }
            "param" => {
                let mut words = rest.splitn(3, ' ');
                let name = words.next().unwrap_or_default().to_owned();
                let kind = words.next().unwrap_or_default().to_owned();
                let rest = words.next();
                let default = rest.map(|rest| rest.strip_prefix("required").unwrap_or(rest));
                raw.params.push(RawParam {
                    summary: format!("the {name}"),
                    name,
                    kind,
                    required: rest.is_some_and(|rest| rest.starts_with("required")),
                    default: default.filter(|text| !text.is_empty()).map(str::to_owned),
                    more: Facts::new(),
                });
                about = About::Param;
            }
            "fact" => {
                let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                let facts = match about {
                    About::All => Some(&mut raw.more),
                    About::Scheme => raw.schemes.last_mut().map(|scheme| &mut scheme.more),
                    About::Param => raw.params.last_mut().map(|param| &mut param.more),
                };
                if let Some(facts) = facts {
                    facts.push((name.to_owned(), value.to_owned()));
                }
            }
            _ => {}
        }
    }
    raw
}

/// What a fact is about.
enum About {
    All,
    Scheme,
    Param,
}

/// The one plugin `fuzzed`.
struct Shelf(Description);

impl Probes for Shelf {
    fn names(&self) -> Vec<String> {
        vec!["fuzzed".to_owned()]
    }

    fn schemes(&self) -> Vec<String> {
        let schemes = self.0.schemes.iter();
        schemes.map(|scheme| scheme.name.clone()).collect()
    }

    fn by_scheme(&self, scheme: &str) -> Option<String> {
        self.0.scheme(scheme).map(|_| "fuzzed".to_owned())
    }

    fn describe(&self, name: &str, requirement: Option<&str>) -> Result<(usize, Description)> {
        if name == "fuzzed" && requirement.is_none() {
            return Ok((0, self.0.clone()));
        }
        Err(Error::new(
            Exit::PluginRefused,
            format!("no plugin `{name}`"),
        ))
    }
}
