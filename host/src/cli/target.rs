//! From the text of a target to its addresses, its label and the parameters
//! that it holds, with the help of its probe's description.

use super::environment::{Environment, variable_text};
use super::url::{self, Parts};
use super::{address, keywords, options, redact, suggest};
use crate::description::{Description, Kind, Param, Scheme, UrlPart};
use crate::error::{Error, Result};
use crate::model::Address;

/// A value that a target's text holds, not yet checked for its kind.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The parameter's name.
    pub(crate) param: String,
    /// The decoded value; only a secret may be no UTF-8.
    pub(crate) value: Vec<u8>,
}

/// A target, understood.
#[derive(Clone)]
pub(crate) struct Target {
    /// For people, without credentials.
    pub(crate) label: String,
    /// The scheme in force, by the name that the probe declares.
    pub(crate) scheme: String,
    /// At least one.
    pub(crate) addresses: Vec<Address>,
    /// The parameters that the text holds.
    pub(crate) held: Vec<Held>,
    /// The name to verify, where the address is not what the user calls the
    /// host (libpq's `hostaddr`).
    pub(crate) server_name: Option<String>,
}

/// What helps to read a probe's targets.
pub(crate) struct Reader<'a> {
    pub(crate) description: &'a Description,
    pub(crate) plugin: &'a str,
    pub(crate) environment: &'a dyn Environment,
    /// Whether the text comes from a variable that other programs share: keys
    /// that are not ours are then passed over with a warning.
    pub(crate) shared: bool,
    pub(crate) warnings: &'a mut Vec<String>,
}

/// The hosts, ports and parameters while a text is read.
#[derive(Default)]
struct Found {
    held: Vec<Held>,
    host: Option<String>,
    hostaddr: Option<String>,
    port: Option<String>,
    /// The query for the label.
    query: Vec<String>,
}

impl Reader<'_> {
    /// Reads a URL: its scheme by the probe's name for it, what follows
    /// `://`, and all of it as written, for messages.
    pub(crate) fn url(&mut self, scheme: &Scheme, rest: &str, text: &str) -> Result<Target> {
        let safe = redact::target(text);
        let wrong = |reason: &str| {
            let hint = if reason.contains("IPv6") {
                "write an IPv6 address in brackets, as in [::1]:80"
            } else {
                url::ENCODE
            };
            Error::usage(format!("the URL `{safe}` cannot be used: {reason}")).hint(hint)
        };
        let parts = Parts::split(rest, scheme.unix).map_err(wrong)?;
        let mut found = Found::default();
        self.credentials(&parts, &safe, &mut found)?;
        let whole = self
            .description
            .param_in(UrlPart::RequestTarget)
            .filter(|_| !scheme.unix);
        if let Some(param) = whole {
            request_target(param, &parts, &mut found);
        } else {
            if !scheme.unix {
                self.path(&parts, &safe, &mut found)?;
            }
            self.query(&parts, &safe, &mut found)?;
        }
        let (addresses, server_name) = if scheme.unix {
            let path = url::decode_text(parts.path).map_err(wrong)?;
            if path.len() < 2 {
                return Err(Error::usage(format!("the URL `{safe}` names no socket"))
                    .hint(format!("write {}:///run/NAME.sock", scheme.name)));
            }
            (
                vec![address::socket(
                    &path,
                    scheme.default_port.unwrap_or_default(),
                    false,
                )],
                None,
            )
        } else if found.host.is_some() || found.hostaddr.is_some() {
            self.libpq_hosts(&found, scheme, &safe)?
        } else {
            let mut hosts = address::url_hosts(parts.hosts).map_err(wrong)?;
            if let Some(ports) = &found.port {
                let names: Vec<&str> = hosts.iter().map(|(host, _)| host.as_str()).collect();
                hosts = address::lists(&names.join(","), Some(ports)).map_err(wrong)?;
            }
            if hosts.is_empty() {
                hosts.push((String::new(), None));
            }
            (self.addresses(hosts, scheme, &safe)?, None)
        };
        let user = parts.user.filter(|_| {
            let param = self.description.param_in(UrlPart::Username);
            param.is_some_and(|param| !param.is_secret())
        });
        let mut label = format!("{}://", scheme.name);
        if let Some(user) = user {
            label.push_str(user);
            label.push('@');
        }
        if parts.hosts.is_empty()
            && !scheme.unix
            && found.host.is_none()
            && found.hostaddr.is_none()
        {
            let names: Vec<String> = addresses.iter().map(Address::to_string).collect();
            label.push_str(&names.join(","));
        } else {
            label.push_str(parts.hosts);
        }
        label.push_str(parts.path);
        if !found.query.is_empty() {
            label.push('?');
            label.push_str(&found.query.join("&"));
        }
        Ok(Target {
            label: redact::clean(&label),
            scheme: scheme.name.clone(),
            addresses,
            held: found.held,
            server_name,
        })
    }

    fn credentials(&self, parts: &Parts<'_>, safe: &str, found: &mut Found) -> Result<()> {
        let given = [
            (UrlPart::Username, parts.user, "user"),
            (UrlPart::Password, parts.password, "password"),
        ];
        for (part, text, word) in given {
            let Some(text) = text else { continue };
            let Some(param) = self.description.param_in(part) else {
                return Err(Error::usage(format!(
                    "the URL `{safe}` has a {word}, and `{}` takes none there",
                    self.plugin
                )));
            };
            found.hold(param, self.decoded(param, text, safe)?, safe)?;
        }
        Ok(())
    }

    fn path(&self, parts: &Parts<'_>, safe: &str, found: &mut Found) -> Result<()> {
        let path = parts.path.strip_prefix('/').unwrap_or(parts.path);
        if path.contains('@') {
            // The end of a password with a slash would land here.
            return Err(
                Error::usage(format!("the URL `{safe}` has an `@` in its path")).hint(url::ENCODE),
            );
        }
        if path.is_empty() {
            return Ok(());
        }
        match self.description.param_in(UrlPart::Path) {
            Some(param) => found.hold(param, self.decoded(param, path, safe)?, safe),
            None if path == "/" => Ok(()),
            None => Err(Error::usage(format!(
                "the URL `{safe}` has a path, and `{}` takes none",
                self.plugin
            ))),
        }
    }

    fn query(&mut self, parts: &Parts<'_>, safe: &str, found: &mut Found) -> Result<()> {
        let odd = || {
            Error::usage(format!("the URL `{safe}` has an odd key in its query")).hint(url::ENCODE)
        };
        // Then `user:12?rest@host` is a password with a `?`, more likely than
        // not, and what looks like keys and values is the rest of it.
        if parts.colon && parts.query.is_some_and(|query| query.contains('@')) {
            return Err(odd());
        }
        for (key, value) in parts.pairs() {
            let name = url::decode_text(key).ok().filter(|name| {
                name.chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "_-.".contains(letter))
            });
            let Some(name) = name else {
                return Err(odd());
            };
            let Some(param) = self.description.param_for_key(&name) else {
                let value = value.unwrap_or_default();
                let libpq = self.description.libpq();
                let place = match name.as_str() {
                    "host" if libpq => Some(&mut found.host),
                    "hostaddr" if libpq => Some(&mut found.hostaddr),
                    "port" if libpq => Some(&mut found.port),
                    _ => None,
                };
                if let Some(place) = place {
                    let value =
                        url::decode_text(value).map_err(|reason| odd_value(&name, safe, reason))?;
                    found.query.push(format!("{name}={value}"));
                    *place = Some(value).filter(|value| !value.is_empty());
                } else {
                    self.unknown_key(&name, safe)?;
                    found.query.push(format!("{key}=***"));
                }
                continue;
            };
            let value = match value {
                Some(value) => value,
                None if param.kind == Kind::Switch => "true",
                None => {
                    return Err(Error::usage(format!("`{name}` in `{safe}` has no value"))
                        .hint(format!("write `{name}=…`")));
                }
            };
            let shown = if param.is_secret() { "***" } else { value };
            found.query.push(format!("{key}={shown}"));
            found.hold(param, self.decoded(param, value, safe)?, safe)?;
        }
        Ok(())
    }

    /// A key that is no parameter: for other clients, or a mistake.
    fn unknown_key(&mut self, key: &str, safe: &str) -> Result<()> {
        if self.description.ignores_key(key) {
            return Ok(());
        }
        if self.shared {
            self.warnings.push(format!(
                "`{key}` in `{safe}` means nothing to `{}`",
                self.plugin
            ));
            return Ok(());
        }
        let option = key.replace('_', "-");
        let error = Error::usage(format!(
            "`{}` knows no parameter `{key}` (in `{safe}`)",
            self.plugin
        ));
        if options::is_taken(&option) {
            return Err(error.hint(format!("it is an option of the command line: `--{option}`")));
        }
        let names = self
            .description
            .params
            .iter()
            .flat_map(|param| std::iter::once(&param.name).chain(&param.aliases));
        let near = suggest::near(key, names.map(String::as_str));
        Err(if near.is_empty() {
            error.hint(format!(
                "see `waitfor {} --help` for what it knows",
                self.plugin
            ))
        } else {
            error.hint(format!("did you mean {}?", suggest::listed(&near)))
        })
    }

    fn decoded(&self, param: &Param, text: &str, safe: &str) -> Result<Vec<u8>> {
        let decoded = if param.is_secret() {
            url::decode(text)
        } else {
            url::decode_text(text).map(String::into_bytes)
        };
        decoded.map_err(|reason| odd_value(&param.name, safe, reason))
    }

    /// Reads a `key=value` string as libpq does.
    pub(crate) fn keywords(&mut self, scheme: &Scheme, text: &str) -> Result<Target> {
        let safe = "the key=value string";
        let pairs = keywords::parse(text).map_err(|reason| {
            Error::usage(format!("{safe} cannot be used: {reason}"))
                .hint("put values with spaces in single quotes, and write a quote as \\'")
        })?;
        let mut found = Found::default();
        for (key, value) in pairs {
            match key.as_str() {
                "host" => found.host = Some(value),
                "hostaddr" => found.hostaddr = Some(value),
                "port" => found.port = Some(value),
                _ => match self.description.param_for_key(&key) {
                    Some(param) => found.hold(param, value.into_bytes(), safe)?,
                    None => self.unknown_key(&redact::shown(&key), safe)?,
                },
            }
        }
        let (addresses, server_name) = self.libpq_hosts(&found, scheme, safe)?;
        Ok(self.plain(scheme, addresses, found.held, server_name))
    }

    /// A target of which only the addresses are known.
    pub(crate) fn plain(
        &self,
        scheme: &Scheme,
        addresses: Vec<Address>,
        held: Vec<Held>,
        server_name: Option<String>,
    ) -> Target {
        let names: Vec<String> = addresses.iter().map(Address::to_string).collect();
        Target {
            label: redact::clean(&format!("{}://{}", scheme.name, names.join(","))),
            scheme: scheme.name.clone(),
            addresses,
            held,
            server_name,
        }
    }

    /// The hosts of libpq's `host`, `hostaddr` and `port`, and the name to
    /// verify where only the address is dialled.
    fn libpq_hosts(
        &self,
        found: &Found,
        scheme: &Scheme,
        safe: &str,
    ) -> Result<(Vec<Address>, Option<String>)> {
        let wrong = |reason: &str| Error::usage(format!("{safe} cannot be used: {reason}"));
        let port = found.port.as_deref();
        let host = found.host.as_deref();
        let Some(hostaddr) = found.hostaddr.as_deref().filter(|text| !text.is_empty()) else {
            let hosts = address::lists(host.unwrap_or_default(), port).map_err(&wrong)?;
            return Ok((self.addresses(hosts, scheme, safe)?, None));
        };
        let hosts = address::lists(hostaddr, port).map_err(wrong)?;
        let name = host
            .filter(|host| !host.is_empty() && !host.contains(',') && !address::is_socket(host));
        Ok((
            self.addresses(hosts, scheme, safe)?,
            name.map(str::to_owned),
        ))
    }

    /// Fills in what is not written: the host from the environment or the
    /// probe's default, the port from the scheme.
    pub(crate) fn addresses(
        &self,
        hosts: Vec<address::HostPort>,
        scheme: &Scheme,
        safe: &str,
    ) -> Result<Vec<Address>> {
        let mut addresses = Vec::new();
        for (host, port) in hosts {
            if host.is_empty() {
                let defaults = self.defaults(port, safe)?;
                addresses.extend(self.addresses(defaults, scheme, safe)?);
                continue;
            }
            let port = match port {
                Some(port) => Some(port),
                // libpq fills in PGPORT wherever a port is missing.
                None if self.description.libpq() => self.port_variable()?.or(scheme.default_port),
                None => scheme.default_port,
            };
            addresses.push(match port {
                _ if address::is_socket(&host) => {
                    address::socket(&host, port.unwrap_or_default(), self.description.libpq())
                }
                Some(port) => Address::Tcp { host, port },
                None => {
                    return Err(Error::usage(format!(
                        "{safe} has no port, and `{}` has no default",
                        scheme.name
                    ))
                    .hint(format!("write {}://HOST:PORT", scheme.name)));
                }
            });
        }
        if addresses.len() > 1 && !self.description.many_hosts() {
            return Err(Error::usage(format!(
                "{safe} lists several hosts, and `{}` takes one",
                self.plugin
            ))
            .hint("give several targets instead"));
        }
        Ok(addresses)
    }

    /// The hosts where none is written; none of them is empty.
    pub(crate) fn defaults(&self, port: Option<u16>, safe: &str) -> Result<Vec<address::HostPort>> {
        let (hosts, ports) = self.default_hosts(safe)?;
        let ports = port.map(|port| port.to_string()).or(ports);
        match address::lists(&hosts, ports.as_deref()) {
            Ok(list) if list.iter().all(|(host, _)| !host.is_empty()) => Ok(list),
            Ok(_) => Err("a host in it is empty"),
            Err(reason) => Err(reason),
        }
        .map_err(|reason| {
            Error::usage(format!(
                "the default host `{}` cannot be used: {reason}",
                redact::shown(&hosts)
            ))
        })
    }

    fn default_hosts(&self, safe: &str) -> Result<(String, Option<String>)> {
        for name in self.description.host_env() {
            if let Some(host) = variable_text(self.environment, &name)? {
                return Ok((host, self.port_list()?));
            }
        }
        match self.description.default_host() {
            Some(host) => Ok((host.to_owned(), self.port_list()?)),
            None => Err(Error::usage(format!("{safe} names no host")).hint(self.how_to_name_it())),
        }
    }

    /// What to do where no target is given.
    pub(crate) fn how_to_name_it(&self) -> String {
        let scheme = self
            .description
            .schemes
            .first()
            .map_or("", |scheme| scheme.name.as_str());
        let mut hint = format!("give it as {scheme}://HOST, or by --host");
        let variables = [self.description.url_env(), self.description.host_env()].concat();
        if !variables.is_empty() {
            hint.push_str(", or set ");
            hint.push_str(&variables.join(" or "));
        }
        hint
    }

    /// The ports that the environment names, perhaps a list. Kubernetes sets
    /// `NAME_PORT=tcp://…` for a service of that name, which is no port.
    pub(crate) fn port_list(&self) -> Result<Option<String>> {
        for name in self.description.port_env() {
            if let Some(text) =
                variable_text(self.environment, &name)?.filter(|text| !text.contains("://"))
            {
                for port in text.split(',').filter(|port| !port.trim().is_empty()) {
                    address::port(port.trim()).map_err(|reason| {
                        Error::usage(format!("`{name}` cannot be used: {reason}"))
                    })?;
                }
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    fn port_variable(&self) -> Result<Option<u16>> {
        let list = self.port_list()?;
        Ok(list.and_then(|text| address::port(text.trim()).ok()))
    }
}

impl Found {
    fn hold(&mut self, param: &Param, value: Vec<u8>, safe: &str) -> Result<()> {
        if !param.multiple && self.held.iter().any(|held| held.param == param.name) {
            return Err(Error::usage(format!(
                "`{}` is given twice in `{safe}`",
                param.name
            )));
        }
        self.held.push(Held {
            param: param.name.clone(),
            value,
        });
        Ok(())
    }
}

/// Path and query as written. Their values are not shown, since only the
/// service knows which of them are secret.
fn request_target(param: &Param, parts: &Parts<'_>, found: &mut Found) {
    if parts.path.is_empty() && parts.query.is_none() {
        return;
    }
    let mut text = if parts.path.is_empty() {
        "/".to_owned()
    } else {
        parts.path.to_owned()
    };
    if let Some(query) = parts.query {
        text.push('?');
        text.push_str(query);
        found
            .query
            .extend(parts.pairs().map(|(key, value)| match value {
                Some(_) if !query.contains('@') => format!("{key}=***"),
                _ => "***".to_owned(),
            }));
    }
    found.held.push(Held {
        param: param.name.clone(),
        value: text.into_bytes(),
    });
}

fn odd_value(name: &str, safe: &str, reason: &str) -> Error {
    Error::usage(format!("`{name}` in `{safe}` cannot be used: {reason}")).hint(url::ENCODE)
}
