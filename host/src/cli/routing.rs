//! Which probe a target goes to: by its URL's scheme, by the name that the
//! user gave, or plain TCP for `host:port`. Nothing is guessed beyond that.

use std::collections::BTreeSet;

use super::endpoint::Endpoint;
use super::environment::{Environment, variable_text};
use super::names::{self, Named};
use super::scan::Scan;
use super::target::{Reader, Target};
use super::{Probes, address, keywords, options, redact, suggest, url};
use crate::description::Description;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Parts of a scheme that name a transport or a role: dropping one of them,
/// as is done with a driver's name, would wait for something else.
const MEANINGFUL: &[&str] = &[
    "tls",
    "ssl",
    "tcp",
    "udp",
    "unix",
    "sock",
    "socket",
    "http",
    "https",
    "ws",
    "wss",
    "srv",
    "sentinel",
    "sentinels",
    "cluster",
    "insecure",
];

/// A probe in play.
pub(crate) struct Member {
    pub(crate) name: String,
    /// Its index among the loaded plugins.
    pub(crate) index: usize,
    pub(crate) description: Description,
}

/// The probes that this command line may need, each asked once.
pub(crate) struct Cast<'a> {
    probes: &'a dyn Probes,
    named: Vec<Named>,
    members: Vec<Member>,
}

/// A target and its probe.
pub(crate) struct Route {
    /// The place of the probe among the cast.
    pub(crate) member: usize,
    /// Whether the text is a variable's that other programs share.
    pub(crate) shared: bool,
    form: Form,
}

enum Form {
    /// A URL; the scheme by the probe's name for it.
    Url { scheme: String, text: String },
    /// `host:port`.
    Address(String),
    /// `key=value …`.
    Keywords(String),
    /// No word at all.
    Unworded(Box<Endpoint>),
}

impl Route {
    pub(crate) fn unworded(member: usize, endpoint: Endpoint) -> Self {
        Self {
            member,
            shared: false,
            form: Form::Unworded(Box::new(endpoint)),
        }
    }

    /// Reads the target.
    pub(crate) fn target(&self, reader: &mut Reader<'_>) -> Result<Target> {
        match &self.form {
            Form::Url { scheme, text } => {
                let first = reader.first_scheme()?;
                let scheme = reader.description.scheme(scheme).cloned().unwrap_or(first);
                let rest = url::split_scheme(text).map_or("", |(_, rest)| rest);
                reader.url(&scheme, rest, text)
            }
            Form::Keywords(text) => {
                let scheme = reader.first_scheme()?;
                reader.keywords(&scheme, text)
            }
            Form::Unworded(endpoint) => endpoint.target(reader),
            Form::Address(text) => {
                let scheme = reader.first_scheme()?;
                let (host, port) =
                    address::host_and_port(text).map_err(|reason| odd_address(text, reason))?;
                let addresses = reader.addresses(vec![(host, Some(port))], &scheme, text)?;
                let mut target = reader.plain(&scheme, addresses, Vec::new(), None);
                if scheme.name == "tcp" {
                    target.label = text.clone();
                }
                Ok(target)
            }
        }
    }
}

impl<'a> Cast<'a> {
    pub(crate) fn new(probes: &'a dyn Probes, named: Vec<Named>) -> Self {
        Self {
            probes,
            named,
            members: Vec::new(),
        }
    }

    pub(crate) fn member(&self, at: usize) -> &Member {
        &self.members[at]
    }

    pub(crate) fn description(&self, at: usize) -> &Description {
        &self.members[at].description
    }

    /// Asks the probes that the user named.
    pub(crate) fn call_named(&mut self) -> Result<()> {
        for named in self.named.clone() {
            self.call(&named.name)?;
        }
        Ok(())
    }

    /// The place of a probe, asked for its description if it is new.
    pub(crate) fn call(&mut self, name: &str) -> Result<usize> {
        if let Some(at) = self.members.iter().position(|member| member.name == name) {
            return Ok(at);
        }
        let requirement = self
            .named
            .iter()
            .find(|named| named.name == name)
            .and_then(|named| named.requirement.as_deref());
        let (index, description) = self.probes.describe(name, requirement)?;
        self.members.push(Member {
            name: name.to_owned(),
            index,
            description,
        });
        Ok(self.members.len() - 1)
    }

    /// The one probe that the user named, if any.
    pub(crate) fn only_named(&mut self) -> Result<Option<usize>> {
        match self.named.as_slice() {
            [] => Ok(None),
            [one] => {
                let name = one.name.clone();
                self.call(&name).map(Some)
            }
            _ => Err(Error::usage("several probes are named, and no target")
                .hint("give the targets as URLs")),
        }
    }

    /// The probes that the words may go to, before it is known which of the
    /// words are targets. Words that go nowhere are told later.
    pub(crate) fn guess(&mut self, scan: &Scan, environment: &dyn Environment) -> BTreeSet<usize> {
        let mut guess: BTreeSet<usize> = (0..self.members.len()).collect();
        let mut texts: Vec<String> = scan
            .words
            .iter()
            .filter_map(|(_, word)| word.to_str().map(str::to_owned))
            .collect();
        texts.extend(
            scan.url
                .as_ref()
                .and_then(|url| url.to_str())
                .map(str::to_owned),
        );
        if texts.is_empty() {
            texts.extend(
                variable_text(environment, &options::variable("url"))
                    .ok()
                    .flatten(),
            );
        }
        for text in &texts {
            if let Ok(route) = self.route(text, true) {
                guess.insert(route.member);
            }
        }
        if guess.is_empty()
            && let Ok(tcp) = self.by_scheme("tcp")
        {
            guess.insert(tcp);
        }
        guess
    }

    /// The probe for a scheme of ours.
    pub(crate) fn by_scheme(&mut self, scheme: &str) -> Result<usize> {
        match self.probes.by_scheme(scheme) {
            Some(name) => self.call(&name),
            None => Err(self.unknown_scheme(scheme, &format!("{scheme}://"))),
        }
    }

    /// Where a target goes; `urls` tells whether any target is a URL.
    pub(crate) fn route(&mut self, text: &str, urls: bool) -> Result<Route> {
        if let Some((written, _)) = url::split_scheme(text) {
            let (member, scheme) = self.scheme(&written, text)?;
            return Ok(Route {
                member,
                shared: false,
                form: Form::Url {
                    scheme,
                    text: text.to_owned(),
                },
            });
        }
        let only = match self.named.as_slice() {
            [one] => {
                let name = one.name.clone();
                Some(self.call(&name)?)
            }
            _ => None,
        };
        if keywords::looks_like(text) {
            let member = only.filter(|at| self.description(*at).libpq());
            let form = Form::Keywords(text.to_owned());
            return match member {
                Some(member) => Ok(Route { member, shared: false, form }),
                None => Err(Error::usage(format!("`{}` is a key=value string, and no probe that reads them is named", redact::target(text)))
                    .hint("name it, as in `waitfor --plugin postgres 'host=db dbname=app'`; a command goes after `--`")),
            };
        }
        if let Err(reason) = address::host_and_port(text) {
            return Err(self.not_a_target(text, reason));
        }
        let form = Form::Address(text.to_owned());
        let member = match only {
            Some(member) if !urls => member,
            _ => {
                let tcp = self.by_scheme("tcp")?;
                let name = &self.member(tcp).name;
                if !self.named.is_empty() && !self.named.iter().any(|named| named.name == *name) {
                    return Err(Error::usage(format!(
                        "`{text}` may be meant for the probe you name, or for a plain TCP check"
                    ))
                    .hint(format!("write its scheme, as in tcp://{text}")));
                }
                tcp
            }
        };
        Ok(Route {
            member,
            shared: false,
            form,
        })
    }

    /// Where the URL of a probe's own variable goes: to that probe.
    pub(crate) fn route_variable(
        &mut self,
        member: usize,
        variable: &str,
        text: &str,
    ) -> Result<Route> {
        let description = self.description(member);
        if description.libpq() && keywords::looks_like(text) && url::split_scheme(text).is_none() {
            return Ok(Route {
                member,
                shared: true,
                form: Form::Keywords(text.to_owned()),
            });
        }
        let written = url::split_scheme(text)
            .map(|(scheme, _)| scheme)
            .unwrap_or_default();
        let mapped = description.url_env_scheme(&written).unwrap_or(&written);
        let scheme = stripped(mapped)
            .into_iter()
            .find(|scheme| description.scheme(scheme).is_some());
        let Some(scheme) = scheme else {
            let known: Vec<&str> = description
                .schemes
                .iter()
                .map(|scheme| scheme.name.as_str())
                .collect();
            let name = &self.member(member).name;
            return Err(Error::usage(format!(
                "the variable `{variable}` holds no URL for `{name}`: `{}`",
                redact::target(text)
            ))
            .hint(format!(
                "its scheme must be {}; or give the target by --url",
                suggest::listed(&known)
            )));
        };
        Ok(Route {
            member,
            shared: true,
            form: Form::Url {
                scheme,
                text: text.to_owned(),
            },
        })
    }

    /// The probe for a URL's scheme, and the scheme by the probe's name for
    /// it: of the probes that the user named, else of all.
    fn scheme(&mut self, written: &str, text: &str) -> Result<(usize, String)> {
        for scheme in stripped(written) {
            for named in self.named.clone() {
                let member = self.call(&named.name)?;
                if self.description(member).scheme(&scheme).is_some() {
                    return Ok((member, scheme));
                }
            }
            if let Some(name) = self.probes.by_scheme(&scheme) {
                let member = self.call(&name)?;
                if self.description(member).scheme(&scheme).is_none() {
                    return Err(misled(&name, &scheme));
                }
                return Ok((member, scheme));
            }
        }
        Err(self.unknown_scheme(written, text))
    }

    fn unknown_scheme(&self, scheme: &str, text: &str) -> Error {
        let wanting = self.probes.wanting();
        if !wanting.is_empty() {
            return Error::new(
                Exit::PluginRefused,
                format!(
                    "no probe at hand answers to the scheme `{}` of `{}`, and {} of waitfor.toml is not locked",
                    redact::shown(scheme),
                    redact::target(text),
                    wanting.join(", ")
                ),
            )
            .hint("run `waitfor plugin lock` and commit the lock");
        }
        let schemes = self.probes.schemes();
        let near = suggest::near(scheme, schemes.iter().map(String::as_str));
        let error = Error::usage(format!(
            "no probe answers to the scheme `{}` of `{}`",
            redact::shown(scheme),
            redact::target(text)
        ));
        if near.is_empty() {
            error.hint(format!("known schemes: {}", schemes.join(", ")))
        } else {
            error.hint(format!("did you mean {}?", suggest::listed(&near)))
        }
    }

    /// A word that is neither a URL nor an address.
    fn not_a_target(&self, text: &str, reason: &str) -> Error {
        let shown = redact::target(text);
        let known = self.probes.names();
        if names::read(text).is_some_and(|named| known.contains(&named.name)) {
            return Error::usage(format!(
                "`{shown}` names a probe, and stands where a target should be"
            ))
            .hint("put it first, or write --plugin; a command goes after `--`");
        }
        if text.starts_with('/') || text.starts_with('.') {
            return Error::usage(format!("`{shown}` is neither a URL nor HOST:PORT"))
                .hint("write unix:///PATH for a socket; a command goes after `--`");
        }
        if text.contains(':') && !text.contains('/') {
            return odd_address(text, reason);
        }
        self.unknown_word(text)
    }

    /// A word without any mark of what it is.
    fn unknown_word(&self, text: &str) -> Error {
        unknown_word(text, self.probes)
    }

    /// Every probe that the user named must have a target: a pin that pins
    /// nothing is a mistake.
    pub(crate) fn check_all_used(&self, in_play: &BTreeSet<usize>) -> Result<()> {
        for named in &self.named {
            if !in_play.iter().any(|at| self.member(*at).name == named.name) {
                return Err(Error::usage(format!(
                    "no target is for the probe `{}` that you name",
                    named.name
                ))
                .hint("leave it away, or give a target with one of its schemes"));
            }
        }
        Ok(())
    }

    /// The probes at hand that have an option of that name.
    pub(crate) fn owners(&self, option: &str) -> Vec<String> {
        let mut names = self.probes.names();
        names.retain(|name| {
            let described = self.probes.peek(name);
            described.is_some_and(|description| {
                description.params.iter().any(|param| {
                    param.name == option
                        || (param.is_secret() && super::parser::file_option(param) == option)
                })
            })
        });
        names
    }
}

/// The error for a bare word that is no probe's name.
pub(crate) fn unknown_word(text: &str, probes: &dyn Probes) -> Error {
    let known = probes.names();
    let near = suggest::near(text, known.iter().map(String::as_str));
    let error = Error::usage(format!(
        "`{}` is no URL, no HOST:PORT and no probe's name",
        redact::target(text)
    ));
    if near.is_empty() {
        error.hint(format!(
            "a host needs its port, as in `{}:80`; a command goes after `--`; known probes: {}",
            redact::target(text),
            known.join(", ")
        ))
    } else {
        error.hint(format!("did you mean {}?", suggest::listed(&near)))
    }
}

/// A lock that says more than the plugin does.
fn misled(name: &str, scheme: &str) -> Error {
    Error::new(
        Exit::PluginRefused,
        format!("{name} is locked as one that answers to {scheme}://, and does not"),
    )
    .hint(format!(
        "take the lock back from version control, or run `waitfor plugin remove {name}` and `waitfor plugin add {name}`"
    ))
}

fn odd_address(text: &str, reason: &str) -> Error {
    let error = Error::usage(format!(
        "the target `{}` cannot be used: {reason}",
        redact::target(text)
    ));
    if reason.contains("IPv6") {
        error
    } else {
        error.hint("write HOST:PORT, or a URL such as postgres://USER@HOST/DATABASE")
    }
}

/// The scheme, then without the drivers' names that frameworks append:
/// `postgresql+psycopg2`, `postgresql`.
fn stripped(scheme: &str) -> Vec<String> {
    let mut all = vec![scheme.to_owned()];
    let mut rest = scheme;
    while let Some((before, suffix)) = rest.rsplit_once('+') {
        if MEANINGFUL.contains(&suffix) {
            break;
        }
        all.push(before.to_owned());
        rest = before;
    }
    all
}
