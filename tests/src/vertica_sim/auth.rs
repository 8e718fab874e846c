//! The login: what is asked of a client, and whether its answer is right.
//!
//! The answers' shapes, from the vendor's clients: `md5` and the hexadecimal of
//! `md5(hex(md5(password user)) salt)`; `sha512` and that of `sha512(hex(sha512(password usersalt)) salt)`;
//! each a text that ends in a zero byte. A Kerberos token has no such end.

use std::io;

use md5::Md5;
use sha2::{Digest, Sha512};

use super::stream::Stream;
use super::{Auth, Config, PasswordAge, Shared, SqlError, session, wire};

/// Logs the client in as `user`, or says why not.
pub(super) fn log_in(
    stream: &mut Stream,
    user: &str,
    config: &Config,
    id: usize,
    shared: &Shared,
) -> io::Result<Result<(), Refusal>> {
    let password = config.users.get(user);
    let Some((code, extra)) = challenge(config) else {
        return Ok(match password {
            Some(_) => finish(stream, config, id, shared)?,
            None => Err(Refusal::Error(SqlError::authentication_failed(user))),
        });
    };
    wire::write_auth(stream, code, &extra)?;
    let answer = read_answer(stream, id, shared)?;
    let right = password.is_some_and(|password| match config.auth {
        Auth::Trust => true,
        Auth::Cleartext | Auth::OAuth => answer == terminated(password.as_bytes()),
        Auth::Md5 | Auth::HashMd5 => answer == terminated(&md5_answer(user, password, config)),
        Auth::Hash | Auth::HashSha512 => answer == terminated(&sha512_answer(password, config)),
        Auth::Crypt | Auth::Gss | Auth::Code(_) => false,
    });
    if !right {
        return Ok(Err(Refusal::Error(SqlError::wrong_password())));
    }
    finish(stream, config, id, shared)
}

/// Why a login came to nothing.
pub(super) enum Refusal {
    /// This error is to be sent.
    Error(SqlError),
    /// Everything was said: an expired password is no error message, but request 9.
    Said,
}

/// The request's code, and what belongs to it; `None` asks nothing.
fn challenge(config: &Config) -> Option<(u32, Vec<u8>)> {
    let salted = || config.salt.to_vec();
    let doubly_salted = || {
        let length = (config.user_salt.len() as u32).to_be_bytes();
        [config.salt.as_slice(), &length, &config.user_salt].concat()
    };
    Some(match config.auth {
        Auth::Trust => return None,
        Auth::Cleartext => (3, Vec::new()),
        Auth::Crypt => (4, config.salt[..2].to_vec()),
        Auth::Md5 => (5, salted()),
        Auth::Gss => (7, Vec::new()),
        Auth::OAuth => (12, Vec::new()),
        Auth::Hash => (65536, doubly_salted()),
        Auth::HashMd5 => (65541, salted()),
        Auth::HashSha512 => (66048, doubly_salted()),
        Auth::Code(code) => (code, Vec::new()),
    })
}

/// What follows a right password: its age, a one-time code, and at last request 0.
fn finish(
    stream: &mut Stream,
    config: &Config,
    id: usize,
    shared: &Shared,
) -> io::Result<Result<(), Refusal>> {
    match config.password_age {
        PasswordAge::Fresh => {}
        PasswordAge::Grace => wire::write_auth(stream, 11, &[])?,
        PasswordAge::Expired => {
            wire::write_auth(stream, 9, &[])?;
            return Ok(Err(Refusal::Said));
        }
    }
    if let Some(code) = &config.totp {
        wire::write_auth(stream, 14, &[])?;
        if read_answer(stream, id, shared)? != terminated(code.as_bytes()) {
            return Ok(Err(Refusal::Error(SqlError::wrong_password())));
        }
    }
    wire::write_auth(stream, 0, &[])?;
    Ok(Ok(()))
}

fn read_answer(stream: &mut Stream, id: usize, shared: &Shared) -> io::Result<Vec<u8>> {
    let (kind, body) = session::read_recorded(stream, id, shared)?;
    if kind != b'p' {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "no password message where one was asked for",
        ));
    }
    Ok(body)
}

fn terminated(text: &[u8]) -> Vec<u8> {
    [text, b"\0"].concat()
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| format!("{byte:02x}").into_bytes())
        .collect()
}

fn md5_answer(user: &str, password: &str, config: &Config) -> Vec<u8> {
    let inner = hexadecimal(&Md5::digest([password, user].concat()));
    let outer = hexadecimal(&Md5::digest([inner.as_slice(), &config.salt].concat()));
    [b"md5".as_slice(), &outer].concat()
}

fn sha512_answer(password: &str, config: &Config) -> Vec<u8> {
    let inner = [password.as_bytes(), &config.user_salt].concat();
    let inner = hexadecimal(&Sha512::digest(inner));
    let outer = hexadecimal(&Sha512::digest([inner.as_slice(), &config.salt].concat()));
    [b"sha512".as_slice(), &outer].concat()
}
