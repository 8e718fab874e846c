//! The whole way from arguments to a plan, with descriptions like those of
//! the real probes and an environment made up for each test.

mod any;
mod descriptions;
mod help;
mod mistakes;
mod options;
mod parameters;
mod plugins;
mod secrets;
mod targets;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::{Environment, Invocation, Plan, Probes};
use crate::description::{Description, RawDescription, RawParam, RawScheme};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::model::{Address, Facts, Job};

/// The plugins of these tests.
struct Shelf(Vec<(String, Description)>);

impl Probes for Shelf {
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    fn schemes(&self) -> Vec<String> {
        let schemes = self
            .0
            .iter()
            .flat_map(|(_, description)| &description.schemes);
        schemes.map(|scheme| scheme.name.clone()).collect()
    }

    fn by_scheme(&self, scheme: &str) -> Option<String> {
        let found = self
            .0
            .iter()
            .find(|(_, description)| description.scheme(scheme).is_some());
        found.map(|(name, _)| name.clone())
    }

    fn describe(&self, name: &str, requirement: Option<&str>) -> Result<(usize, Description)> {
        let at = self.0.iter().position(|(known, _)| known == name);
        match at {
            Some(at) if requirement.is_none_or(|version| version.starts_with('1')) => {
                Ok((at, self.0[at].1.clone()))
            }
            _ => Err(Error::new(
                Exit::PluginRefused,
                format!("no plugin `{name}`"),
            )),
        }
    }
}

/// An environment made up for a test.
#[derive(Default, Clone)]
struct Surroundings {
    variables: BTreeMap<String, OsString>,
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// Files that others may read.
    open: Vec<PathBuf>,
}

impl Surroundings {
    fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    fn file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.into(), content.into());
        self
    }

    fn open_file(mut self, path: &str, content: &str) -> Self {
        self.open.push(path.into());
        self.file(path, content)
    }

    /// The plan for these arguments.
    fn plan(&self, args: &[&str]) -> Result<Plan> {
        self.plan_os(args.iter().map(OsString::from).collect())
    }

    fn plan_os(&self, args: Vec<OsString>) -> Result<Plan> {
        match super::parse(args, self)? {
            Invocation::Wait(request) => request.plan(shelf(), self),
            other => panic!("not a request to wait: {other:?}"),
        }
    }

    /// The one job for these arguments.
    fn job(&self, args: &[&str]) -> Job {
        let plan = self
            .plan(args)
            .unwrap_or_else(|error| panic!("{args:?}: {error}"));
        assert_eq!(plan.jobs.len(), 1, "{args:?}");
        plan.jobs.into_iter().next().unwrap()
    }

    /// The error for these arguments, as the user sees it.
    fn error(&self, args: &[&str]) -> String {
        match self.plan(args) {
            Ok(plan) => panic!("{args:?} gave {plan:?}"),
            Err(error) => {
                assert_eq!(error.exit(), Exit::Usage, "{args:?}: {error}");
                error.to_string()
            }
        }
    }
}

impl Environment for Surroundings {
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
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn is_private(&self, path: &Path) -> io::Result<bool> {
        self.read(path)?;
        Ok(!self.open.iter().any(|open| open == path))
    }
}

/// The plan's job for these arguments, without any variable or file.
fn job(args: &[&str]) -> Job {
    Surroundings::default().job(args)
}

/// The error for these arguments, without any variable or file.
fn error(args: &[&str]) -> String {
    Surroundings::default().error(args)
}

/// A job's addresses in short.
fn addresses(job: &Job) -> String {
    let all: Vec<String> = job.addresses.iter().map(Address::to_string).collect();
    all.join(" ")
}

/// The first value of a job's parameter.
fn value<'a>(job: &'a Job, name: &str) -> Option<&'a str> {
    job.values.get(name)?.first().map(String::as_str)
}

/// The first value of a job's secret.
fn secret<'a>(job: &'a Job, name: &str) -> Option<&'a str> {
    std::str::from_utf8(job.secrets.get(name)?.first()?.reveal()).ok()
}

fn facts(pairs: &[(&str, &str)]) -> Facts {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn scheme(name: &str, default_port: Option<u16>) -> RawScheme {
    let more = if name.ends_with("unix") {
        facts(&[("transport", "unix")])
    } else {
        facts(&[("summary", "plain")])
    };
    RawScheme {
        name: name.to_owned(),
        default_port,
        more,
    }
}

fn param(name: &str, kind: &str, default: Option<&str>, more: &[(&str, &str)]) -> RawParam {
    RawParam {
        name: name.to_owned(),
        kind: kind.to_owned(),
        summary: format!("the {name} of the test"),
        required: false,
        default: default.map(str::to_owned),
        more: facts(more),
    }
}

/// Descriptions like those of the real probes.
fn shelf() -> &'static Shelf {
    static SHELF: LazyLock<Shelf> = LazyLock::new(|| {
        let raw = [
            ("http", http()),
            ("postgres", postgres()),
            ("redis", redis()),
            ("tcp", tcp()),
            ("vault", vault()),
        ];
        let described = raw.into_iter().map(|(name, raw)| {
            let description = Description::from_raw(name, raw).unwrap();
            (name.to_owned(), description)
        });
        Shelf(described.collect())
    });
    &SHELF
}

fn postgres() -> RawDescription {
    let modes: Vec<(&str, &str)> = [
        "disable",
        "allow",
        "prefer",
        "require",
        "verify-ca",
        "verify-full",
    ]
    .iter()
    .map(|mode| ("choice", *mode))
    .chain([("env", "PGSSLMODE")])
    .collect();
    RawDescription {
        summary: "a query is answered".to_owned(),
        schemes: vec![
            scheme("postgres", Some(5432)),
            scheme("postgresql", Some(5432)),
        ],
        params: vec![
            param(
                "database",
                "text",
                None,
                &[
                    ("url-part", "path"),
                    ("env", "PGDATABASE"),
                    ("alias", "dbname"),
                    ("default-from", "user"),
                ],
            ),
            param(
                "user",
                "text",
                None,
                &[
                    ("url-part", "username"),
                    ("env", "PGUSER"),
                    ("default-from", "os-user"),
                ],
            ),
            param(
                "password",
                "secret",
                None,
                &[
                    ("url-part", "password"),
                    ("env", "PGPASSWORD"),
                    ("password-file", "pgpass"),
                ],
            ),
            param("sslmode", "choice", Some("prefer"), &modes),
            param(
                "sslrootcert",
                "path",
                None,
                &[("host", "tls-ca"), ("env", "PGSSLROOTCERT")],
            ),
            param(
                "connect-timeout",
                "duration",
                None,
                &[("host", "attempt-timeout"), ("env", "PGCONNECT_TIMEOUT")],
            ),
            param("expect-table", "text", None, &[("multiple", "true")]),
        ],
        examples: vec!["postgres://app@db/app".to_owned()],
        more: facts(&[
            ("host-env", "PGHOST"),
            ("port-env", "PGPORT"),
            ("default-host", "localhost"),
            ("hosts", "many"),
            ("keywords", "libpq"),
            ("ignored-key", "pool_size"),
            ("ignored-key", "schema"),
        ]),
    }
}

fn redis() -> RawDescription {
    RawDescription {
        summary: "PING is answered".to_owned(),
        schemes: vec![
            scheme("redis", Some(6379)),
            scheme("rediss", Some(6379)),
            scheme("redis+unix", None),
        ],
        params: vec![
            param("user", "text", None, &[("url-part", "username")]),
            param(
                "password",
                "secret",
                None,
                &[("url-part", "password"), ("env", "REDISCLI_AUTH")],
            ),
            param(
                "db",
                "integer",
                Some("0"),
                &[("url-part", "path"), ("min", "0"), ("max", "1000")],
            ),
            param("cluster", "switch", None, &[]),
            param("expect-key", "text", None, &[]),
        ],
        examples: vec![],
        more: facts(&[
            ("url-env", "REDIS_URL"),
            ("host-env", "REDIS_HOST"),
            ("port-env", "REDIS_PORT"),
            ("default-host", "127.0.0.1"),
        ]),
    }
}

fn vault() -> RawDescription {
    RawDescription {
        summary: "unsealed and active".to_owned(),
        schemes: vec![
            scheme("vault", Some(8200)),
            scheme("vault+http", Some(8200)),
        ],
        params: vec![
            param("token", "secret", None, &[("env", "VAULT_TOKEN")]),
            param(
                "ca-cert",
                "path",
                None,
                &[("host", "tls-ca"), ("env", "VAULT_CACERT")],
            ),
            param(
                "skip-verify",
                "switch",
                None,
                &[("host", "tls-insecure"), ("env", "VAULT_SKIP_VERIFY")],
            ),
            param("later", "text", None, &[("host", "tls-hologram")]),
        ],
        examples: vec![],
        more: facts(&[
            ("url-env", "BAO_ADDR"),
            ("url-env", "VAULT_ADDR"),
            ("url-env-scheme", "https=vault"),
            ("url-env-scheme", "http=vault+http"),
            ("default-host", "127.0.0.1"),
        ]),
    }
}

fn http() -> RawDescription {
    RawDescription {
        summary: "the right status".to_owned(),
        schemes: vec![scheme("http", Some(80)), scheme("https", Some(443))],
        params: vec![
            param(
                "target",
                "text",
                Some("/"),
                &[("url-part", "request-target")],
            ),
            param("header", "text", None, &[("multiple", "true")]),
            param("user", "text", None, &[("url-part", "username")]),
        ],
        examples: vec![],
        more: vec![],
    }
}

fn tcp() -> RawDescription {
    RawDescription {
        summary: "stays connected".to_owned(),
        schemes: vec![scheme("tcp", None), scheme("unix", None)],
        params: vec![
            param("expect", "text", None, &[]),
            param("stay", "duration", Some("200ms"), &[]),
        ],
        examples: vec![],
        more: vec![],
    }
}
