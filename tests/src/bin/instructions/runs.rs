//! The runs that are counted: each fixed in its arguments, and its answer known.

use std::net::{Ipv4Addr, SocketAddr};

use waitfor_tests::faults::peer::Peer;
use waitfor_tests::install::{self, Component};
use waitfor_tests::process::free_port;
use waitfor_tests::servers::openbao::OpenBao;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

/// The names of all runs, in the order of the file.
pub(crate) const NAMES: [&str; 10] = [
    "version",
    "help",
    "plugin-list",
    "bad-url",
    "contradiction",
    "open-port",
    "refused-20",
    "redis",
    "postgres",
    "openbao",
];

/// What may differ where nothing comes from outside, in percent.
const ALONE: f64 = 3.0;

/// What may differ where a server answers: in how many pieces its words come, and when, is its own.
const TOGETHER: f64 = 5.0;

/// One run.
pub(crate) struct Run {
    /// Its key in the file.
    pub(crate) name: &'static str,
    /// The arguments of `waitfor`.
    pub(crate) args: Vec<String>,
    /// The exit code that it must have.
    pub(crate) code: i32,
    /// By how much its count may differ from the one that is kept, in percent.
    pub(crate) tolerance: f64,
}

impl Run {
    /// The command line, as a reader would type it.
    pub(crate) fn shown(&self) -> String {
        format!("waitfor {}", self.args.join(" "))
    }
}

/// The servers that runs need, as far as they can be had.
pub(crate) struct Servers {
    open: Peer,
    redis: Option<Redis>,
    postgres: Option<Postgres>,
    openbao: Option<OpenBao>,
}

impl Servers {
    /// Starts them.
    pub(crate) fn start() -> Self {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self {
            open: Peer::start_at(at, |mut stream, _| {
                // Held until the client leaves, in whatever way.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }),
            redis: install::require(Component::Redis).map(|it| Redis::ready(&it)),
            postgres: install::require(Component::Postgres).map(|it| Postgres::ready(&it)),
            openbao: install::require(Component::OpenBao).map(|it| OpenBao::dev(&it)),
        }
    }
}

/// All runs whose servers are there.
pub(crate) fn all(servers: &Servers) -> Vec<Run> {
    let open = format!("tcp://127.0.0.1:{}?hold=0", servers.open.port());
    let refused = format!("tcp://127.0.0.1:{}", free_port());
    let mut runs = vec![
        run("version", 0, ALONE, &["--version"]),
        run("help", 0, ALONE, &["--help"]),
        run("plugin-list", 0, ALONE, &["plugin", "list"]),
        run("bad-url", 2, ALONE, &["nonsense://127.0.0.1"]),
        run(
            "contradiction",
            2,
            ALONE,
            &["tcp://127.0.0.1:1?expect=a&expect-hex=61"],
        ),
        run("open-port", 0, TOGETHER, &["-q", &open]),
        // Each refused attempt is an answer of those that are asked for.
        run(
            "refused-20",
            0,
            TOGETHER,
            &["-q", "--not", "--successes", "20", &refused],
        ),
    ];
    if let Some(redis) = &servers.redis {
        let url = format!("redis://127.0.0.1:{}", redis.port);
        runs.push(run("redis", 0, TOGETHER, &["-q", &url]));
    }
    if let Some(postgres) = &servers.postgres {
        let url = format!("postgres://trusted@127.0.0.1:{}/postgres", postgres.port);
        runs.push(run("postgres", 0, TOGETHER, &["-q", &url]));
    }
    if let Some(openbao) = &servers.openbao {
        let url = format!("vault+http://127.0.0.1:{}", openbao.port);
        runs.push(run("openbao", 0, TOGETHER, &["-q", &url]));
    }
    runs
}

fn run(name: &'static str, code: i32, tolerance: f64, args: &[&str]) -> Run {
    Run {
        name,
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        code,
        tolerance,
    }
}
