//! What is kept of a component: its code, and what it says of itself, under a
//! seal that only the holder of the key can have made.
//!
//! | bytes | what they are |
//! | --- | --- |
//! | 8 | [`MAGIC`] |
//! | 4 | the version of this form, [`VERSION`] |
//! | 4 | the length of the description |
//! | 8 | the length of the code |
//! | … | the description, as JSON |
//! | … | the code |
//! | 32 | the seal: over the entry's name and all of the above |
//!
//! Numbers have the least byte first. The name stands for component, engine
//! and build, so that no entry can be put in the place of another.

use std::ops::Range;

use waitfor_native::RawDescription;

use super::Doubt;
use super::key::{Key, LENGTH};

const MAGIC: &[u8; 8] = b"waitfor\x1b";
const VERSION: u32 = 1;
const HEADER: usize = 24;

/// The most bytes of one entry. Code has some seven times the bytes of its
/// component, of which there are 32 MiB at most.
pub(super) const MOST: u64 = 256 << 20;

/// An entry whose seal was found to be right: this is the only way to have
/// one.
pub struct Entry {
    bytes: Vec<u8>,
    code: Range<usize>,
    description: RawDescription,
}

impl Entry {
    /// What the component says of itself.
    pub fn description(&self) -> &RawDescription {
        &self.description
    }

    /// The component's code, as the engine gave it.
    pub fn code(&self) -> &[u8] {
        self.bytes.get(self.code.clone()).unwrap_or_default()
    }

    /// The entry in these bytes, which were found under `name`.
    ///
    /// # Errors
    /// Where it is not one that this key's holder has put there.
    pub(super) fn open(key: &Key, name: &str, bytes: Vec<u8>) -> Result<Self, Doubt> {
        let doubt = |what: &str| Doubt(format!("the entry {what}"));
        let Some((sealed, seal)) = bytes.split_last_chunk::<LENGTH>() else {
            return Err(doubt("was cut off"));
        };
        // Nothing of it is read before this.
        if !key.is_sealed(&[name.as_bytes(), sealed], seal) {
            return Err(doubt("does not bear this user's seal"));
        }
        let (said, code) = parts(sealed).ok_or_else(|| doubt("has another form"))?;
        let said = sealed.get(said).unwrap_or_default();
        let description = serde_json::from_slice(said).map_err(|_| doubt("has another form"))?;
        Ok(Self {
            bytes,
            code,
            description,
        })
    }
}

/// Where description and code are; none where the lengths do not add up.
fn parts(sealed: &[u8]) -> Option<(Range<usize>, Range<usize>)> {
    let (header, body) = sealed.split_first_chunk::<HEADER>()?;
    let (magic, numbers) = header.split_first_chunk::<8>()?;
    let (version, numbers) = numbers.split_first_chunk::<4>()?;
    let (said, code) = numbers.split_first_chunk::<4>()?;
    if magic != MAGIC || u32::from_le_bytes(*version) != VERSION {
        return None;
    }
    let said = usize::try_from(u32::from_le_bytes(*said)).ok()?;
    let code = usize::try_from(u64::from_le_bytes(*code.first_chunk()?)).ok()?;
    if said.checked_add(code)? != body.len() {
        return None;
    }
    let end = HEADER + said;
    Some((HEADER..end, end..sealed.len()))
}

/// An entry that is to be written.
pub(super) struct Draft {
    header: [u8; HEADER],
    said: Vec<u8>,
    code: Vec<u8>,
}

impl Draft {
    /// None where there is more than an entry may hold.
    pub(super) fn new(description: &RawDescription, code: Vec<u8>) -> Option<Self> {
        let said = serde_json::to_vec(description).ok()?;
        let lengths = (u32::try_from(said.len()).ok()?, code.len() as u64);
        let whole = HEADER as u64 + u64::from(lengths.0) + lengths.1 + LENGTH as u64;
        if whole > MOST {
            return None;
        }
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(MAGIC);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[12..16].copy_from_slice(&lengths.0.to_le_bytes());
        header[16..].copy_from_slice(&lengths.1.to_le_bytes());
        Some(Self { header, said, code })
    }

    /// What seals it under that name.
    pub(super) fn seal(&self, key: &Key, name: &str) -> [u8; LENGTH] {
        let [header, said, code] = self.parts();
        key.seal(&[name.as_bytes(), header, said, code])
    }

    /// What is written before the seal.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        [&self.header, &self.said, &self.code]
    }
}
