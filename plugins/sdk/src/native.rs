//! The native backend: runs a probe's logic in a plain unit test, against a
//! scripted conversation, and keeps what the probe sent.
//!
//! ```
//! use waitfor_sdk::native::{Session, Step};
//! # use waitfor_sdk::*;
//! # params! { /// none
//! # pub struct None {} }
//! # struct Ping;
//! # impl Probe for Ping {
//! #     type Params = None;
//! #     const ABOUT: About = About { summary: "", schemes: &[Scheme::new("ping", 1, "")], examples: &[], more: &[] };
//! #     fn check(cx: &Context<'_>, _: &None) -> Result<Ready, Unready> {
//! #         let mut connection = cx.target().connect()?;
//! #         connection.write(b"ping\n")?;
//! #         connection.read_line(80)?;
//! #         Ok(Ready::new("answered"))
//! #     }
//! # }
//! let run = Session::new("ping", "cache", 6379).conversation([Step::send("pong\n")]).check::<Ping>();
//! assert_eq!(run.verdict.code(), "ready");
//! assert_eq!(run.sent(0), b"ping\n");
//! ```

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

use crate::Probe;
use crate::backend::{Host, Stream, Target};
use crate::connection::{Endpoint, TlsOptions};
use crate::context::Context;
use crate::params::Secret;
use crate::verdict::{Fault, Misuse, Verdict};

/// What the scripted server does next.
#[derive(Debug, Clone)]
pub enum Step {
    /// It sends these bytes.
    Send(Vec<u8>),
    /// It takes part in a TLS handshake; the probe must start one here.
    Tls,
    /// It refuses the TLS handshake that the probe must start here.
    TlsFault(Fault),
    /// It says nothing more: reads run into the call's limit, else into the
    /// attempt's deadline.
    Silence,
    /// Reads and writes fail from here on.
    Fail(Fault),
}

impl Step {
    /// The server sends `bytes`.
    pub fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(bytes.as_ref().to_vec())
    }

    /// The peer resets the connection.
    pub fn reset() -> Self {
        Self::Fail(Fault::retry("reset", "the peer reset the connection"))
    }
}

/// A probe's world in a test: a target, parameters, and one script for each
/// connection that it may open, in their order. A script that is at its end
/// has closed the connection; a connection without a script is refused.
pub struct Session {
    target: Rc<Address>,
    others: Vec<Rc<Address>>,
    values: BTreeMap<String, Vec<String>>,
    secrets: BTreeMap<String, Vec<Vec<u8>>>,
    allowed: Vec<(String, u16)>,
    defaults: bool,
    shared: Rc<Shared>,
}

struct Address {
    scheme: String,
    host: Option<String>,
    port: Option<u16>,
    label: String,
}

#[derive(Default)]
struct Shared {
    scripts: RefCell<VecDeque<Result<VecDeque<Step>, Fault>>>,
    opened: RefCell<Vec<Opened>>,
    stages: RefCell<Vec<String>>,
    logs: RefCell<Vec<String>>,
    piece: Cell<usize>,
    revealed: Cell<bool>,
}

#[derive(Default)]
struct Opened {
    label: String,
    sent: Vec<u8>,
    tls: Vec<TlsOptions>,
}

impl Session {
    /// A world whose target is `host:port`.
    pub fn new(scheme: &str, host: &str, port: u16) -> Self {
        Self::of(Address {
            scheme: scheme.to_string(),
            host: Some(host.to_string()),
            port: Some(port),
            label: format!("{host}:{port}"),
        })
    }

    /// A world whose target is a UNIX socket.
    pub fn unix(scheme: &str, path: &str) -> Self {
        Self::of(Address {
            scheme: scheme.to_string(),
            host: None,
            port: None,
            label: path.to_string(),
        })
    }

    fn of(target: Address) -> Self {
        let shared = Shared::default();
        shared.piece.set(usize::MAX);
        Self {
            target: Rc::new(target),
            others: Vec::new(),
            values: BTreeMap::new(),
            secrets: BTreeMap::new(),
            allowed: Vec::new(),
            defaults: true,
            shared: Rc::new(shared),
        }
    }

    /// A further target, for URLs that list several.
    #[must_use]
    pub fn and(mut self, host: &str, port: u16) -> Self {
        let scheme = self.target.scheme.clone();
        self.others.push(Rc::new(Address {
            scheme,
            host: Some(host.to_string()),
            port: Some(port),
            label: format!("{host}:{port}"),
        }));
        self
    }

    /// Gives a parameter a value, in the contract's canonical form.
    #[must_use]
    pub fn value(mut self, name: &str, value: &str) -> Self {
        self.values
            .entry(name.to_string())
            .or_default()
            .push(value.to_string());
        self
    }

    /// Gives a secret parameter a value.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets
            .entry(name.to_string())
            .or_default()
            .push(value.as_bytes().to_vec());
        self
    }

    /// Allows an address to be discovered.
    #[must_use]
    pub fn allow(mut self, host: &str, port: u16) -> Self {
        self.allowed.push((host.to_string(), port));
        self
    }

    /// Delivers the server's bytes in pieces of at most `len`.
    #[must_use]
    pub fn in_pieces_of(self, len: usize) -> Self {
        self.shared.piece.set(len.max(1));
        self
    }

    /// The script of the next connection.
    #[must_use]
    pub fn conversation(self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.shared
            .scripts
            .borrow_mut()
            .push_back(Ok(steps.into_iter().collect()));
        self
    }

    /// The next connection fails.
    #[must_use]
    pub fn unreachable(self, fault: Fault) -> Self {
        self.shared.scripts.borrow_mut().push_back(Err(fault));
        self
    }

    /// Runs one attempt.
    pub fn check<P: Probe>(mut self) -> Run {
        self.apply_defaults::<P>();
        let verdict = {
            let endpoint = |address: &Rc<Address>| {
                Endpoint::new(Box::new(Handle {
                    address: address.clone(),
                    shared: self.shared.clone(),
                }))
            };
            let others = self.others.iter().map(endpoint).collect();
            crate::check::<P>(&Context::new(&self, endpoint(&self.target), others))
        };
        let shared = &self.shared;
        Run {
            verdict,
            stages: shared.stages.take(),
            logs: shared.logs.take(),
            opened: shared.opened.take(),
            unused: shared.scripts.borrow().len(),
        }
    }

    /// Judges the parameters offline.
    pub fn validate<P: Probe>(mut self) -> Option<Misuse> {
        self.apply_defaults::<P>();
        crate::validate::<P>(&self)
    }

    /// Does what the host does with declared defaults; a duration's default
    /// must be given in canonical form by the test.
    fn apply_defaults<P: Probe>(&mut self) {
        if !core::mem::take(&mut self.defaults) {
            return;
        }
        for spec in crate::specs::<P>() {
            if let Some(default) = spec.default
                && spec.kind != "secret"
            {
                let canonical = match spec.kind {
                    "duration" => millis(default),
                    _ => default.to_string(),
                };
                self.values
                    .entry(spec.name)
                    .or_insert_with(|| Vec::from([canonical]));
            }
        }
    }
}

/// The durations that defaults are written in: `200ms`, `5s`, a bare number
/// of seconds.
fn millis(text: &str) -> String {
    let (digits, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => (digits, 1),
        (None, Some(digits)) => (digits, 1000),
        (None, None) => (text, 1000),
    };
    digits
        .parse::<u32>()
        .map_or_else(|_| text.to_string(), |number| (number * factor).to_string())
}

/// What came of an attempt.
pub struct Run {
    /// The probe's answer.
    pub verdict: Verdict,
    /// The steps that it reported.
    pub stages: Vec<String>,
    /// What it logged, each line behind its level.
    pub logs: Vec<String>,
    /// How many scripts no connection has used.
    pub unused: usize,
    opened: Vec<Opened>,
}

impl Run {
    /// How many connections it opened.
    pub fn connections(&self) -> usize {
        self.opened.len()
    }

    /// All bytes that it sent on a connection, counted from zero.
    pub fn sent(&self, connection: usize) -> &[u8] {
        self.opened
            .get(connection)
            .map_or(&[], |opened| &opened.sent)
    }

    /// The TLS handshakes that it started on a connection.
    pub fn tls(&self, connection: usize) -> &[TlsOptions] {
        self.opened
            .get(connection)
            .map_or(&[], |opened| &opened.tls)
    }

    /// The address that a connection went to.
    pub fn address(&self, connection: usize) -> &str {
        self.opened
            .get(connection)
            .map_or("", |opened| &opened.label)
    }
}

impl Host for Session {
    fn values(&self, name: &str) -> Vec<String> {
        self.values.get(name).cloned().unwrap_or_default()
    }

    fn secrets(&self, name: &str) -> Vec<Secret> {
        let values = self.secrets.get(name).cloned().unwrap_or_default();
        values
            .into_iter()
            .map(|value| {
                let shared = self.shared.clone();
                Secret::new(move || {
                    shared.revealed.set(true);
                    value.clone()
                })
            })
            .collect()
    }

    fn discover(&self, host: &str, port: u16) -> Result<Box<dyn Target>, Fault> {
        if self.shared.revealed.get()
            || !self
                .allowed
                .iter()
                .any(|(name, number)| name == host && *number == port)
        {
            return Err(Fault::fix(
                "policy-denied",
                format!("{host}:{port} is not allowed"),
            ));
        }
        Ok(Box::new(Handle {
            address: Rc::new(Address {
                scheme: self.target.scheme.clone(),
                host: Some(host.to_string()),
                port: Some(port),
                label: format!("{host}:{port}"),
            }),
            shared: self.shared.clone(),
        }))
    }

    /// The bytes 0, 1, 2, …: a nonce that a test can know.
    fn entropy(&self, len: u32) -> Vec<u8> {
        (0..len).map(|index| index.to_le_bytes()[0]).collect()
    }

    fn stage(&self, name: &str) {
        self.shared.stages.borrow_mut().push(name.to_string());
    }

    fn log(&self, level: &str, text: &str) {
        self.shared
            .logs
            .borrow_mut()
            .push(format!("{level} {text}"));
    }
}

struct Handle {
    address: Rc<Address>,
    shared: Rc<Shared>,
}

impl Target for Handle {
    fn label(&self) -> String {
        self.address.label.clone()
    }

    fn scheme(&self) -> String {
        self.address.scheme.clone()
    }

    fn host(&self) -> Option<String> {
        self.address.host.clone()
    }

    fn port(&self) -> Option<u16> {
        self.address.port
    }

    fn connect(&self) -> Result<Box<dyn Stream>, Fault> {
        let script = self.shared.scripts.borrow_mut().pop_front();
        let steps = script.unwrap_or_else(|| Err(Fault::retry("refused", "connection refused")))?;
        let mut opened = self.shared.opened.borrow_mut();
        opened.push(Opened {
            label: self.address.label.clone(),
            ..Opened::default()
        });
        let index = opened.len() - 1;
        drop(opened);
        Ok(Box::new(Wire {
            shared: self.shared.clone(),
            index,
            steps,
            limited: false,
        }))
    }
}

struct Wire {
    shared: Rc<Shared>,
    index: usize,
    steps: VecDeque<Step>,
    limited: bool,
}

impl Stream for Wire {
    fn read(&mut self, max: u32) -> Result<Vec<u8>, Fault> {
        let max = usize::try_from(max)
            .unwrap_or(usize::MAX)
            .min(self.shared.piece.get());
        match self.steps.front_mut() {
            None => Ok(Vec::new()),
            Some(Step::Send(bytes)) => {
                let rest = bytes.split_off(max.min(bytes.len()));
                let piece = core::mem::replace(bytes, rest);
                if bytes.is_empty() {
                    self.steps.pop_front();
                }
                Ok(piece)
            }
            Some(Step::Silence) if self.limited => {
                Err(Fault::retry("timed-out", "no answer within the limit"))
            }
            Some(Step::Silence) => Err(Fault::stop(
                "timed-out",
                "no answer within the attempt's time",
            )),
            Some(Step::Tls | Step::TlsFault(_)) => Err(Fault::fix(
                "script",
                "the script waits for a tls handshake, the probe for an answer",
            )),
            Some(Step::Fail(fault)) => Err(fault.clone()),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if let Some(Step::Fail(fault)) = self.steps.front() {
            return Err(fault.clone());
        }
        if let Some(opened) = self.shared.opened.borrow_mut().get_mut(self.index) {
            opened.sent.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn start_tls(&mut self, options: &TlsOptions) -> Result<(), Fault> {
        if let Some(opened) = self.shared.opened.borrow_mut().get_mut(self.index) {
            opened.tls.push(options.clone());
        }
        match self.steps.pop_front() {
            Some(Step::Tls) => Ok(()),
            Some(Step::TlsFault(fault)) => Err(fault),
            _ => Err(Fault::retry("tls-handshake", "the peer does not speak tls")),
        }
    }

    fn limit(&mut self, each_call: u32) {
        self.limited = each_call > 0;
    }
}
