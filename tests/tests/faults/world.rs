//! The real servers behind the faults, each as ready as it can be, and started once.

use waitfor_tests::faults::relay::{Relay, Shape};
use waitfor_tests::faults::watched;
use waitfor_tests::install::{self, Component};
use waitfor_tests::process::{PATIENCE, wait_for};
use waitfor_tests::servers::nginx::Nginx;
use waitfor_tests::servers::openbao::OpenBao;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;
use waitfor_tests::tls::Tls;
use waitfor_tests::vertica_sim::{self, Auth, Config, Sim, TlsFiles};

use crate::subject::Subject;

pub(crate) const VERTICA_PASSWORD: &str = "pw-of-a-simulated-user";

const PAGE: &str =
    "location = /health { default_type application/json; return 200 '{\"status\":\"up\"}'; }";

/// The servers, and what they say when nothing is wrong.
pub(crate) struct World {
    redis: Redis,
    redis_tls: Redis,
    nginx: Nginx,
    nginx_tls: Nginx,
    postgres: Postgres,
    postgres_tls: Postgres,
    bao: OpenBao,
    vertica: Sim,
    vertica_tls: Sim,
    pub(crate) tls: Tls,
    words: Vec<(Subject, Vec<u8>)>,
}

impl World {
    /// Starts all of them; none where one cannot be had, which has been told.
    pub(crate) fn start() -> Option<Self> {
        let redis = install::require(Component::Redis)?;
        let nginx = install::require(Component::Nginx)?;
        let postgres = install::require(Component::Postgres)?;
        let bao = install::require(Component::OpenBao)?;
        let tls = Tls::new();
        let vertica = Config::with_password(Auth::HashSha512, "dbadmin", VERTICA_PASSWORD);
        let vertica_tls = vertica
            .clone()
            .with_tls(vertica_sim::Tls::Offered(TlsFiles::of(&tls.server)));
        let mut world = Self {
            redis: Redis::ready(&redis),
            redis_tls: Redis::with_tls(&redis, &tls, false),
            nginx: Nginx::start(&nginx, PAGE),
            nginx_tls: Nginx::start_tls(&nginx, &tls.server, PAGE),
            postgres: Postgres::ready(&postgres),
            postgres_tls: Postgres::build(&postgres).tls(&tls).start(),
            bao: OpenBao::active(&bao, Some(&tls.server)),
            vertica: Sim::start(vertica),
            vertica_tls: Sim::start(vertica_tls),
            tls,
            words: Vec::new(),
        };
        world.words = Subject::PLAIN
            .into_iter()
            .chain(Subject::TLS)
            .map(|subject| (subject, world.listen(subject)))
            .collect();
        Some(world)
    }

    /// The port of the real server that this one asks.
    pub(crate) fn port(&self, subject: Subject) -> u16 {
        match subject {
            Subject::Tcp | Subject::TcpExpect | Subject::Redis => self.redis.port,
            Subject::TcpTls | Subject::Rediss => self.redis_tls.port,
            Subject::Http => self.nginx.port,
            Subject::Https => self.nginx_tls.port,
            Subject::Postgres => self.postgres.port,
            Subject::PostgresTls => self.postgres_tls.port,
            Subject::Vault => self.bao.port,
            Subject::VaultTls => self.bao.tls_port,
            Subject::Vertica => self.vertica.port(),
            Subject::VerticaTls => self.vertica_tls.port(),
        }
    }

    /// A port of the same kind of server that wants TLS from the first byte.
    pub(crate) fn tls_port(&self, subject: Subject) -> u16 {
        match subject {
            Subject::Tcp | Subject::TcpExpect | Subject::Redis => self.redis_tls.port,
            Subject::Vault => self.bao.tls_port,
            _ => self.nginx_tls.port,
        }
    }

    /// A port of the same kind of server that knows no TLS.
    pub(crate) fn plain_port(&self, subject: Subject) -> u16 {
        match subject {
            Subject::Https => self.nginx.port,
            Subject::PostgresTls => self.postgres.port,
            Subject::VaultTls => self.bao.port,
            Subject::VerticaTls => self.vertica.port(),
            _ => self.redis.port,
        }
    }

    /// What the server says in a conversation that goes well, in bytes.
    pub(crate) fn said(&self, subject: Subject) -> usize {
        self.words(subject).len()
    }

    /// How much of that is needed to be ready. What comes last are answers that a probe can do
    /// without: the run id of a Redis, the start time of a PostgreSQL.
    pub(crate) fn needed(&self, subject: Subject) -> usize {
        let said = self.said(subject);
        match subject {
            Subject::Redis => "+PONG\r\n".len(),
            Subject::Postgres | Subject::PostgresTls => said - self.surplus(),
            _ => said,
        }
    }

    /// What PostgreSQL says after its answer to the first query.
    fn surplus(&self) -> usize {
        let words = self.words(Subject::Postgres);
        // The answer to the request for TLS, then frames: a type, and a length that counts itself.
        let mut at = 1;
        let mut readies = 0;
        while let Some(&[kind, a, b, c, d]) = words.get(at..at + 5) {
            at += 1 + u32::from_be_bytes([a, b, c, d]) as usize;
            readies += usize::from(kind == b'Z');
            if readies == 2 {
                return words.len() - at;
            }
        }
        panic!("PostgreSQL did not answer a query: {words:?}")
    }

    fn words(&self, subject: Subject) -> &[u8] {
        let found = self.words.iter().find(|(other, _)| *other == subject);
        found.map_or(&[], |(_, words)| words)
    }

    fn listen(&self, subject: Subject) -> Vec<u8> {
        let relay = Relay::start(self.port(subject), |_| Shape::Whole);
        let mut args = subject.target(self, "127.0.0.1", relay.port());
        args.extend(["--timeout".to_owned(), "20s".to_owned()]);
        let found = watched::run(&Subject::client(), &args, PATIENCE, |_| ())
            .unwrap_or_else(|why| panic!("{}: {why}", subject.name()));
        assert_eq!(
            found.outcome.code,
            0,
            "{} is not ready: {}{}",
            subject.name(),
            found.outcome.stdout,
            found.outcome.stderr
        );
        wait_for("the end of a conversation", PATIENCE, || {
            relay.first_words().ok_or_else(|| "it goes on".to_owned())
        })
    }
}
