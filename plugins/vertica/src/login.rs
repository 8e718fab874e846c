//! From the start-up message to the first `ReadyForQuery`: only then is the user really in.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use waitfor_sdk::{Context, Level as Log, Misuse, Unready};

use crate::auth::{self, Request};
use crate::judge::{Asked, Login, judge};
use crate::wire::{self, Message, Wire};
use crate::{Params, Tls};

/// What a login taught.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The server's version, as it reports it.
    pub(crate) version: Option<String>,
    /// The password expires soon.
    pub(crate) grace: bool,
}

/// Logs in; `login.asked` keeps what was asked for, for the reasons of later refusals.
pub(crate) fn log_in(
    wire: &mut Wire,
    context: &Context<'_>,
    params: &Params,
    login: &mut Login<'_>,
) -> Result<Session, Unready> {
    wire.send(&startup(params, login))?;
    let mut session = Session::default();
    loop {
        match wire.next()? {
            Message::Auth(code, extra) => {
                let request = Request::parse(code, &extra);
                answer(wire, context, params, login, &mut session, &request)?;
            }
            Message::Status(name, value) if name == "server_version" => {
                session.version = Some(value);
            }
            Message::Error(error) => return Err(judge(&error, *login)),
            Message::Ready => return Ok(session),
            Message::Status(..) | Message::Row(_) | Message::Other => {}
        }
    }
}

fn startup(params: &Params, login: &Login<'_>) -> Vec<u8> {
    let mut parameters = Vec::from([
        ("user", login.user),
        ("database", login.database),
        ("client_label", params.session_label.as_str()),
        ("client_type", "waitfor"),
        ("client_version", env!("CARGO_PKG_VERSION")),
        // No transaction is left open behind a probe's back.
        ("autocommit", "on"),
        ("binary_data_protocol", "0"),
        ("protocol_compat", "VER"),
    ]);
    if let Some(workload) = &params.workload {
        parameters.push(("workload", workload));
    }
    if params.password.is_some() {
        parameters.push(("auth_category", "User"));
    }
    wire::startup(&parameters)
}

/// Answers one authentication request, or says why there is no answer to it.
fn answer(
    wire: &mut Wire,
    context: &Context<'_>,
    params: &Params,
    login: &mut Login<'_>,
    session: &mut Session,
    request: &Request,
) -> Result<(), Unready> {
    match request {
        Request::Ok | Request::Changed => return Ok(()),
        Request::Grace => {
            context.log(
                Log::Warn,
                format!("the password of user `{}` expires soon", login.user),
            );
            session.grace = true;
            return Ok(());
        }
        Request::Expired => {
            return Err(Misuse::new(
                "password-expired",
                format!("the password of user `{}` has expired", login.user),
            )
            .param("password")
            .hint("log in with vsql, which asks for a new one, or have an administrator set it")
            .into());
        }
        Request::Unknown(method) => return Err(unsupported(login.user, method).into()),
        Request::Malformed => {
            return Err(wire::protocol_error("an authentication request cut short"));
        }
        Request::Cleartext if !login.encrypted && params.tlsmode.meaning() != Tls::Never => {
            return Err(no_tls_for_the_password(login.user).into());
        }
        Request::Cleartext | Request::Md5 { .. } | Request::Sha512 { .. } => {}
    }
    // As the vendor's clients do: no password is the empty one.
    let password = params.password.as_ref().map(waitfor_sdk::Secret::reveal);
    login.asked = match password {
        Some(_) => Asked::Password,
        None => Asked::Empty,
    };
    let password = password.unwrap_or_default();
    let text = match request {
        Request::Md5 { salt } => auth::md5_answer(login.user.as_bytes(), &password, salt),
        Request::Sha512 { salt, user_salt } => auth::sha512_answer(&password, user_salt, salt),
        _ => password,
    };
    wire.send_text(b'p', &text)
}

fn unsupported(user: &str, method: &str) -> Misuse {
    Misuse::new(
        "auth-unsupported",
        format!("the server asks user `{user}` for {method}, which this probe cannot give"),
    )
    .param("user")
    .hint("give the probe a user of its own, with a password or trust authentication")
}

/// A server that asks for the password itself may be any server: under `prefer` nothing protects it.
fn no_tls_for_the_password(user: &str) -> Misuse {
    Misuse::new(
        "tls-required",
        format!("the server asks for the password of user `{user}` in clear text, and offers no tls"),
    )
    .param("tlsmode")
    .hint("switch tls on at the server; or set tlsmode=disable to send it over this network all the same")
}
