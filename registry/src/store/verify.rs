//! Reading a whole store: what is wrong with it is named file by file, each
//! with the command that mends it.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::collect::{digest_of, lock_path};
use super::{BLOBS, LOCK, MARKER, PROJECTS, RECORDS, Store, is_left_over};
use crate::{Digest, Result, input, oci};

/// What is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.problem)
    }
}

impl Store {
    /// Reads everything and says what is wrong with it, by path.
    ///
    /// # Errors
    /// Where the store cannot be read or is not to be trusted.
    pub fn verify(&self) -> Result<Vec<Problem>> {
        if !self.is_there()? {
            return Ok(Vec::new());
        }
        // A store that cannot be written can be read without waiting, as
        // nobody removes anything from it.
        let _held = input::open(&self.root.join(LOCK)).and_then(|file| {
            file.lock_shared()?;
            Ok(file)
        });
        let mut problems = Vec::new();
        let names = self.names_by_digest()?;
        for path in self.listed(BLOBS)? {
            let problem = match digest_of(&path) {
                None => Some((stray(), REMOVE.to_owned())),
                Some(digest) => altered(&path, &digest).map(|found| {
                    let known = names.get(&digest).map(|names| names.join(", "));
                    let known = known.map_or(String::new(), |known| format!(", which is {known}"));
                    (
                        format!("it holds other bytes than {digest}{known}: {found}"),
                        "run `waitfor plugin fetch` where it is locked".to_owned(),
                    )
                }),
            };
            problems.extend(problem.map(|(problem, hint)| Problem {
                path,
                problem,
                hint,
            }));
        }
        for (path, record) in self.all_records()? {
            if let Err(problem) = record {
                problems.push(Problem {
                    path,
                    problem: format!("the record is passed over: {problem}"),
                    hint: REMOVE.to_owned(),
                });
            }
        }
        for path in self.listed(PROJECTS)? {
            if let Err(problem) = lock_path(&path) {
                problems.push(Problem {
                    path,
                    problem,
                    hint: REMOVE.to_owned(),
                });
            }
        }
        let ours = [MARKER, LOCK, RECORDS, PROJECTS, "blobs"];
        for path in self.listed("")? {
            let known = path.file_name().and_then(|name| name.to_str());
            if !known.is_some_and(|name| ours.contains(&name)) {
                problems.push(Problem {
                    path,
                    problem: stray(),
                    hint: REMOVE.to_owned(),
                });
            }
        }
        problems.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(problems)
    }

    /// What is in a folder of the store, without what was left half written.
    fn listed(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let mut paths = self.names(&self.root.join(folder))?;
        paths.retain(|path| !is_left_over(path));
        Ok(paths)
    }
}

const REMOVE: &str = "remove it; what is missing then is fetched again";

fn stray() -> String {
    "a store has no such file".to_owned()
}

/// What a component's file holds instead; none where it holds what it should.
fn altered(path: &Path, digest: &Digest) -> Option<String> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Some("no file".to_owned()),
        Ok(found) if found.len() > oci::MAX_COMPONENT => {
            return Some(format!("{} bytes", found.len()));
        }
        Ok(_) => {}
        Err(error) => return Some(error.to_string()),
    }
    match input::at_most(path, oci::MAX_COMPONENT) {
        Ok(bytes) => {
            let found = Digest::of(&bytes);
            (found != *digest).then(|| found.to_string())
        }
        Err(error) => Some(error.to_string()),
    }
}
