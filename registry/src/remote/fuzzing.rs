//! Doors for the fuzz targets in `fuzz/`, since what they try is private to
//! this crate.

use std::path::Path;
use std::time::Duration;

use super::{account, challenge, pull};

/// Reads `header` as `WWW-Authenticate` and as `Link`; says how many
/// challenges it holds.
pub fn header(header: &str) -> usize {
    if let Some(target) = pull::next_link(header) {
        assert!(header.contains(target), "a link that is not there");
    }
    challenge::parse([header]).len()
}

/// Looks for the account of `authority` in a file of docker's; says whether
/// it is there.
///
/// # Errors
/// In words, where the file cannot be used.
pub fn account(file: &Path, authority: &str) -> Result<bool, String> {
    let found = account::find(&[file.to_owned()], authority, Duration::ZERO);
    found.map(|account| account.is_some())
}
