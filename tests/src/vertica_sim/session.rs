//! One connection from its first byte to its last, in the order that Vertica's protocol sets.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::auth::Refusal;
use super::stream::Stream;
use super::{
    Balance, ClientRecord, Config, PreMessage, Shared, SqlError, State, Tls, auth, sql, wire,
};

/// The protocol from which on a client may agree on complex types.
const COMPLEX_TYPES_SINCE: u32 = 0x0003_000c;
/// What a client that names no version speaks.
const OLDEST_PROTOCOL: u32 = 0x0003_0005;

/// Serves one connection until either side ends it.
pub(super) fn serve(socket: TcpStream, id: usize, shared: &Shared) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let config = shared.config();
    match &config.state {
        State::AcceptThenClose => return socket.shutdown(Shutdown::Both),
        State::Silent => return swallow(socket),
        State::Speaks(bytes) => {
            let mut socket = socket;
            let mut some = [0; 512];
            if socket.read(&mut some)? > 0 {
                socket.write_all(bytes)?;
            }
            return socket.shutdown(Shutdown::Write);
        }
        _ => {}
    }
    let Some((mut stream, startup)) = open(socket, &config, id, shared)? else {
        return Ok(());
    };
    converse(&mut stream, &startup, &config, id, shared)?;
    stream.close();
    Ok(())
}

/// Reads and forgets until the client is gone.
fn swallow(mut from: impl Read) -> io::Result<()> {
    io::copy(&mut from, &mut io::sink()).map(|_| ())
}

/// Reads one message and keeps it.
pub(super) fn read_recorded(
    stream: &mut Stream,
    id: usize,
    shared: &Shared,
) -> io::Result<(u8, Vec<u8>)> {
    let message = wire::read_typed(stream)?;
    shared.record(id, |record| record.messages.push(message.clone()));
    Ok(message)
}

/// Answers the requests before the start-up message, which may turn the connection into a TLS one;
/// `None` when the connection ended there.
fn open(
    socket: TcpStream,
    config: &Config,
    id: usize,
    shared: &Shared,
) -> io::Result<Option<(Stream, Vec<u8>)>> {
    let mut stream = Stream::Plain(socket);
    loop {
        let (word, whole) = wire::read_untyped(&mut stream)?;
        let keep = |message| shared.record(id, |record| record.pre_messages.push(message));
        match word {
            wire::LOAD_BALANCE => {
                keep(PreMessage::LoadBalance);
                match &config.balance {
                    Balance::Unsupported => stream.write_all(b"N")?,
                    Balance::To(host, port) => wire::write_balance(&mut stream, host, *port)?,
                }
            }
            wire::TLS => {
                keep(PreMessage::Tls);
                match &config.tls {
                    Tls::None => stream.write_all(b"N")?,
                    Tls::Closes => return Ok(None),
                    Tls::Answers(bytes) => {
                        stream.write_all(bytes)?;
                        swallow(stream)?;
                        return Ok(None);
                    }
                    Tls::Offered(files) | Tls::Required(files) => {
                        stream.write_all(b"S")?;
                        let Stream::Plain(socket) = stream else {
                            return Ok(None);
                        };
                        stream = Stream::secure(socket, files)?;
                        shared.record(id, |record| record.tls = true);
                    }
                }
            }
            wire::CANCEL => {
                keep(PreMessage::Cancel);
                return Ok(None);
            }
            wire::STARTUP => return Ok(Some((stream, whole))),
            other => {
                let error = SqlError::fatal(
                    "0A000",
                    None,
                    &format!("Unsupported frontend protocol {other:08x}"),
                );
                wire::write_error(&mut stream, &error)?;
                stream.close();
                return Ok(None);
            }
        }
    }
}

/// Everything from the start-up message on.
fn converse(
    stream: &mut Stream,
    startup: &[u8],
    config: &Config,
    id: usize,
    shared: &Shared,
) -> io::Result<()> {
    let parameters = match wire::startup_parameters(startup) {
        Ok(parameters) => parameters,
        Err(error) => {
            let error = SqlError::fatal("08000", None, &error.to_string());
            return wire::write_error(stream, &error);
        }
    };
    let client = ClientRecord {
        startup: startup.to_vec(),
        parameters,
        ..ClientRecord::default()
    };
    shared.record(id, |record| {
        record.startup.clone_from(&client.startup);
        record.parameters.clone_from(&client.parameters);
    });
    if let Some(error) = refused(stream, &client, config) {
        return wire::write_error(stream, &error);
    }
    if config.state == State::CloseAfterStartup {
        return Ok(());
    }
    let user = client.parameter("user").unwrap_or_default();
    match auth::log_in(stream, &user, config, id, shared)? {
        Ok(()) => {}
        Err(Refusal::Error(error)) => return wire::write_error(stream, &error),
        Err(Refusal::Said) => return Ok(()),
    }
    let complex_types = greet(stream, &client, config)?;
    answer_queries(stream, complex_types, id, shared)
}

/// The error that a start-up message meets before any password is asked for.
fn refused(stream: &Stream, client: &ClientRecord, config: &Config) -> Option<SqlError> {
    if let State::Refusing(error) = &config.state {
        return Some(error.clone());
    }
    let user = client.parameter("user").unwrap_or_default();
    let plain = matches!(stream, Stream::Plain(_));
    if plain && matches!(config.tls, Tls::Required(_)) {
        return Some(SqlError::authentication_failed(&user));
    }
    // A client that names no database gets the one that the server has.
    let database = client.parameter("database").unwrap_or_default();
    (!database.is_empty() && database != config.database).then(|| SqlError::no_database(&database))
}

/// Tells a client that has logged in what was agreed on; the result is whether complex types were.
fn greet(stream: &mut Stream, client: &ClientRecord, config: &Config) -> io::Result<bool> {
    let asked = client
        .parameters
        .iter()
        .find(|(name, _)| name == "protocol_version")
        .and_then(|(_, value)| Some(u32::from_be_bytes(value.as_slice().try_into().ok()?)))
        .unwrap_or(OLDEST_PROTOCOL);
    let agreed = asked.min(config.protocol);
    let wanted = client
        .parameter("protocol_features")
        .is_some_and(|features| features.contains("\"request_complex_types\":true"));
    let complex_types = wanted && agreed >= COMPLEX_TYPES_SINCE;
    let on_off = |on| if on { "on" } else { "off" };
    let autocommit = client.parameter("autocommit").as_deref() == Some("on");
    for (name, value) in [
        ("server_version", config.server_version.as_str()),
        ("protocol_version", &agreed.to_string()),
        ("request_complex_types", on_off(complex_types)),
        ("auto_commit", on_off(autocommit)),
        ("client_locale", "en_US@collation=binary"),
        (
            "client_label",
            &client.parameter("client_label").unwrap_or_default(),
        ),
    ] {
        wire::write_status(stream, name, value)?;
    }
    wire::write(stream, b'K', &[0, 0, 0x10, 0x92, 0, 0, 0, 7])?;
    if let Some(notice) = &config.notice {
        wire::write_notice(stream, notice)?;
    }
    wire::write_ready(stream)?;
    Ok(complex_types)
}

/// Answers queries until the client says goodbye.
fn answer_queries(
    stream: &mut Stream,
    complex_types: bool,
    id: usize,
    shared: &Shared,
) -> io::Result<()> {
    loop {
        let (kind, body) = read_recorded(stream, id, shared)?;
        match kind {
            b'Q' => {
                let config = shared.config();
                let text = wire::take_text(&mut body.as_slice())?.to_vec();
                match &config.state {
                    State::QueriesCut => return Ok(()),
                    State::QueriesHang => return swallow(stream),
                    State::QueriesFail(error) | State::Refusing(error) => {
                        wire::write_error(stream, error)?;
                        if error.severity == "FATAL" {
                            return Ok(());
                        }
                    }
                    _ => answer(stream, &text, &config, complex_types)?,
                }
                wire::write_ready(stream)?;
            }
            b'X' => {
                shared.record(id, |record| record.terminated = true);
                return Ok(());
            }
            // The extended protocol's Sync and Flush.
            b'S' => wire::write_ready(stream)?,
            b'H' => {}
            other => wire::write_error(stream, &SqlError::unsupported(other))?,
        }
    }
}

fn answer(
    stream: &mut Stream,
    text: &[u8],
    config: &Config,
    complex_types: bool,
) -> io::Result<()> {
    match sql::execute(&String::from_utf8_lossy(text), config) {
        Ok(sql::Answer::Rows { columns, rows }) => {
            wire::write_description(stream, &columns, complex_types)?;
            for row in &rows {
                wire::write_row(stream, row)?;
            }
            wire::write_complete(stream, "SELECT")
        }
        Ok(sql::Answer::Done { tag, status }) => {
            if let Some((name, value)) = status {
                wire::write_status(stream, name, value)?;
            }
            wire::write_complete(stream, tag)
        }
        Ok(sql::Answer::Empty) => wire::write(stream, b'I', b""),
        Err(error) => wire::write_error(stream, &error),
    }
}
