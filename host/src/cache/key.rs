//! The key that tells the program's own entries from all others. It is kept
//! apart from them, where nobody keeps what is to be restored elsewhere: a
//! folder of entries that comes from another machine, another user or an
//! archive is worth nothing here.

use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use waitfor_registry::Digest;

use super::Doubt;
use super::folder::{Existing, Folder, failed};
use crate::engine::Identity;

/// The name of its file.
const FILE: &str = "native.key";

/// Its length in bytes, and that of what is made with it.
pub(super) const LENGTH: usize = 32;

/// What the hash works on at once, in bytes; a shorter key is filled up with
/// zeros (RFC 2104).
const BLOCK: usize = 64;

/// 32 random bytes of one user on one machine.
pub(super) struct Key([u8; BLOCK]);

impl Key {
    pub(super) fn of(bytes: [u8; LENGTH]) -> Self {
        let mut block = [0; BLOCK];
        block[..LENGTH].copy_from_slice(&bytes);
        Self(block)
    }

    /// The key in `folder`; none where there is none yet.
    ///
    /// # Errors
    /// Where the folder or the key is not the user's own.
    pub(super) fn find(folder: &Path) -> Result<Option<Self>, Doubt> {
        match Folder::open(folder)? {
            Some(folder) => Self::read(&folder),
            None => Ok(None),
        }
    }

    /// As [`Key::find`]; made where there is none, or one that is not to be
    /// relied on. Processes that do so at the same time agree on one.
    ///
    /// # Errors
    /// Where the folder is not the user's own, or cannot be written.
    pub(super) fn make(path: &Path) -> Result<Self, Doubt> {
        let folder = Folder::make(path)?;
        match Self::read(&folder) {
            Ok(Some(key)) => return Ok(key),
            Ok(None) => {}
            Err(_) => drop(folder.remove(FILE)),
        }
        let mut bytes = [0; LENGTH];
        let made = getrandom::fill(&mut bytes).map_err(Into::into);
        let made = made.and_then(|()| folder.put(FILE, &[&bytes], Existing::Kept));
        match made.map_err(|error| failed("make a key in", path, &error))? {
            true => Ok(Self::of(bytes)),
            false => {
                let other = Self::read(&folder)?;
                other.ok_or_else(|| Doubt("the key is gone again".to_owned()))
            }
        }
    }

    fn read(folder: &Folder) -> Result<Option<Self>, Doubt> {
        let longer = LENGTH as u64 + 1;
        let Some((_, bytes)) = folder.read(FILE, longer)? else {
            return Ok(None);
        };
        let bytes = <[u8; LENGTH]>::try_from(bytes);
        bytes
            .map(|bytes| Some(Self::of(bytes)))
            .map_err(|_| Doubt("the key is damaged".to_owned()))
    }

    /// What the names of all entries begin with that this engine can use.
    pub(super) fn group(&self, engine: &Identity) -> String {
        let made = self.made("group", &[engine.bytes()]).finalize();
        hex::encode(&made.into_bytes()[..GROUP]) + "-"
    }

    /// The name of the entry for a component.
    pub(super) fn name(&self, engine: &Identity, component: &Digest) -> String {
        let digits = component.hex();
        let made = self.made("name", &[engine.bytes(), digits.as_bytes()]);
        self.group(engine) + &hex::encode(made.finalize().into_bytes())
    }

    /// What seals these parts. Where one part ends and the next begins does
    /// not change it: the parts themselves must tell.
    pub(super) fn seal(&self, parts: &[&[u8]]) -> [u8; LENGTH] {
        self.made("seal", parts).finalize().into_bytes().into()
    }

    /// Whether these parts are sealed so, in a time that tells nothing of
    /// where they differ.
    pub(super) fn is_sealed(&self, parts: &[&[u8]], seal: &[u8]) -> bool {
        self.made("seal", parts).verify_slice(seal).is_ok()
    }

    /// `purpose` keeps what is made for one from being taken for another.
    fn made(&self, purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut made = <Hmac<Sha256> as KeyInit>::new((&self.0).into());
        made.update(purpose.as_bytes());
        made.update(b"\0");
        for part in parts {
            made.update(part);
        }
        made
    }
}

/// The bytes that tell groups apart.
const GROUP: usize = 8;

/// Whether a file's name is that of an entry, of whatever engine and key.
pub(super) fn is_name(name: &str) -> bool {
    let digits = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    name.split_once('-')
        .is_some_and(|(group, rest)| digits(group, 2 * GROUP) && digits(rest, 2 * LENGTH))
}
