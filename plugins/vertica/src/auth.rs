//! Answers to Vertica's authentication requests, byte for byte those of its own clients.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use md5::{Digest, Md5};
use sha2::Sha512;

use crate::wire::u32_at;

/// An authentication request, by its code.
pub(crate) enum Request {
    /// 0: the user is in.
    Ok,
    /// 3: the password as it is; LDAP comes this way too.
    Cleartext,
    /// 5, 65541: `md5` and the hexadecimal of md5(hex(md5(password user)) salt).
    Md5 {
        /// Four bytes.
        salt: Vec<u8>,
    },
    /// 65536, 66048: `sha512` and the hexadecimal of sha512(hex(sha512(password usersalt)) salt).
    Sha512 {
        /// Four bytes.
        salt: Vec<u8>,
        /// Sixteen bytes.
        user_salt: Vec<u8>,
    },
    /// 9: the password has expired.
    Expired,
    /// 10: the password was changed; nothing is asked.
    Changed,
    /// 11: the password expires soon; the user is as good as in.
    Grace,
    /// A way to log in that this probe does not know, by its name.
    Unknown(String),
    /// A request that its own length does not fit.
    Malformed,
}

impl Request {
    /// Reads a request: its code, and the bytes after it.
    pub(crate) fn parse(code: u32, extra: &[u8]) -> Self {
        match code {
            0 => Self::Ok,
            3 => Self::Cleartext,
            5 | 65541 => extra.get(..4).map_or(Self::Malformed, |salt| Self::Md5 {
                salt: salt.to_vec(),
            }),
            9 => Self::Expired,
            10 => Self::Changed,
            11 => Self::Grace,
            65536 | 66048 => Self::doubly_salted(extra).unwrap_or(Self::Malformed),
            4 => Self::Unknown("crypt".into()),
            1 | 2 | 7 | 8 => Self::Unknown("kerberos".into()),
            12 => Self::Unknown("an oauth token".into()),
            14 => Self::Unknown("a one-time code (totp)".into()),
            other => Self::Unknown(format!("method {other}")),
        }
    }

    fn doubly_salted(extra: &[u8]) -> Option<Self> {
        let salt = extra.get(..4)?.to_vec();
        let length = usize::try_from(u32_at(extra, 4)?).ok()?;
        let user_salt = extra.get(8..)?.get(..length)?.to_vec();
        Some(Self::Sha512 { salt, user_salt })
    }
}

/// The answer to an MD5 request.
pub(crate) fn md5_answer(user: &[u8], password: &[u8], salt: &[u8]) -> Vec<u8> {
    let inner = hexadecimal(
        &Md5::new()
            .chain_update(password)
            .chain_update(user)
            .finalize(),
    );
    let outer = Md5::new().chain_update(inner).chain_update(salt).finalize();
    prefixed(b"md5", &outer)
}

/// The answer to a SHA-512 request.
pub(crate) fn sha512_answer(password: &[u8], user_salt: &[u8], salt: &[u8]) -> Vec<u8> {
    let inner = Sha512::new().chain_update(password).chain_update(user_salt);
    let inner = hexadecimal(&inner.finalize());
    let outer = Sha512::new().chain_update(inner).chain_update(salt);
    prefixed(b"sha512", &outer.finalize())
}

fn prefixed(prefix: &[u8], digest: &[u8]) -> Vec<u8> {
    let mut answer = prefix.to_vec();
    answer.extend(hexadecimal(digest));
    answer
}

/// Small letters: the server hashes this text again.
fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| DIGITS.get(usize::from(nibble)).copied())
        .collect()
}
