//! The contract's imports: what a guest may ask of the host, each call
//! counted, bounded in bytes and ended by the attempt's deadline.

use std::time::Duration;

use tokio::time::Instant;
use wasmtime::component::Resource;
use wasmtime::{Error, Result, bail};

use super::bindings::waitfor::probe::{entropy, net, params, report, types};
use super::knock::{Dial, dial};
use super::limits;
use super::state::{Endpoint, State};
use crate::model::Address;
use crate::net::fault::{Fault, Remedy};
use crate::net::policy::NamedBy;
use crate::net::stream::Connection;
use crate::net::tls::{Verification, Wish};
use crate::secret::Secret;

type Answer<T> = Result<std::result::Result<T, types::Fault>>;

impl From<Fault> for types::Fault {
    fn from(fault: Fault) -> Self {
        Self {
            remedy: match fault.remedy {
                Remedy::Retry => types::Remedy::Retry,
                Remedy::Fix => types::Remedy::Fix,
                Remedy::Stop => types::Remedy::Stop,
            },
            code: fault.code.to_owned(),
            detail: fault.detail,
        }
    }
}

impl State {
    /// Counts a call; too many of them, or one too large, ends the guest.
    fn enter(&mut self, bytes: usize) -> Result<()> {
        self.asked();
        self.count_calls()?;
        at_most(bytes, limits::CALL_BYTES)
    }

    fn leave(&mut self) {
        self.notes.set_computing(true);
    }

    /// A fault as the guest is told it; that time ran out comes with the step
    /// at which it did.
    fn told(&self, mut fault: Fault) -> types::Fault {
        if fault.remedy == Remedy::Stop
            && let Some(stage) = self.notes.stage()
        {
            fault.detail = format!("{}, while {stage}", fault.detail);
        }
        fault.into()
    }

    /// Whether the attempt's time is over.
    fn over(&self) -> Option<Fault> {
        (Instant::now() >= self.deadline)
            .then(|| Fault::stop("timed-out", "the attempt's time is over"))
    }

    /// Opens a connection, within the attempt's count and time.
    async fn open_connection(
        &mut self,
        address: &Address,
        named_by: NamedBy,
    ) -> std::result::Result<Connection, Fault> {
        let known = self.trail.found(address, named_by);
        if known.is_none()
            && let Some(fault) = self.over()
        {
            self.trail.leave();
            return Err(fault);
        }
        if self.connections >= limits::CONNECTIONS {
            self.trail.leave();
            return Err(Fault::stop(
                "quota",
                format!(
                    "an attempt opens at most {} connections",
                    limits::CONNECTIONS
                ),
            ));
        }
        self.connections += 1;
        let dialled = match known {
            Some(dialled) => dialled,
            None => {
                let dialled = Dial {
                    address: address.clone(),
                    named_by,
                };
                let (job, until) = (&self.job, self.deadline);
                dial(&self.dialer, dialled, job, &self.notes, until).await
            }
        };
        self.trail.add(dialled)
    }
}

/// Ends a guest that hands over more than `most` bytes.
fn at_most(bytes: usize, most: usize) -> Result<()> {
    if bytes > most {
        return Err(Budget::used_up(format!(
            "it handed over more than {most} bytes in one call"
        )));
    }
    Ok(())
}

/// A bound of the sandbox that a guest ran into; it ends the guest.
#[derive(Debug)]
pub(super) struct Budget {
    /// The verdict's code.
    pub(super) code: &'static str,
    why: String,
}

impl Budget {
    pub(super) fn used_up(why: String) -> Error {
        Error::new(Self {
            code: "budget",
            why,
        })
    }

    pub(super) fn cpu_time(why: String) -> Error {
        Error::new(Self {
            code: "cpu-time",
            why,
        })
    }
}

impl std::fmt::Display for Budget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for Budget {}

impl types::Host for State {}

impl net::Host for State {
    async fn discover(&mut self, host: String, port: u16) -> Answer<Resource<Endpoint>> {
        self.enter(host.len())?;
        let name = host.to_ascii_lowercase();
        let allowed = self
            .job
            .allow
            .iter()
            .any(|(allowed, number)| *allowed == name && *number == port);
        let found = if self.revealed {
            Err(Fault::fix(
                "policy-denied",
                format!("{host}:{port} was discovered after a secret was used"),
            ))
        } else if allowed {
            Ok(self.table.push(Endpoint {
                address: Address::Tcp { host, port },
                named_by: NamedBy::Probe,
            })?)
        } else {
            Err(Fault::fix(
                "policy-denied",
                format!("{host}:{port} is not an allowed address"),
            ))
        };
        self.leave();
        Ok(found.map_err(Into::into))
    }
}

impl net::HostEndpoint for State {
    async fn label(&mut self, endpoint: Resource<Endpoint>) -> Result<String> {
        self.enter(0)?;
        let label = self.table.get(&endpoint)?.address.to_string();
        self.leave();
        Ok(label)
    }

    async fn scheme(&mut self, _: Resource<Endpoint>) -> Result<String> {
        self.enter(0)?;
        self.leave();
        Ok(self.job.scheme.clone())
    }

    async fn host(&mut self, endpoint: Resource<Endpoint>) -> Result<Option<String>> {
        self.enter(0)?;
        let host = match &self.table.get(&endpoint)?.address {
            Address::Tcp { host, .. } => Some(host.clone()),
            Address::Unix(_) => None,
        };
        self.leave();
        Ok(host)
    }

    async fn port(&mut self, endpoint: Resource<Endpoint>) -> Result<Option<u16>> {
        self.enter(0)?;
        let port = match &self.table.get(&endpoint)?.address {
            Address::Tcp { port, .. } => Some(*port),
            Address::Unix(_) => None,
        };
        self.leave();
        Ok(port)
    }

    async fn connect(&mut self, endpoint: Resource<Endpoint>) -> Answer<Resource<Connection>> {
        self.enter(0)?;
        let Endpoint { address, named_by } = self.table.get(&endpoint)?;
        let (address, named_by) = (address.clone(), *named_by);
        let opened = match self.open_connection(&address, named_by).await {
            Ok(connection) => Ok(self.table.push(connection)?),
            Err(fault) => Err(fault.into()),
        };
        self.leave();
        Ok(opened)
    }

    async fn drop(&mut self, endpoint: Resource<Endpoint>) -> Result<()> {
        self.table.delete(endpoint)?;
        Ok(())
    }
}

impl net::HostTlsOptions for State {
    async fn new(&mut self) -> Result<Resource<Wish>> {
        self.enter(0)?;
        let wish = self.table.push(Wish::default())?;
        self.leave();
        Ok(wish)
    }

    async fn server_name(&mut self, wish: Resource<Wish>, name: String) -> Result<()> {
        self.enter(name.len())?;
        at_most(name.len(), limits::WISH_BYTES)?;
        self.table.get_mut(&wish)?.server_name = Some(name);
        self.leave();
        Ok(())
    }

    async fn protocols(&mut self, wish: Resource<Wish>, alpn: Vec<String>) -> Result<()> {
        let bytes = alpn.iter().map(String::len).sum::<usize>();
        self.enter(bytes)?;
        // Each name has a length byte in the handshake; empty ones count too.
        at_most(bytes + alpn.len(), limits::WISH_BYTES)?;
        self.table.get_mut(&wish)?.protocols = alpn;
        self.leave();
        Ok(())
    }

    async fn verification(&mut self, wish: Resource<Wish>, level: String) -> Result<()> {
        self.enter(level.len())?;
        self.table.get_mut(&wish)?.verification = match level.as_str() {
            "chain" => Verification::Chain,
            "none" => Verification::None,
            _ => Verification::Full,
        };
        self.leave();
        Ok(())
    }

    async fn drop(&mut self, wish: Resource<Wish>) -> Result<()> {
        self.table.delete(wish)?;
        Ok(())
    }
}

impl net::HostConnection for State {
    async fn read(&mut self, connection: Resource<Connection>, max: u32) -> Answer<Vec<u8>> {
        self.enter(0)?;
        let deadline = self.deadline;
        let read = if self.received >= limits::RECEIVED {
            let most = limits::RECEIVED >> 20;
            Err(Fault::stop(
                "quota",
                format!("an attempt receives at most {most} MiB"),
            ))
        } else {
            self.table.get_mut(&connection)?.read(max, deadline).await
        };
        if let Ok(bytes) = &read {
            self.received += bytes.len() as u64;
        }
        self.leave();
        Ok(read.map_err(|fault| self.told(fault)))
    }

    async fn write(&mut self, connection: Resource<Connection>, bytes: Vec<u8>) -> Answer<()> {
        self.enter(bytes.len())?;
        let deadline = self.deadline;
        self.sent = self.sent.saturating_add(bytes.len() as u64);
        let written = if self.sent > limits::SENT {
            let most = limits::SENT >> 20;
            Err(Fault::stop(
                "quota",
                format!("an attempt sends at most {most} MiB"),
            ))
        } else {
            let connection = self.table.get_mut(&connection)?;
            connection.write(&bytes, deadline).await
        };
        self.leave();
        Ok(written.map_err(|fault| self.told(fault)))
    }

    async fn start_tls(
        &mut self,
        connection: Resource<Connection>,
        wish: Resource<Wish>,
    ) -> Answer<()> {
        self.enter(0)?;
        let deadline = self.deadline;
        let wish = self.table.delete(wish)?;
        let trust = self.trust.clone();
        let done = self
            .table
            .get_mut(&connection)?
            .start_tls(&wish, &trust, deadline)
            .await;
        self.leave();
        Ok(done.map_err(|fault| self.told(fault)))
    }

    async fn limit(&mut self, connection: Resource<Connection>, each_call: u32) -> Result<()> {
        self.enter(0)?;
        self.table
            .get_mut(&connection)?
            .limit(Duration::from_millis(each_call.into()));
        self.leave();
        Ok(())
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl params::Host for State {
    async fn values(&mut self, name: String) -> Result<Vec<String>> {
        self.enter(name.len())?;
        let values = if self.open {
            self.job.values.get(&name).cloned()
        } else {
            None
        };
        self.leave();
        Ok(values.unwrap_or_default())
    }

    async fn secrets(&mut self, name: String) -> Result<Vec<Resource<Secret>>> {
        self.enter(name.len())?;
        let secrets = if self.open {
            self.job.secrets.get(&name).cloned()
        } else {
            None
        };
        let mut handles = Vec::new();
        for secret in secrets.unwrap_or_default() {
            handles.push(self.table.push(secret)?);
        }
        self.leave();
        Ok(handles)
    }
}

impl params::HostSecret for State {
    async fn reveal(&mut self, secret: Resource<Secret>) -> Result<Vec<u8>> {
        self.enter(0)?;
        self.revealed = true;
        let bytes = self.table.get(&secret)?.reveal().to_vec();
        self.leave();
        Ok(bytes)
    }

    async fn drop(&mut self, secret: Resource<Secret>) -> Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}

impl entropy::Host for State {
    async fn bytes(&mut self, len: u32) -> Result<Vec<u8>> {
        self.enter(0)?;
        let len = usize::try_from(len.min(limits::ENTROPY)).unwrap_or_default();
        let mut bytes = vec![0; len];
        self.trail.leave();
        // A description is the same every time, and has no use for chance.
        if self.open
            && let Err(error) = getrandom::fill(&mut bytes)
        {
            bail!("this system gives no randomness: {error}");
        }
        self.leave();
        Ok(bytes)
    }
}

impl report::Host for State {
    async fn stage(&mut self, name: String) -> Result<()> {
        self.enter(name.len())?;
        self.notes.set_stage(&name);
        self.leave();
        Ok(())
    }

    async fn log(&mut self, level: String, text: String) -> Result<()> {
        self.enter(level.len().saturating_add(text.len()))?;
        self.notes.log(&level, &text);
        self.leave();
        Ok(())
    }
}
