//! SCRAM-SHA-256 without channel binding, the server's proof included: a
//! peer that does not know the password cannot pass for the server.
//!
//! Source: RFC 5802, RFC 7677, and "SASL Authentication" in PostgreSQL's
//! documentation (the user name is left empty: the start-up message has it).
//! Passwords are not normalised (SASLprep), as libpq does for those that are
//! not valid UTF-8: ASCII is unchanged by it, and the rest almost always.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The mechanism's name on the wire.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-256";
/// How many random bytes make a nonce.
pub(crate) const NONCE_BYTES: u32 = 18;
/// More rounds than that would outlast an attempt on a slow machine; the
/// default is 4096, and 600 000 is what the cautious ask for.
pub(crate) const MOST_ROUNDS: u32 = 600_000;
/// After so many rounds the host hears of us: it stops a probe that computes
/// for two seconds without a word.
const BREATH: u32 = 16 * 1024;

/// No channel binding, no other identity; `biws` in base64.
const GS2_HEADER: &str = "n,,";

/// Why the exchange cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server's message is not SCRAM.
    Malformed(&'static str),
    /// The server's nonce does not continue ours.
    Nonce,
    /// The server wants more rounds than [`MOST_ROUNDS`].
    Rounds(u32),
    /// The server's proof is wrong: it does not know the password.
    Unproven,
    /// The server ended the exchange with this word of RFC 5802.
    Refused(String),
}

/// The exchange after the client's first message.
pub(crate) struct Started {
    nonce: String,
}

/// The exchange after the client's last message.
pub(crate) struct Proven {
    server_signature: [u8; 32],
}

/// Begins an exchange with `random` bytes.
pub(crate) fn start(random: &[u8]) -> Started {
    Started {
        nonce: Base64::encode_string(random),
    }
}

impl Started {
    /// `SASLInitialResponse` without its type and length.
    pub(crate) fn first_message(&self) -> Vec<u8> {
        let first = format!("{GS2_HEADER}{}", self.bare());
        let mut body = MECHANISM.as_bytes().to_vec();
        body.push(0);
        let length = u32::try_from(first.len()).unwrap_or(u32::MAX);
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(first.as_bytes());
        body
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// Answers the server's first message; `breathe` is called now and then
    /// where that takes long.
    pub(crate) fn answer(
        self,
        server: &[u8],
        password: &[u8],
        breathe: &dyn Fn(),
    ) -> Result<(Vec<u8>, Proven), Failure> {
        prove(&self.bare(), &self.nonce, server, password, breathe)
    }
}

fn prove(
    bare: &str,
    nonce: &str,
    server: &[u8],
    password: &[u8],
    breathe: &dyn Fn(),
) -> Result<(Vec<u8>, Proven), Failure> {
    let server = core::str::from_utf8(server).map_err(|_| Failure::Malformed("it is not text"))?;
    let mut fields = server.split(',');
    let combined = value(fields.next(), "r=", "it has no nonce")?;
    let salt = value(fields.next(), "s=", "it has no salt")?;
    let rounds = value(fields.next(), "i=", "it has no number of rounds")?;
    if combined.len() <= nonce.len() || !combined.starts_with(nonce) {
        return Err(Failure::Nonce);
    }
    let salt =
        Base64::decode_vec(salt).map_err(|_| Failure::Malformed("its salt is not base64"))?;
    let rounds: u32 = rounds
        .parse()
        .map_err(|_| Failure::Malformed("its number of rounds is no number"))?;
    if rounds == 0 {
        return Err(Failure::Malformed("its number of rounds is zero"));
    }
    if rounds > MOST_ROUNDS {
        return Err(Failure::Rounds(rounds));
    }

    let salted = salted_password(password, &salt, rounds, breathe);
    let client_key = mac(&salted, &[b"Client Key"]);
    let without_proof = format!(
        "c={},r={combined}",
        Base64::encode_string(GS2_HEADER.as_bytes())
    );
    let signed = format!("{bare},{server},{without_proof}");
    let client_signature = mac(&Sha256::digest(client_key), &[signed.as_bytes()]);
    let mut proof = client_key;
    xor(&mut proof, &client_signature);
    let last = format!("{without_proof},p={}", Base64::encode_string(&proof));
    let server_key = mac(&salted, &[b"Server Key"]);
    let proven = Proven {
        server_signature: mac(&server_key, &[signed.as_bytes()]),
    };
    Ok((last.into_bytes(), proven))
}

impl Proven {
    /// Judges the server's last message.
    pub(crate) fn verify(&self, server: &[u8]) -> Result<(), Failure> {
        let server =
            core::str::from_utf8(server).map_err(|_| Failure::Malformed("it is not text"))?;
        let first = server.split(',').next();
        if let Some(word) = first.and_then(|field| field.strip_prefix("e=")) {
            return Err(Failure::Refused(crate::fault::line(word.as_bytes())));
        }
        let signature = value(first, "v=", "it has no proof")?;
        let signature = Base64::decode_vec(signature)
            .map_err(|_| Failure::Malformed("its proof is not base64"))?;
        if signature == self.server_signature {
            Ok(())
        } else {
            Err(Failure::Unproven)
        }
    }
}

fn value<'a>(
    field: Option<&'a str>,
    name: &str,
    complaint: &'static str,
) -> Result<&'a str, Failure> {
    field
        .and_then(|field| field.strip_prefix(name))
        .filter(|value| !value.is_empty())
        .ok_or(Failure::Malformed(complaint))
}

/// PBKDF2 with HMAC-SHA-256, one block.
fn salted_password(password: &[u8], salt: &[u8], rounds: u32, breathe: &dyn Fn()) -> [u8; 32] {
    let keyed = keyed(password);
    let mut last = finish(&keyed, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = last;
    for round in 1..rounds {
        if round % BREATH == 0 {
            breathe();
        }
        last = finish(&keyed, &[&last]);
        xor(&mut sum, &last);
    }
    sum
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    finish(&keyed(key), parts)
}

/// The keyed state, made once: it is two of the four hashes of each round.
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC hashes keys that are longer than a block, and pads the others.
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    let hashed;
    let key = if key.len() > BLOCK {
        hashed = Sha256::digest(key);
        hashed.as_slice()
    } else {
        key
    };
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    Hmac::<Sha256>::new(&block.into())
}

fn finish(keyed: &Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    let mut state = keyed.clone();
    for part in parts {
        state.update(part);
    }
    state.finalize().into_bytes().into()
}

fn xor(target: &mut [u8; 32], other: &[u8; 32]) {
    for (byte, other) in target.iter_mut().zip(other) {
        *byte ^= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_example_of_the_rfc() {
        let (last, proven) = prove(
            "n=user,r=rOprNGfwEbeRWgbNEkqO",
            "rOprNGfwEbeRWgbNEkqO",
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"pencil",
            &|| {},
        )
        .unwrap();
        assert_eq!(
            last,
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let signature = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert_eq!(proven.verify(signature), Ok(()));
        assert_eq!(
            proven.verify(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="),
            Err(Failure::Malformed("its proof is not base64"))
        );
        assert_eq!(proven.verify(b"v=AAAA"), Err(Failure::Unproven));
        assert_eq!(
            proven.verify(b"e=invalid-proof"),
            Err(Failure::Refused("invalid-proof".into()))
        );
    }

    /// The genuine exchange of the capture `scram-fixed-nonce`.
    #[test]
    fn a_captured_exchange() {
        let request = include_bytes!("../captures/scram-fixed-nonce.req.bin");
        let response = include_bytes!("../captures/scram-fixed-nonce.res.bin");
        let text = |bytes: &[u8], from: &str, to: &str| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let start = text.find(from).unwrap();
            let len = text[start..].find(to).unwrap();
            String::from(&text[start..start + len])
        };
        let bare = text(request, "n=,r=", "p\0");
        let server = text(response, "r=", "R\0");
        let (last, proven) = prove(
            &bare,
            bare.strip_prefix("n=,r=").unwrap(),
            server.as_bytes(),
            PASSWORD,
            &|| {},
        )
        .unwrap();
        assert!(
            request
                .windows(last.len())
                .any(|window| window == last.as_slice())
        );
        let signature = text(response, "v=", "R\0");
        assert_eq!(proven.verify(signature.as_bytes()), Ok(()));
    }

    const PASSWORD: &[u8] = b"pencil";

    #[test]
    fn a_server_cannot_lead_astray() {
        let answer = |server: &[u8]| {
            let started = start(&[0; 18]);
            assert_eq!(started.nonce, "AAAAAAAAAAAAAAAAAAAAAAAA");
            started.answer(server, b"x", &|| {}).map(|_| ())
        };
        let nonce = "AAAAAAAAAAAAAAAAAAAAAAAA";
        let message = |nonce: &str, salt: &str, rounds: &str| {
            format!("r={nonce},s={salt},i={rounds}").into_bytes()
        };
        assert_eq!(
            answer(&message("AAAAAAAAAAAAAAAAAAAAAAAAx", "QUFB", "1")),
            Ok(())
        );
        // Not ours, and ours with nothing added.
        assert_eq!(answer(&message("BAAAx", "QUFB", "1")), Err(Failure::Nonce));
        assert_eq!(answer(&message(nonce, "QUFB", "1")), Err(Failure::Nonce));
        let longer = format!("{nonce}x");
        assert_eq!(
            answer(&message(&longer, "QUFB", "600001")),
            Err(Failure::Rounds(600_001))
        );
        for malformed in [
            message(&longer, "QUFB", "0"),
            message(&longer, "QUFB", "-1"),
            message(&longer, "QUFB", "99999999999"),
            message(&longer, "?", "1"),
            message(&longer, "", "1"),
            b"m=ext,r=x,s=QUFB,i=1".to_vec(),
            b"".to_vec(),
            vec![0xff, 0xfe],
        ] {
            assert!(matches!(answer(&malformed), Err(Failure::Malformed(_))));
        }
    }

    #[test]
    fn long_keys_are_hashed_first() {
        // RFC 4231, test case 6.
        let expected = [
            0x60, 0xe4, 0x31, 0x59, 0x1e, 0xe0, 0xb6, 0x7f, 0x0d, 0x8a, 0x26, 0xaa, 0xcb, 0xf5,
            0xb7, 0x7f, 0x8e, 0x0b, 0xc6, 0x21, 0x37, 0x28, 0xc5, 0x14, 0x05, 0x46, 0x04, 0x0f,
            0x0e, 0xe3, 0x7f, 0x54,
        ];
        let text: &[u8] = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(mac(&[0xaa; 131], &[text]), expected);
    }
}
