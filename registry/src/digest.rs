//! The identity of a plugin is the sha256 of its component, written in one
//! way only so that two digests are equal exactly when their texts are.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// What stands before the digits.
pub const PREFIX: &str = "sha256:";

/// A sha256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest with these 64 digits, as they stand where [`PREFIX`] goes
    /// without saying.
    ///
    /// # Errors
    /// Where `digits` are none.
    pub fn from_hex(digits: &str) -> Result<Self> {
        read(digits).map_err(|problem| Error::Digest {
            text: digits.to_owned(),
            problem,
        })
    }

    /// The 64 digits without [`PREFIX`]; the name of the blob's file.
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(PREFIX)?;
        formatter.write_str(&self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem| Error::Digest {
            text: text.to_owned(),
            problem,
        };
        let digits = text
            .strip_prefix(PREFIX)
            .ok_or_else(|| refuse("it does not start with `sha256:`"))?;
        read(digits).map_err(refuse)
    }
}

fn read(digits: &str) -> std::result::Result<Digest, &'static str> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| "it has not 64 hexadecimal digits")?;
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err("its digits are upper-case");
    }
    Ok(Digest(bytes))
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// FIPS 180-2, the example for `abc`.
    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn hashes_and_prints_the_published_example() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
    }

    #[test]
    fn says_what_is_wrong_with_a_digest() {
        let cases = [
            (
                ABC.replace("sha256", "sha512"),
                "it does not start with `sha256:`",
            ),
            (ABC.replace("ba78", "BA78"), "its digits are upper-case"),
            (ABC[..70].to_owned(), "it has not 64 hexadecimal digits"),
            (format!("{ABC}0"), "it has not 64 hexadecimal digits"),
            (
                ABC.replace("ba78", "xyz!"),
                "it has not 64 hexadecimal digits",
            ),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Digest>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not a digest: {expected}")
            );
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(bytes: Vec<u8>) {
            let digest = Digest::of(&bytes);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn takes_one_form_only(text in "(sha256:)?[0-9a-fA-F]{60,68}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
