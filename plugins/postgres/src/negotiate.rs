//! Whether the stream is encrypted, by libpq's rules: what `sslmode` wants,
//! what the server can, and which of the two is tried again when the other
//! is turned away.

use waitfor_sdk::{
    Connection, Context, Endpoint, Fault, Level, Misuse, TlsOptions, Unready, Verification,
};

use crate::login::{Outcome, Rejected, early_error, log_in};
use crate::options::{Params, SslMode, SslNegotiation};
use crate::{fault, foreign, wire};

/// The application protocol that direct TLS must name.
const ALPN: &str = "postgresql";

/// Opens a stream to `endpoint` and logs in. No call on the stream takes
/// longer than `limit` milliseconds; zero leaves it to the attempt's end.
pub(crate) fn open(
    context: &Context<'_>,
    params: &Params,
    endpoint: &Endpoint,
    limit: u32,
) -> Result<Outcome, Unready> {
    let road = Road {
        context,
        params,
        endpoint,
        limit,
    };
    // A UNIX socket needs no encryption, whatever the mode says.
    let outcome = if endpoint.host().is_none() {
        road.plain()
    } else {
        match params.sslmode {
            SslMode::Disable => road.plain(),
            SslMode::Allow => road.allow(),
            SslMode::Prefer => road.prefer(),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => road.encrypted(),
        }
    };
    outcome.map_err(|rejected| *rejected.unready)
}

struct Road<'a> {
    context: &'a Context<'a>,
    params: &'a Params,
    endpoint: &'a Endpoint,
    limit: u32,
}

impl Road<'_> {
    fn plain(&self) -> Result<Outcome, Rejected> {
        let connection = self.connect()?;
        log_in(self.context, self.params, connection, false)
    }

    fn encrypted(&self) -> Result<Outcome, Rejected> {
        let mut connection = self.connect()?;
        let direct = self.params.sslnegotiation == SslNegotiation::Direct;
        if !direct && !self.server_agrees(&mut connection)? {
            return Err(without_tls(self.params.sslmode).into());
        }
        connection
            .start_tls(&self.tls(direct))
            .map_err(|fault| fault::at_handshake(fault, direct))?;
        log_in(self.context, self.params, connection, true)
    }

    /// In plaintext; with TLS where the server turns that away.
    fn allow(&self) -> Result<Outcome, Rejected> {
        match self.plain() {
            Err(first) if first.depends_on_encryption => {
                self.log("the server turns the plain connection away; trying tls");
                second_chance(first, self.encrypted())
            }
            outcome => outcome,
        }
    }

    /// With TLS; in plaintext where the server cannot or turns that away.
    fn prefer(&self) -> Result<Outcome, Rejected> {
        let mut connection = self.connect()?;
        if !self.server_agrees(&mut connection)? {
            return log_in(self.context, self.params, connection, false);
        }
        match connection.start_tls(&self.tls(false)) {
            Ok(()) => {}
            Err(fault) if fault.code == "tls-handshake" || fault.is_hang_up() => {
                self.log("the tls handshake failed; trying plaintext");
                return self.plain();
            }
            Err(fault) => return Err(fault::at_handshake(fault, false).into()),
        }
        match log_in(self.context, self.params, connection, true) {
            Err(first) if first.depends_on_encryption => {
                self.log("the server turns the tls connection away; trying plaintext");
                second_chance(first, self.plain())
            }
            outcome => outcome,
        }
    }

    fn connect(&self) -> Result<Connection, Fault> {
        self.context.stage("connecting");
        let mut connection = self.endpoint.connect()?;
        if self.limit > 0 {
            connection.limit(self.limit);
        }
        Ok(connection)
    }

    /// Asks whether the server speaks TLS. Reads no byte past its answer: the
    /// next may belong to the handshake.
    fn server_agrees(&self, connection: &mut Connection) -> Result<bool, Unready> {
        let asked = connection
            .write(&wire::SSL_REQUEST)
            .and_then(|()| connection.read_exact_unbuffered(1));
        let answer = asked.map_err(|fault| fault::at_login(fault, connection, false))?;
        match answer.first() {
            Some(b'S') => Ok(true),
            Some(b'N') => Ok(false),
            Some(b'E') => Err(early_error(connection, self.params)
                .unwrap_or_else(|fault| fault::at_login(fault, connection, false))),
            _ => Err(foreign::verdict(connection, &answer)),
        }
    }

    fn tls(&self, direct: bool) -> TlsOptions {
        let options = TlsOptions::new().verification(match self.params.sslmode {
            SslMode::VerifyFull => Verification::Full,
            SslMode::VerifyCa => Verification::Chain,
            _ => Verification::None,
        });
        if direct {
            options.protocol(ALPN)
        } else {
            options
        }
    }

    fn log(&self, text: &str) {
        self.context.log(Level::Debug, text);
    }
}

/// The second attempt's outcome, unless it was turned away for the same
/// reason or for want of TLS: then the first says more.
fn second_chance(first: Rejected, second: Result<Outcome, Rejected>) -> Result<Outcome, Rejected> {
    match second {
        Err(second)
            if second.depends_on_encryption
                || matches!(&*second.unready, Unready::Misuse(misuse) if misuse.code == "tls-unsupported") =>
        {
            Err(first)
        }
        outcome => outcome,
    }
}

fn without_tls(mode: SslMode) -> Misuse {
    Misuse::new(
        "tls-unsupported",
        alloc::format!(
            "the server does not speak tls, and sslmode={} wants it",
            mode.word()
        ),
    )
    .param("sslmode")
    .hint("turn on ssl on the server, or use sslmode=prefer or disable")
}
