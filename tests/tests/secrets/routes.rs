//! The ways in which a user gives a secret to the program.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use waitfor_tests::cli::Cli;
use waitfor_tests::process::temp_dir;

use crate::canary::in_url;

/// The probe that a route belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Redis,
    Postgres,
    Http,
    Vault,
}

/// Where the target is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: &'static str,
    pub(crate) path: &'static str,
    /// The target speaks TLS, or so the user says.
    pub(crate) tls: bool,
}

impl Place {
    /// On this machine.
    pub(crate) fn at(port: u16) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port,
            user: "by_scram",
            path: "/",
            tls: false,
        }
    }
}

/// A secret, and the files that hold it.
pub(crate) struct Given {
    pub(crate) secret: String,
    dir: TempDir,
}

impl Given {
    pub(crate) fn new(secret: &str) -> Self {
        let dir = temp_dir("given");
        fs::write(dir.path().join("password"), format!("{secret}\n")).expect("a file");
        let header = format!("X-Key: {secret}\n");
        fs::write(dir.path().join("header"), header).expect("a file");
        let escaped = secret.replace('\\', "\\\\").replace(':', "\\:");
        let pgpass = dir.path().join(".pgpass");
        fs::write(&pgpass, format!("*:*:*:*:{escaped}\n")).expect("a file");
        fs::set_permissions(&pgpass, fs::Permissions::from_mode(0o600)).expect("private");
        Self {
            secret: secret.to_owned(),
            dir,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn home(&self) -> &Path {
        self.dir.path()
    }
}

/// A way to give it.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    give: fn(&Given, &Place) -> Cli,
}

impl Route {
    /// The command line with the secret and the target.
    pub(crate) fn cli(&self, given: &Given, place: &Place) -> Cli {
        (self.give)(given, place)
    }
}

fn cli(words: &[&str]) -> Cli {
    Cli::new().args(words)
}

fn redis(place: &Place, credentials: &str) -> String {
    let scheme = if place.tls { "rediss" } else { "redis" };
    format!("{scheme}://{credentials}{}:{}", place.host, place.port)
}

fn redis_with(given: &Given, place: &Place) -> String {
    redis(place, &format!(":{}@", in_url(&given.secret)))
}

fn postgres(place: &Place, credentials: &str) -> String {
    let (host, port) = (&place.host, place.port);
    let mode = if place.tls { "require" } else { "prefer" };
    let user = place.user;
    format!("postgres://{user}{credentials}@{host}:{port}/app?sslmode={mode}")
}

fn http(place: &Place) -> String {
    let scheme = if place.tls { "https" } else { "http" };
    format!("{scheme}://{}:{}{}", place.host, place.port, place.path)
}

fn vault(place: &Place) -> String {
    let scheme = if place.tls { "vault" } else { "vault+http" };
    format!("{scheme}://{}:{}", place.host, place.port)
}

fn file(given: &Given) -> String {
    given.file("password").display().to_string()
}

/// All of them.
pub(crate) const ROUTES: [Route; 22] = [
    Route {
        name: "a URL's password",
        kind: Kind::Redis,
        give: |given, place| cli(&[&redis_with(given, place)]),
    },
    Route {
        name: "a key in a URL's query",
        kind: Kind::Redis,
        give: |given, place| {
            let url = redis(place, "");
            cli(&[&format!("{url}?password={}", in_url(&given.secret))])
        },
    },
    Route {
        name: "`--url`",
        kind: Kind::Redis,
        give: |given, place| cli(&["--url", &redis_with(given, place)]),
    },
    Route {
        name: "`WAITFOR_URL`",
        kind: Kind::Redis,
        give: |given, place| cli(&[]).env("WAITFOR_URL", redis_with(given, place)),
    },
    Route {
        name: "`REDIS_URL`",
        kind: Kind::Redis,
        give: |given, place| cli(&["redis"]).env("REDIS_URL", redis_with(given, place)),
    },
    Route {
        name: "`REDISCLI_AUTH`",
        kind: Kind::Redis,
        give: |given, place| cli(&[&redis(place, "")]).env("REDISCLI_AUTH", &given.secret),
    },
    Route {
        name: "`WAITFOR_REDIS_PASSWORD`",
        kind: Kind::Redis,
        give: |given, place| cli(&[&redis(place, "")]).env("WAITFOR_REDIS_PASSWORD", &given.secret),
    },
    Route {
        name: "`WAITFOR_REDIS_PASSWORD_FILE`",
        kind: Kind::Redis,
        give: |given, place| {
            cli(&[&redis(place, "")]).env("WAITFOR_REDIS_PASSWORD_FILE", file(given))
        },
    },
    Route {
        name: "`--password`",
        kind: Kind::Redis,
        give: |given, place| cli(&[&redis(place, ""), "--password", &given.secret]),
    },
    Route {
        name: "`--password=`",
        kind: Kind::Redis,
        give: |given, place| cli(&[&redis(place, ""), &format!("--password={}", given.secret)]),
    },
    Route {
        name: "`--password-file`",
        kind: Kind::Redis,
        give: |given, place| cli(&[&redis(place, ""), "--password-file", &file(given)]),
    },
    Route {
        name: "a PostgreSQL URL",
        kind: Kind::Postgres,
        give: |given, place| cli(&[&postgres(place, &format!(":{}", in_url(&given.secret)))]),
    },
    Route {
        name: "`PGPASSWORD`",
        kind: Kind::Postgres,
        give: |given, place| cli(&[&postgres(place, "")]).env("PGPASSWORD", &given.secret),
    },
    Route {
        name: "a `.pgpass` file",
        kind: Kind::Postgres,
        give: |given, place| cli(&[&postgres(place, "")]).home(given.home()),
    },
    Route {
        name: "a `key=value` string",
        kind: Kind::Postgres,
        give: |given, place| {
            let quoted = given.secret.replace('\\', "\\\\").replace('\'', "\\'");
            let Place {
                host, port, user, ..
            } = place;
            let mode = if place.tls { "require" } else { "prefer" };
            let text = format!(
                "host={host} port={port} user={user} dbname=app sslmode={mode} password='{quoted}'"
            );
            cli(&["postgres", &text])
        },
    },
    Route {
        name: "a value in an HTTP query",
        kind: Kind::Http,
        give: |given, place| cli(&[&format!("{}?key={}", http(place), in_url(&given.secret))]),
    },
    Route {
        name: "the password of an HTTP URL",
        kind: Kind::Http,
        give: |given, place| {
            let login = format!("://app:{}@", in_url(&given.secret));
            cli(&[&http(place).replace("://", &login)])
        },
    },
    Route {
        name: "`--bearer-token-file`",
        kind: Kind::Http,
        give: |given, place| cli(&[&http(place), "--bearer-token-file", &file(given)]),
    },
    Route {
        name: "`--secret-header-file`",
        kind: Kind::Http,
        give: |given, place| {
            let file = given.file("header").display().to_string();
            cli(&[&http(place), "--secret-header-file", &file])
        },
    },
    Route {
        name: "`--secret-header`",
        kind: Kind::Http,
        give: |given, place| {
            let header = format!("X-Key: {}", given.secret);
            cli(&[&http(place), "--secret-header", &header])
        },
    },
    Route {
        name: "`VAULT_TOKEN`",
        kind: Kind::Vault,
        give: |given, place| {
            cli(&[&vault(place), "--path", "secret/data/app"]).env("VAULT_TOKEN", &given.secret)
        },
    },
    Route {
        name: "`--token-file`",
        kind: Kind::Vault,
        give: |given, place| {
            let path = ["--path", "secret/data/app"];
            cli(&[&vault(place), "--token-file", &file(given)]).args(path)
        },
    },
];
