//! From an open stream to a session: the start-up message, the proof, and
//! what the server says of itself until it is ready for a query.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;

use waitfor_sdk::{Connection, Context, Fault, Misuse, Pending, Ready, Unready};

use crate::auth::{Authentication, Method, Step};
use crate::options::{Level, Params};
use crate::session::{Session, Status};
use crate::sqlstate::{self, Login, ServerError};
use crate::wire::{self, Broken, Message};
use crate::{fault, foreign};

/// What a login came to.
pub(crate) enum Outcome {
    /// A session that takes queries.
    Session(Session),
    /// At level `accepts`: the server took the login up.
    Accepting(Ready),
}

/// Why there was no session.
pub(crate) struct Rejected {
    /// The verdict.
    pub(crate) unready: Box<Unready>,
    /// Whether the same might pass with TLS in place of plaintext, or the
    /// other way round.
    pub(crate) depends_on_encryption: bool,
}

impl<E: Into<Unready>> From<E> for Rejected {
    fn from(error: E) -> Self {
        Self {
            unready: Box::new(error.into()),
            depends_on_encryption: false,
        }
    }
}

/// Logs in on `connection`, which is `encrypted` or not.
pub(crate) fn log_in(
    context: &Context<'_>,
    params: &Params,
    connection: Connection,
    encrypted: bool,
) -> Result<Outcome, Rejected> {
    context.stage("authenticating");
    let mut attempt = Attempt {
        context,
        params,
        connection,
        encrypted,
        authenticated: false,
    };
    let proved = match attempt.prove()? {
        Proof::Given(method) => method,
        Proof::Reached(what) => return Ok(attempt.accepting(what)),
    };
    attempt.authenticated = true;
    attempt.settle(proved)
}

struct Attempt<'a> {
    context: &'a Context<'a>,
    params: &'a Params,
    connection: Connection,
    encrypted: bool,
    authenticated: bool,
}

enum Proof {
    Given(Method),
    /// At level `accepts`: how the server answered instead of "not now".
    Reached(String),
}

impl Attempt<'_> {
    /// Sends the start-up message and answers until the server is satisfied.
    fn prove(&mut self) -> Result<Proof, Rejected> {
        let start = wire::startup(
            self.params.announced_user(),
            self.params.database(),
            &self.params.application_name,
        );
        self.send(&start)?;
        let mut message = self.first()?;
        let mut authentication = Authentication::new(self.context, self.params)?;
        loop {
            match message.kind {
                b'R' if self.accepts() && !message.body.starts_with(&[0, 0, 0, 0]) => {
                    return Ok(Proof::Reached("asks for a proof of identity".into()));
                }
                b'R' => match authentication.step(&message.body)? {
                    Step::Answer(answer) => self.send(&wire::frame(b'p', &answer))?,
                    Step::Silent => {}
                    Step::Accepted(method) => return Ok(Proof::Given(method)),
                },
                b'E' => return self.refused(&message.body).map(Proof::Reached),
                // A notice, or that it speaks no later protocol than 3.0.
                b'N' | b'v' => {}
                kind => return Err(unexpected(kind, "the login").into()),
            }
            message = self.next()?;
        }
    }

    /// Reads what the server says of itself until it is ready for a query.
    fn settle(mut self, method: Method) -> Result<Outcome, Rejected> {
        let mut status = Status::default();
        loop {
            let message = self.next()?;
            match message.kind {
                b'S' => status.learn(&message.body),
                b'Z' if self.accepts() => {
                    // The probe is done; a peer that is gone already is too.
                    let _ = self.connection.write(&wire::TERMINATE);
                    return Ok(self.accepting("lets the user in".into()));
                }
                b'Z' => {
                    return Ok(Outcome::Session(Session::new(
                        self.connection,
                        status,
                        self.encrypted,
                        method,
                    )));
                }
                b'E' => {
                    let answer = self.refused(&message.body)?;
                    return Ok(self.accepting(answer));
                }
                b'K' | b'N' | b'v' => {}
                kind => return Err(unexpected(kind, "the start of the session").into()),
            }
        }
    }

    fn accepts(&self) -> bool {
        self.params.level == Level::Accepts
    }

    fn accepting(&self, answer: String) -> Outcome {
        Outcome::Accepting(
            Ready::new(format!("accepts connections: {answer}"))
                .fact("tls", if self.encrypted { "on" } else { "off" }),
        )
    }

    /// The verdict on an error; at level `accepts` a server that turns this
    /// login away for good has taken it up.
    fn refused(&self, body: &[u8]) -> Result<String, Rejected> {
        let error = ServerError::parse(body);
        let login = Login {
            user: self.params.announced_user(),
            database: self.params.database(),
            encrypted: self.encrypted,
            authenticated: self.authenticated,
        };
        let unready = sqlstate::at_login(&error, login);
        if self.accepts()
            && let Unready::Misuse(Misuse { code, .. }) = &unready
            && code != "wrong-protocol"
        {
            return Ok(format!("turns this login away ({error})"));
        }
        Err(Rejected {
            unready: Box::new(unready),
            depends_on_encryption: sqlstate::depends_on_encryption(&error, login),
        })
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Rejected> {
        let sent = self.connection.write(bytes);
        sent.map_err(|fault| self.failed(fault))
    }

    /// The first message, in which a peer that is not PostgreSQL gives itself
    /// away.
    fn first(&mut self) -> Result<Message, Rejected> {
        let first = self.connection.peek().map_err(|fault| self.failed(fault))?;
        match first {
            None => {
                let ended = Fault::retry("closed", "end of stream");
                return Err(self.failed(ended));
            }
            Some(b'R' | b'E' | b'N' | b'v') => {}
            Some(_) => return Err(foreign::verdict(&mut self.connection, &[]).into()),
        }
        let header = wire::header(&mut self.connection).map_err(|fault| self.failed(fault))?;
        match wire::message(&mut self.connection, header) {
            Ok(message) => Ok(message),
            Err(Broken::Fault(fault)) => Err(self.failed(fault)),
            Err(Broken::Header([b'E', ..])) => {
                Err(foreign::bare_error(&mut self.connection, &header).into())
            }
            Err(Broken::Header(_)) => Err(foreign::verdict(&mut self.connection, &header).into()),
        }
    }

    fn next(&mut self) -> Result<Message, Rejected> {
        match wire::receive(&mut self.connection) {
            Ok(message) => Ok(message),
            Err(Broken::Fault(fault)) => Err(self.failed(fault)),
            Err(Broken::Header([kind, ..])) => Err(unexpected(kind, "the login").into()),
        }
    }

    fn failed(&self, fault: Fault) -> Rejected {
        fault::at_login(fault, &self.connection, self.encrypted).into()
    }
}

/// The verdict on an error that the server sent before the start-up message,
/// its type byte being read.
pub(crate) fn early_error(connection: &mut Connection, params: &Params) -> Result<Unready, Fault> {
    let [a, b, c, d] = connection.read_exact(4)?.try_into().unwrap_or_default();
    let header = [b'E', a, b, c, d];
    Ok(match wire::message(connection, header) {
        Ok(message) => sqlstate::at_login(
            &ServerError::parse(&message.body),
            Login {
                user: params.announced_user(),
                database: params.database(),
                encrypted: false,
                authenticated: false,
            },
        ),
        Err(Broken::Fault(fault)) => return Err(fault),
        Err(Broken::Header(_)) => foreign::bare_error(connection, &header),
    })
}

/// The verdict on a message that is not possible at this point.
pub(crate) fn unexpected(kind: u8, during: &str) -> Pending {
    let kind = if kind.is_ascii_graphic() {
        format!("`{}`", char::from(kind))
    } else {
        format!("0x{kind:02x}")
    };
    Pending::new(
        "server-error",
        format!("sent a message of type {kind}, which does not belong to {during}"),
    )
}
