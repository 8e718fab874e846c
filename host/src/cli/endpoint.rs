//! The target where no word of the command line names it: `--url`, `--host`,
//! `--port`, `--unix`, their variables, and the variables of the probe.

use super::address;
use super::environment::variable_text;
use super::redact;
use super::settings::{Given, Options};
use super::target::{Reader, Target};
use crate::description::Scheme;
use crate::error::{Error, Result};
use crate::model::Address;

/// What the host's own options say about the target.
#[derive(Clone, Default)]
pub(crate) struct Endpoint {
    pub(crate) url: Option<Given>,
    pub(crate) host: Option<Given>,
    pub(crate) port: Option<Given>,
    pub(crate) unix: Option<Given>,
}

impl Endpoint {
    /// Reads the options; what stands on the command line makes what only the
    /// environment says about the same thing void.
    pub(crate) fn of(options: &Options<'_>) -> Result<Self> {
        let mut endpoint = Self {
            url: options.given("url"),
            host: options.given("host"),
            // Kubernetes sets NAME_PORT=tcp://… for a service of that name.
            port: options
                .given("port")
                .filter(|given| given.explicit || !given.value.to_string_lossy().contains("://")),
            unix: options.given("unix"),
        };
        let places = [&endpoint.url, &endpoint.host, &endpoint.unix];
        let explicit = places
            .iter()
            .any(|given| given.as_ref().is_some_and(|given| given.explicit));
        if explicit {
            for place in [&mut endpoint.url, &mut endpoint.host, &mut endpoint.unix] {
                *place = place.take().filter(|given| given.explicit);
            }
        }
        if endpoint.url.is_some() || endpoint.unix.is_some() {
            endpoint.port = endpoint.port.filter(|given| given.explicit);
        }
        let named: Vec<&str> = [&endpoint.url, &endpoint.host, &endpoint.unix]
            .into_iter()
            .flatten()
            .map(|given| given.origin.as_str())
            .collect();
        if let [first, second, ..] = named.as_slice() {
            return Err(
                Error::usage(format!("`{first}` and `{second}` both name the target"))
                    .hint("give one of them"),
            );
        }
        if let (Some(url), Some(port)) = (&endpoint.url, &endpoint.port) {
            return Err(Error::usage(format!(
                "`{}` cannot be used with `{}`",
                port.origin, url.origin
            ))
            .hint("write the port into the URL"));
        }
        Ok(endpoint)
    }

    /// The first option on the command line, where there is one.
    pub(crate) fn explicit(&self) -> Option<&Given> {
        [&self.url, &self.host, &self.port, &self.unix]
            .into_iter()
            .flatten()
            .find(|given| given.explicit)
    }

    /// Whether the options name a target by themselves.
    pub(crate) fn names_target(&self) -> bool {
        self.url.is_some() || self.host.is_some() || self.unix.is_some()
    }

    /// The port that the options name.
    fn port(&self) -> Result<Option<u16>> {
        let Some(given) = &self.port else {
            return Ok(None);
        };
        match address::port(given.text()?) {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(Error::usage(format!(
                "`{}` cannot be `{}`",
                given.origin,
                redact::shown(given.text()?)
            ))
            .hint("write a number from 1 to 65535")),
        }
    }

    /// The target that these options and the probe's variables name, where it
    /// is not given by a URL.
    pub(crate) fn target(&self, reader: &mut Reader<'_>) -> Result<Target> {
        let libpq = reader.description.libpq();
        let port = self.port()?;
        let first = reader.first_scheme()?;
        if let Some(given) = &self.unix {
            return unix(reader, given, port, &first);
        }
        let Some(given) = &self.host else {
            let place = format!("the target of `{}`", reader.plugin);
            let hosts = reader.defaults(port, &place)?;
            let addresses = reader.addresses(hosts, &first, &place)?;
            return Ok(reader.plain(&first, addresses, Vec::new(), None));
        };
        let text = given.text()?;
        let ports = match port {
            Some(port) => Some(port.to_string()),
            None => reader.port_list()?,
        };
        let wrong = |reason: &str| {
            let error = Error::usage(format!(
                "`{}` cannot be `{}`: {reason}",
                given.origin,
                redact::target(text)
            ));
            if text.contains("://") {
                error.hint("give a URL by --url")
            } else if text.contains(':') {
                error.hint("give the port by --port")
            } else {
                error
            }
        };
        let hosts = address::lists(text, ports.as_deref()).map_err(wrong)?;
        if hosts.iter().any(|(host, _)| host.is_empty()) {
            return Err(wrong("the host is empty"));
        }
        if !libpq && hosts.iter().any(|(host, _)| address::is_socket(host)) {
            return Err(Error::usage(format!("`{}` is a path", given.origin))
                .hint("give a socket by --unix"));
        }
        let place = format!("`{}`", given.origin);
        let addresses = reader.addresses(hosts, &first, &place)?;
        Ok(reader.plain(&first, addresses, Vec::new(), None))
    }
}

/// A socket's path, or with libpq's rules its folder.
fn unix(reader: &Reader<'_>, given: &Given, port: Option<u16>, first: &Scheme) -> Result<Target> {
    let libpq = reader.description.libpq();
    if port.is_some() && !libpq {
        return Err(Error::usage("`--port` cannot be used with `--unix`"));
    }
    let schemes = &reader.description.schemes;
    let scheme = schemes.iter().find(|scheme| scheme.unix).unwrap_or(first);
    let address = match given.value.to_str() {
        Some("") => return Err(Error::usage(format!("`{}` is empty", given.origin))),
        Some(path) => {
            let port = port.or(scheme.default_port).unwrap_or_default();
            address::socket(path, port, libpq)
        }
        None => Address::Unix(given.value.clone().into()),
    };
    Ok(reader.plain(scheme, vec![address], Vec::new(), None))
}

impl Reader<'_> {
    /// The scheme for targets that come without a URL.
    pub(crate) fn first_scheme(&self) -> Result<Scheme> {
        match self.description.schemes.first() {
            Some(scheme) => Ok(scheme.clone()),
            None => Err(Error::usage(format!("`{}` has no scheme", self.plugin))),
        }
    }

    /// The URL that a variable of the probe holds, with the variable's name.
    pub(crate) fn variable_url(&self) -> Result<Option<(String, String)>> {
        for name in self.description.url_env() {
            if let Some(text) = variable_text(self.environment, &name)? {
                return Ok(Some((name, text)));
            }
        }
        Ok(None)
    }
}
