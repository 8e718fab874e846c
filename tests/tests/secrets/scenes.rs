//! What can come of a wait: the servers, what they make of a secret, and what is asked of the
//! program besides.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use waitfor_tests::install::{Component, Installed, require};
use waitfor_tests::process::free_port;
use waitfor_tests::servers::nginx::Nginx;
use waitfor_tests::servers::openbao::OpenBao;
use waitfor_tests::servers::postgres::Postgres;
use waitfor_tests::servers::redis::Redis;

use crate::canary::in_redis_conf;
use crate::routes::{Kind, Place};

/// The servers that know the secret, that know another, and that misbehave.
pub(crate) struct Servers {
    right_redis: Redis,
    wrong_redis: Redis,
    postgres: Postgres,
    nginx: Nginx,
    bao: OpenBao,
    silent: u16,
    echo: u16,
}

impl Servers {
    /// None where one cannot be installed; that was told.
    pub(crate) fn start(secret: &str) -> Option<Self> {
        let postgres = Postgres::ready(&require(Component::Postgres)?);
        let quoted = secret.replace('\'', "''");
        postgres
            .psql(
                "postgres",
                &format!("ALTER ROLE by_scram PASSWORD '{quoted}'"),
            )
            .expect("a password is set");
        let redis = require(Component::Redis)?;
        Some(Self {
            right_redis: with_password(&redis, secret),
            wrong_redis: with_password(&redis, "that of another"),
            postgres,
            nginx: Nginx::start(
                &require(Component::Nginx)?,
                "location / { return 200 'well'; } location /closed { return 401; }",
            ),
            bao: OpenBao::dev(&require(Component::OpenBao)?),
            silent: serve(|mut stream| io::copy(&mut stream, &mut io::sink()).map(drop)),
            echo: serve(repeat),
        })
    }

    /// Where the target of a scene is, if there is such a server.
    pub(crate) fn place(&self, kind: Kind, scene: &Scene) -> Option<Place> {
        let port = match (scene.state, kind) {
            (State::Right, Kind::Redis) => self.right_redis.port,
            (State::Wrong, Kind::Redis) => self.wrong_redis.port,
            (State::Right | State::Wrong, Kind::Postgres) => self.postgres.port,
            (State::Right | State::Wrong, Kind::Http) => self.nginx.port,
            (State::Wrong, Kind::Vault) => self.bao.port,
            // A token of one's own choice has a form of its own.
            (State::Right, Kind::Vault) if scene.is_met() => return None,
            (State::Right, Kind::Vault) => self.bao.port,
            (State::Repeats, _) => self.echo,
            (State::Refuses | State::Unknown, _) => free_port(),
            (State::Silent, _) => self.silent,
            (State::NoTls, Kind::Redis) => self.right_redis.port,
            (State::NoTls, Kind::Postgres) => self.postgres.port,
            (State::NoTls, Kind::Http | Kind::Vault) => self.nginx.port,
        };
        let mut place = Place::at(port);
        place.tls = scene.state == State::NoTls;
        if scene.state == State::Unknown {
            place.host = "no-such-name.invalid".to_owned();
        }
        if scene.state == State::Wrong {
            place.path = "/closed";
            place.user = "by_md5";
        }
        Some(place)
    }
}

fn with_password(installed: &Installed, password: &str) -> Redis {
    Redis::build(installed)
        .line(&format!("requirepass \"{}\"", in_redis_conf(password)))
        .start()
}

/// Says all that it hears: at once, and as an error of each protocol.
fn repeat(mut stream: TcpStream) -> io::Result<()> {
    let mut heard = vec![0; 16_384];
    loop {
        let count = stream.read(&mut heard)?;
        if count == 0 {
            return Ok(());
        }
        let heard = &heard[..count];
        if heard.starts_with(b"GET ") {
            let line: Vec<u8> = heard
                .iter()
                .map(|byte| if byte.is_ascii_control() { b' ' } else { *byte })
                .collect();
            stream.write_all(b"HTTP/1.1 500 ")?;
            stream.write_all(&line)?;
            stream.write_all(b"\r\nServer: ")?;
            stream.write_all(&line)?;
            stream.write_all(b"\r\nLocation: /?")?;
            stream.write_all(&line)?;
            stream.write_all(b"\r\nConnection: close\r\n\r\n")?;
            stream.write_all(heard)?;
            return Ok(());
        }
        if heard.starts_with(b"*") {
            let line: Vec<u8> = heard
                .iter()
                .map(|byte| if b"\r\n".contains(byte) { b' ' } else { *byte })
                .collect();
            stream.write_all(b"-ERR you said: ")?;
            stream.write_all(&line)?;
            stream.write_all(b"\r\n")?;
        } else {
            stream.write_all(heard)?;
        }
    }
}

/// Serves every connection in a thread of its own, while the test binary runs; gives the port.
pub(crate) fn serve(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let listener = TcpListener::bind(address).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            // A peer that leaves early ends its own conversation only.
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Right,
    Wrong,
    Repeats,
    Refuses,
    Unknown,
    Silent,
    NoTls,
}

/// A column of the table.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) state: State,
    /// What stands on the command line besides.
    pub(crate) more: &'static [&'static str],
    /// The exit codes that may come of it.
    pub(crate) exits: &'static [i32],
}

impl Scene {
    /// Whether the service must have been ready.
    fn is_met(&self) -> bool {
        self.state == State::Right && (self.exits == [127] || self.more.is_empty())
    }
}

const fn scene(
    name: &'static str,
    state: State,
    more: &'static [&'static str],
    exits: &'static [i32],
) -> Scene {
    Scene {
        name,
        state,
        more,
        exits,
    }
}

/// All of them.
pub(crate) const SCENES: [Scene; 13] = [
    scene("ready", State::Right, &[], &[0]),
    scene("refused by the service", State::Wrong, &[], &[3]),
    scene("repeated by the service", State::Repeats, &[], &[3, 124]),
    scene("nothing listens", State::Refuses, &[], &[124]),
    scene("no such host", State::Unknown, &[], &[124]),
    scene("no answer", State::Silent, &[], &[124]),
    scene("no TLS there", State::NoTls, &[], &[3, 124]),
    scene("unknown option", State::Right, &["--nosuch"], &[2]),
    scene("wrong value", State::Right, &["--timeout", "soon"], &[2]),
    scene(
        "unreadable file",
        State::Right,
        &["--tls-ca", "/no/such"],
        &[2],
    ),
    scene(
        "plugin not to be had",
        State::Right,
        &["--plugin", "acme/none"],
        &[2, 4],
    ),
    scene("`--help`", State::Right, &["--help"], &[0]),
    scene(
        "command not found",
        State::Right,
        &["--", "/no/such/command"],
        &[127],
    ),
];
