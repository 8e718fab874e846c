//! From the arguments to a plan: which probes are in play, what each target
//! is, and every setting checked, before anything is dialled.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::endpoint::Endpoint;
use super::environment::Environment;
use super::names::{self, Named};
use super::resolve::{ForHost, Rank, Resolved, Resolver};
use super::routing::{Cast, Route};
use super::scan::Scan;
use super::settings::{Given, Options};
use super::target::{Reader, Target};
use super::{Plan, Probes, address, options, parser, redact, url};
use crate::description::{HostOption, UrlPart};
use crate::error::{Error, Result};
use crate::model::{Job, TlsSettings};
use crate::secret::Secret;

/// How often the probes in play may change while the command line is read:
/// each round only takes probes away that no target uses.
const MOST_ROUNDS: usize = 4;

/// Makes the plan.
pub(crate) fn plan(
    scan: &Scan,
    name: Option<&Named>,
    probes: &dyn Probes,
    environment: &dyn Environment,
) -> Result<Plan> {
    let named = named(scan, name, environment)?;
    let mut cast = Cast::new(probes, named);
    cast.call_named()?;
    let mut in_play = cast.guess(scan, environment);
    let mut rounds = 0;
    let (matches, routes) = loop {
        let descriptions: Vec<_> = in_play.iter().map(|at| cast.description(*at)).collect();
        let command = parser::command(descriptions);
        let foreign = |option: &str| cast.owners(option);
        let matches = parser::parse(command, &scan.args, &foreign)?;
        let routes = routes(&matches, &mut cast, environment)?;
        let used: BTreeSet<usize> = routes.iter().map(|route| route.member).collect();
        rounds += 1;
        let settled = used == in_play || rounds == MOST_ROUNDS;
        in_play = used;
        if settled {
            break (matches, routes);
        }
    };
    cast.check_all_used(&in_play)?;
    one_probe_for_its_options(&matches, &cast, &in_play)?;
    let host = Options::new(&matches, environment);
    let mut warnings = Vec::new();
    let wait = host.wait(&mut warnings)?;
    let output = host.output()?;
    let command = command(scan)?;
    let allow = allow(&host)?;
    let resolver = Resolver::new(&matches, environment);
    let mut jobs = Vec::new();
    let mut hidden = Vec::new();
    for route in &routes {
        let member = cast.member(route.member);
        let mut reader = Reader {
            description: &member.description,
            plugin: &member.name,
            environment,
            shared: route.shared,
            warnings: &mut warnings,
        };
        let target = route.target(&mut reader)?;
        let resolved = resolver.resolve(&member.name, &member.description, &target)?;
        let attempt_timeout = match (host.attempt_timeout()?, resolved.attempt_timeout()) {
            (Some((own, explicit)), Some((_, rank))) if explicit || rank >= Rank::Environment => {
                own
            }
            (_, Some((length, _))) => length,
            (Some((own, _)), None) => own,
            (None, None) => options::default_length("attempt-timeout"),
        };
        let tls = tls(&host, &resolver, &resolved, &target)?;
        if let Some(param) = member.description.param_in(UrlPart::RequestTarget) {
            let asked = resolved.values.get(&param.name).into_iter().flatten();
            hidden.extend(
                asked
                    .flat_map(|text| url::query_values(text))
                    .map(Secret::new),
            );
        }
        jobs.push(Job {
            label: target.label,
            plugin: member.index,
            plugin_name: member.name.clone(),
            scheme: target.scheme,
            addresses: target.addresses,
            values: resolved.values,
            secrets: resolved.secrets,
            tls,
            allow: allow.clone(),
            attempt_timeout,
        });
    }
    warnings.extend(resolver.warnings.into_inner());
    Ok(Plan {
        jobs,
        wait,
        output,
        command,
        warnings,
        hidden,
    })
}

/// The probes that the user named: the bare word, `--plugin`, or the variable.
fn named(scan: &Scan, name: Option<&Named>, environment: &dyn Environment) -> Result<Vec<Named>> {
    let mut all: Vec<Named> = name.cloned().into_iter().collect();
    for value in &scan.plugins {
        let text = value.to_str().unwrap_or_default();
        all.push(names::required(text, "--plugin")?);
    }
    let variable = options::variable("plugin");
    if all.is_empty()
        && let Some(value) = environment.given(&variable)
    {
        for text in value
            .to_string_lossy()
            .split([',', ' '])
            .filter(|text| !text.is_empty())
        {
            all.push(names::required(text, &variable)?);
        }
    }
    let mut seen: Vec<Named> = Vec::new();
    for one in all {
        match seen.iter().find(|known| known.name == one.name) {
            Some(known) if *known == one => {}
            Some(_) => {
                return Err(Error::usage(format!(
                    "`{}` is named twice, with different versions",
                    one.name
                )));
            }
            None => seen.push(one),
        }
    }
    Ok(seen)
}

/// Every target with the probe that it goes to.
fn routes(
    matches: &ArgMatches,
    cast: &mut Cast<'_>,
    environment: &dyn Environment,
) -> Result<Vec<Route>> {
    let words: Vec<OsString> = matches
        .get_many::<OsString>(parser::TARGETS)
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    let endpoint = Endpoint::of(&Options::new(matches, environment))?;
    if words.is_empty() {
        return Ok(vec![unworded(endpoint, cast, environment)?]);
    }
    if let Some(given) = endpoint.explicit() {
        return Err(Error::usage(format!(
            "`{}` is for a target that is not given as a word",
            given.origin
        ))
        .hint("write the target as a URL with host and port, or leave the word away"));
    }
    let mut texts = Vec::new();
    for (at, word) in words.into_iter().enumerate() {
        let text = word
            .into_string()
            .map_err(|_| Error::usage(format!("target {} is not UTF-8", at + 1)))?;
        if text.trim().is_empty() {
            return Err(Error::usage(format!("target {} is empty", at + 1))
                .hint("is a variable in it not set?"));
        }
        texts.push(text);
    }
    let urls = texts
        .iter()
        .any(|text| super::url::split_scheme(text).is_some());
    texts.iter().map(|text| cast.route(text, urls)).collect()
}

/// The target where there is no word for it.
fn unworded(
    endpoint: Endpoint,
    cast: &mut Cast<'_>,
    environment: &dyn Environment,
) -> Result<Route> {
    if let Some(url) = &endpoint.url {
        let text = url.text()?;
        if text.trim().is_empty() {
            return Err(Error::usage(format!("`{}` is empty", url.origin))
                .hint("is a variable in it not set?"));
        }
        return cast.route(text, false);
    }
    if let Some(member) = cast.only_named()? {
        // An explicit host is a target of its own; the variable's is another.
        if !endpoint.names_target() {
            let named = cast.member(member);
            let reader = Reader {
                description: &named.description,
                plugin: &named.name,
                environment,
                shared: true,
                warnings: &mut Vec::new(),
            };
            if let Some((variable, text)) = reader.variable_url()? {
                if let Some(port) = endpoint.port.filter(|port| port.explicit) {
                    return Err(Error::usage(format!(
                        "`{}` without `--host`, and `{variable}` names the target",
                        port.origin
                    ))
                    .hint("give both --host and --port, or neither"));
                }
                return cast.route_variable(member, &variable, &text);
            }
        }
        return Ok(Route::unworded(member, endpoint));
    }
    if endpoint.unix.is_some() {
        let member = cast.by_scheme("unix")?;
        return Ok(Route::unworded(member, endpoint));
    }
    if let Some(host) = &endpoint.host {
        if endpoint.port.is_none() {
            return Err(
                Error::usage(format!("`{}` without a port or a probe", host.origin))
                    .hint("add --port for a plain TCP check, or --plugin NAME"),
            );
        }
        let member = cast.by_scheme("tcp")?;
        return Ok(Route::unworded(member, endpoint));
    }
    if let Some(port) = endpoint.explicit() {
        return Err(Error::usage(format!("`{}` without a host", port.origin)).hint("add --host"));
    }
    Err(Error::usage("nothing to wait for")
        .hint("name a target, as in `waitfor postgres://app@db/app` or `waitfor db:5432`; see `waitfor --help`"))
}

/// A probe's options on the command line are for it alone: with several
/// probes nobody could tell whose they are.
fn one_probe_for_its_options(
    matches: &ArgMatches,
    cast: &Cast<'_>,
    in_play: &BTreeSet<usize>,
) -> Result<()> {
    if in_play.len() < 2 {
        return Ok(());
    }
    let given = |id: &str| {
        let known = matches.try_contains_id(id).unwrap_or(false);
        known && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    for at in in_play {
        let member = cast.member(*at);
        for param in &member.description.params {
            if given(&parser::param_id(param))
                || (param.is_secret() && given(&parser::file_id(param)))
            {
                let error = Error::usage(format!(
                    "`--{}` cannot be used with targets of several probes",
                    param.name
                ));
                let variable = options::variable(&format!("{}-{}", member.name, param.name));
                return Err(if param.is_secret() {
                    error.hint(format!("write it into the URL, or set `{variable}`"))
                } else {
                    error.hint(format!(
                        "write it into the URL as `?{}=…`, or set `{variable}`",
                        param.name
                    ))
                });
            }
        }
    }
    Ok(())
}

fn command(scan: &Scan) -> Result<Vec<OsString>> {
    match &scan.command {
        Some(command) if command.first().is_none_or(|program| program.is_empty()) => {
            Err(Error::usage("no command follows `--`")
                .hint("leave `--` away, or is a variable after it not set?"))
        }
        Some(command) => Ok(command.clone()),
        None => Ok(Vec::new()),
    }
}

fn allow(host: &Options<'_>) -> Result<Vec<(String, u16)>> {
    host.all("allow")?
        .iter()
        .map(|given| {
            let text = given.text()?;
            match address::host_and_port(text) {
                Ok((name, port)) => Ok((name.to_lowercase(), port)),
                Err(reason) => Err(Error::usage(format!(
                    "`{}` cannot be `{}`: {reason}",
                    given.origin,
                    redact::target(text)
                ))
                .hint("write HOST:PORT")),
            }
        })
        .collect()
}

/// The settings for TLS: the command line, then what the target says, then
/// the host's variables, then the probe's.
fn tls(
    host: &Options<'_>,
    resolver: &Resolver<'_>,
    resolved: &Resolved,
    target: &Target,
) -> Result<TlsSettings> {
    let choose = |name: &str, option: &HostOption| {
        let own = host.given(name);
        let other = resolved.host_value(option).cloned();
        match (own, other) {
            (Some(own), Some(other)) if own.explicit || other.rank >= Rank::Environment => {
                Some(Choice::Own(own))
            }
            (_, Some(other)) => Some(Choice::Param(other)),
            (Some(own), None) => Some(Choice::Own(own)),
            (None, None) => None,
        }
    };
    let file = |name: &str, option: &HostOption| -> Result<Option<PathBuf>> {
        let Some(choice) = choose(name, option) else {
            return Ok(None);
        };
        let (path, origin) = match choice {
            Choice::Own(given) => (PathBuf::from(given.value), given.origin),
            Choice::Param(set) => (PathBuf::from(set.value), set.origin),
        };
        // libpq's word for the system's trust roots.
        if *option == HostOption::TlsCa && path.as_os_str() == "system" {
            return Ok(None);
        }
        if path.as_os_str().is_empty() {
            return Err(Error::usage(format!("`{origin}` is empty")));
        }
        resolver.read(&path, &origin)?;
        Ok(Some(path))
    };
    let ca = file("tls-ca", &HostOption::TlsCa)?;
    let cert = file("tls-cert", &HostOption::TlsCert)?;
    let key = file("tls-key", &HostOption::TlsKey)?;
    if cert.is_some() != key.is_some() {
        let (there, lacks) = if cert.is_some() {
            ("certificate", "--tls-key")
        } else {
            ("key", "--tls-cert")
        };
        return Err(Error::usage(format!("the client's {there} is given alone"))
            .hint(format!("add {lacks}; both may stand in the same file")));
    }
    let server_name = match choose("tls-server-name", &HostOption::TlsServerName) {
        Some(Choice::Own(given)) => Some(given.text()?.to_owned()),
        Some(Choice::Param(set)) => Some(set.value),
        None => target.server_name.clone(),
    };
    let insecure = match (
        host.switch("tls-insecure")?,
        resolved.host_value(&HostOption::TlsInsecure),
    ) {
        (Some((own, explicit)), Some(other)) if explicit || other.rank >= Rank::Environment => own,
        (_, Some(other)) => other.value == "true",
        (own, None) => own.is_some_and(|(on, _)| on),
    };
    Ok(TlsSettings {
        ca,
        cert,
        key,
        server_name: server_name.filter(|name| !name.is_empty()),
        insecure,
    })
}

/// Who decides about a setting.
enum Choice {
    Own(Given),
    Param(ForHost),
}
