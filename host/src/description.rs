//! What a plugin says of itself, in the host's own types: the one list from
//! which a probe's options, help, environment and URL keys all come.
//!
//! A description is a stranger's text. [`Description::from_raw`] reads the
//! open vocabularies of the contract as its comments say, and refuses whatever
//! could mislead a user or crowd out the host's own options.

mod check;

pub use waitfor_native::RawDescription;
#[cfg(any(test, feature = "fuzzing"))]
pub use waitfor_native::{RawParam, RawScheme};

use crate::error::Result;
use crate::model::Facts;

/// What a parameter's values look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text; also every kind that this host does not know.
    Text,
    /// A whole number.
    Integer,
    /// On or off.
    Switch,
    /// A length of time.
    Duration,
    /// One of some words.
    Choice,
    /// The name of a file.
    Path,
    /// A value that must not be shown.
    Secret,
}

impl Kind {
    /// The kind that a word of the contract means.
    pub fn of(word: &str) -> Self {
        match word {
            "integer" => Self::Integer,
            "switch" => Self::Switch,
            "duration" => Self::Duration,
            "choice" => Self::Choice,
            "path" => Self::Path,
            "secret" => Self::Secret,
            _ => Self::Text,
        }
    }

    /// The contract's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Switch => "switch",
            Self::Duration => "duration",
            Self::Choice => "choice",
            Self::Path => "path",
            Self::Secret => "secret",
        }
    }
}

/// The part of a URL that holds a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlPart {
    /// Before the `:` of the credentials.
    Username,
    /// After the `:` of the credentials.
    Password,
    /// The path without its first slash, decoded.
    Path,
    /// Path and query as written.
    RequestTarget,
}

/// The option of the host that a parameter sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostOption {
    /// `--tls-ca`
    TlsCa,
    /// `--tls-cert`
    TlsCert,
    /// `--tls-key`
    TlsKey,
    /// `--tls-server-name`
    TlsServerName,
    /// `--tls-insecure`
    TlsInsecure,
    /// `--attempt-timeout`
    AttemptTimeout,
    /// A word of a later contract. Giving such a parameter is an error, since
    /// this host cannot do what it asks for.
    Unknown(String),
}

impl HostOption {
    fn of(word: &str) -> Self {
        match word {
            "tls-ca" => Self::TlsCa,
            "tls-cert" => Self::TlsCert,
            "tls-key" => Self::TlsKey,
            "tls-server-name" => Self::TlsServerName,
            "tls-insecure" => Self::TlsInsecure,
            "attempt-timeout" => Self::AttemptTimeout,
            _ => Self::Unknown(word.to_owned()),
        }
    }
}

/// What stands in for a value that is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultFrom {
    /// The name of the user who runs the program.
    OsUser,
    /// The value of another parameter.
    Param(String),
}

/// One thing that the user can tell a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Kebab-case; `--NAME`, and a key of the URL's query.
    pub name: String,
    /// What its values look like.
    pub kind: Kind,
    /// One line.
    pub summary: String,
    /// Whether the user must give it.
    pub required: bool,
    /// As a user would write it.
    pub default: Option<String>,
    /// Variables to take the value from; the first that is set wins.
    pub env: Vec<String>,
    /// Other names for it in URLs and key lists.
    pub aliases: Vec<String>,
    /// The words allowed, for a choice.
    pub choices: Vec<String>,
    /// The least integer allowed.
    pub min: Option<i64>,
    /// The greatest integer allowed.
    pub max: Option<i64>,
    /// Whether the user may give several.
    pub multiple: bool,
    /// The part of a URL that holds it.
    pub url_part: Option<UrlPart>,
    /// What stands in for a value that is not given.
    pub default_from: Option<DefaultFrom>,
    /// What help shows for the value.
    pub placeholder: Option<String>,
    /// The option of the host that it sets; the probe then does not see it.
    pub host_option: Option<HostOption>,
    /// Whether a file in the format of `.pgpass` may hold it.
    pub pgpass: bool,
}

impl Param {
    /// Reads a parameter's facts. What cannot be read is left out here and
    /// found by [`Description::check`] where it matters.
    pub fn from_parts(
        name: String,
        kind: &str,
        summary: String,
        required: bool,
        default: Option<String>,
        more: &Facts,
    ) -> Self {
        Self {
            kind: Kind::of(kind),
            env: all(more, "env"),
            aliases: all(more, "alias"),
            choices: all(more, "choice"),
            min: first(more, "min").and_then(|text| text.parse().ok()),
            max: first(more, "max").and_then(|text| text.parse().ok()),
            multiple: first(more, "multiple") == Some("true"),
            url_part: first(more, "url-part").and_then(|word| match word {
                "username" => Some(UrlPart::Username),
                "password" => Some(UrlPart::Password),
                "path" => Some(UrlPart::Path),
                "request-target" => Some(UrlPart::RequestTarget),
                _ => None,
            }),
            default_from: first(more, "default-from").map(|source| match source {
                "os-user" => DefaultFrom::OsUser,
                other => DefaultFrom::Param(other.to_owned()),
            }),
            placeholder: first(more, "placeholder").map(str::to_owned),
            host_option: first(more, "host").map(HostOption::of),
            pgpass: first(more, "password-file") == Some("pgpass"),
            name,
            summary,
            required,
            default,
        }
    }

    /// Whether its values must not be shown.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// Whether a key of a URL's query or of a key list means it; `_` and `-`
    /// are alike.
    pub fn answers_to(&self, key: &str) -> bool {
        let same = |name: &str| name.replace('_', "-") == key.replace('_', "-");
        same(&self.name) || self.aliases.iter().any(|alias| same(alias))
    }
}

/// A URL scheme that a probe answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// As in `rediss`.
    pub name: String,
    /// None where the target has no port or must name one.
    pub default_port: Option<u16>,
    /// What the scheme means, one line; may be empty.
    pub summary: String,
    /// Whether the URL's path is that of a UNIX socket.
    pub unix: bool,
}

/// What a plugin says of itself, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// One line: what `ready` means here.
    pub summary: String,
    /// At least one; the first is the one for targets without a URL.
    pub schemes: Vec<Scheme>,
    /// The parameters, in the order of the help.
    pub params: Vec<Param>,
    /// Command lines, without the program's name.
    pub examples: Vec<String>,
    /// All facts, also those that this host does not know.
    pub more: Facts,
}

impl Description {
    /// Reads and checks what the plugin `plugin` says of itself.
    ///
    /// # Errors
    /// [`Exit::PluginRefused`](crate::exit::Exit::PluginRefused), naming the
    /// plugin and what is wrong.
    pub fn from_raw(plugin: &str, raw: RawDescription) -> Result<Self> {
        check::raw(plugin, &raw)?;
        let description = Self::known(raw);
        description.check(plugin)?;
        Ok(description)
    }

    /// Reads what a plugin says of itself, where it is known to hold.
    pub fn known(raw: RawDescription) -> Self {
        Self {
            summary: raw.summary,
            schemes: raw
                .schemes
                .into_iter()
                .map(|scheme| Scheme {
                    summary: first(&scheme.more, "summary")
                        .unwrap_or_default()
                        .to_owned(),
                    unix: first(&scheme.more, "transport") == Some("unix"),
                    name: scheme.name,
                    default_port: scheme.default_port,
                })
                .collect(),
            params: raw
                .params
                .into_iter()
                .map(|param| {
                    Param::from_parts(
                        param.name,
                        &param.kind,
                        param.summary,
                        param.required,
                        param.default,
                        &param.more,
                    )
                })
                .collect(),
            examples: raw.examples,
            more: raw.more,
        }
    }

    /// Refuses names that collide or mislead, defaults that do not hold, and
    /// sizes beyond reason.
    ///
    /// # Errors
    /// As [`from_raw`](Self::from_raw).
    pub fn check(&self, plugin: &str) -> Result<()> {
        check::description(plugin, self)
    }

    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.name == name)
    }

    /// The parameter that a key of a query or of a key list means.
    pub fn param_for_key(&self, key: &str) -> Option<&Param> {
        self.params.iter().find(|param| param.answers_to(key))
    }

    /// The parameter that stands in that part of a URL.
    pub fn param_in(&self, part: UrlPart) -> Option<&Param> {
        self.params
            .iter()
            .find(|param| param.url_part == Some(part))
    }

    /// The scheme of that name.
    pub fn scheme(&self, name: &str) -> Option<&Scheme> {
        self.schemes.iter().find(|scheme| scheme.name == name)
    }

    /// Variables that hold the target's URL.
    pub fn url_env(&self) -> Vec<String> {
        all(&self.more, "url-env")
    }

    /// The scheme that a variable's URL of scheme `scheme` means, from facts
    /// such as `url-env-scheme`: `http=vault+http`.
    pub fn url_env_scheme(&self, scheme: &str) -> Option<&str> {
        self.more
            .iter()
            .filter(|(name, _)| name == "url-env-scheme")
            .filter_map(|(_, value)| value.split_once('='))
            .find(|(from, _)| *from == scheme)
            .map(|(_, to)| to)
    }

    /// Variables that hold the target's host.
    pub fn host_env(&self) -> Vec<String> {
        all(&self.more, "host-env")
    }

    /// Variables that hold the target's port.
    pub fn port_env(&self) -> Vec<String> {
        all(&self.more, "port-env")
    }

    /// The host where none is given.
    pub fn default_host(&self) -> Option<&str> {
        first(&self.more, "default-host")
    }

    /// Whether a URL may list several hosts.
    pub fn many_hosts(&self) -> bool {
        first(&self.more, "hosts") == Some("many")
    }

    /// Whether the probe's targets follow libpq's rules: `key=value` strings,
    /// `?host=`, and a host that starts with `/` is a socket's folder.
    pub fn libpq(&self) -> bool {
        first(&self.more, "keywords") == Some("libpq")
    }

    /// Whether a key of the query is for other clients, and passed over here;
    /// by the facts `ignored-key`.
    pub fn ignores_key(&self, key: &str) -> bool {
        self.more.iter().any(|(name, ignored)| {
            name == "ignored-key" && ignored.replace('_', "-") == key.replace('_', "-")
        })
    }
}

fn first<'a>(facts: &'a Facts, name: &str) -> Option<&'a str> {
    facts
        .iter()
        .find(|(fact, _)| fact == name)
        .map(|(_, value)| value.as_str())
}

fn all(facts: &Facts, name: &str) -> Vec<String> {
    facts
        .iter()
        .filter(|(fact, _)| fact == name)
        .map(|(_, value)| value.clone())
        .collect()
}
