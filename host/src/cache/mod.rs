//! Compiled code of plugins, kept from run to run: a plugin is compiled, and
//! asked what it takes, once for each user of a machine.
//!
//! What is kept is run as it is, so it is believed for one reason alone: that
//! this user's own program has written it, which the seal of each
//! [`Entry`] shows. Whatever else is found is as good as nothing, and the
//! component is compiled anew; no run fails for it.
//! `docs/decisions/0011-native-cache.md` has the reasons.
//!
//! | where | what it is |
//! | --- | --- |
//! | `~/.cache/waitfor/native/GROUP-NAME` | an entry |
//! | `~/.local/state/waitfor/native.key` | the key that seals them |

mod entry;
mod folder;
mod key;

#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use directories::ProjectDirs;
use waitfor_native::RawDescription;
use waitfor_registry::{Digest, write};

pub use entry::Entry;
use entry::{Draft, MOST};
use folder::{Existing, Folder};
use key::Key;

use crate::engine::Identity;

/// The most bytes of all entries together. Those that were not used for the
/// longest time go first.
const MOST_OF_ALL: u64 = 512 << 20;

/// After this time without use an entry of another engine or key goes.
const FOREIGN: Duration = Duration::from_secs(7 * 24 * 3600);

/// After this time nobody writes any more at what has not come into its place.
const LEFT_OVER: Duration = Duration::from_secs(3600);

/// How exactly it is known when an entry was used last.
const USED: Duration = Duration::from_secs(24 * 3600);

/// The stack of the thread that writes, in bytes.
const STACK: usize = 256 << 10;

/// Why what was found is not used, in words for those who look into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt(String);

impl fmt::Display for Doubt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The compiled code that is kept.
pub struct Cache {
    places: Option<Places>,
    writers: RefCell<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Clone)]
struct Places {
    /// The folder of the entries.
    entries: PathBuf,
    /// The folder of the key.
    key: PathBuf,
}

/// What [`Cache::sweep`] removed, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// How many entries.
    pub entries: usize,
    /// Their bytes, and those of what was left over.
    pub bytes: u64,
}

impl Cache {
    /// The user's own. Off for a user without a home, or with one that is
    /// another in every folder.
    pub fn of_user() -> Self {
        let places = ProjectDirs::from("", "", "waitfor").and_then(|folders| {
            let key = folders.state_dir().unwrap_or(folders.data_local_dir());
            let entries = folders.cache_dir().join("native");
            (entries.is_absolute() && key.is_absolute()).then(|| Places {
                entries,
                key: key.to_owned(),
            })
        });
        Self::with(places)
    }

    /// None: nothing is found, and nothing kept.
    pub fn off() -> Self {
        Self::with(None)
    }

    fn with(places: Option<Places>) -> Self {
        Self {
            places,
            writers: RefCell::default(),
        }
    }

    /// Whether anything is kept at all.
    pub fn is_off(&self) -> bool {
        self.places.is_none()
    }

    /// Whether nothing is kept at all, or nothing that this user can use.
    pub fn is_empty(&self) -> bool {
        let places = self.places.as_ref();
        let folder = places.and_then(|places| Folder::open(&places.entries).ok()?);
        folder.is_none_or(|folder| folder.list().is_empty())
    }

    /// What is kept of a component for this engine.
    ///
    /// # Errors
    /// Where something is there that is not to be relied on; it is removed,
    /// as far as it is the user's.
    pub fn find(&self, engine: &Identity, component: &Digest) -> Result<Option<Entry>, Doubt> {
        let Some(places) = &self.places else {
            return Ok(None);
        };
        let Some(folder) = Folder::open(&places.entries)? else {
            return Ok(None);
        };
        let Some(key) = Key::find(&places.key)? else {
            return Ok(None);
        };
        let name = key.name(engine, component);
        let entry = folder.read(&name, MOST).and_then(|found| match found {
            Some((file, bytes)) => Ok(Some((file, Entry::open(&key, &name, bytes)?))),
            None => Ok(None),
        });
        match entry {
            Ok(Some((file, entry))) => {
                let now = SystemTime::now();
                let used = file.metadata().and_then(|found| found.modified());
                if used.is_ok_and(|used| is_older(used, now, USED)) {
                    // On a disk that cannot be written, entries do not age.
                    let _ = file.set_modified(now);
                }
                Ok(Some(entry))
            }
            Ok(None) => Ok(None),
            Err(doubt) => {
                folder.remove(&name);
                Err(doubt)
            }
        }
    }

    /// Forgets what is kept of a component: the engine does not take it.
    pub fn forget(&self, engine: &Identity, component: &Digest) {
        if let Some(places) = &self.places
            && let Ok(Some(folder)) = Folder::open(&places.entries)
            && let Ok(Some(key)) = Key::find(&places.key)
        {
            folder.remove(&key.name(engine, component));
        }
    }

    /// Keeps what was made of a component. The disk is left to a thread of its
    /// own, which is waited for when the cache is dropped: nobody waits for it
    /// before there is a verdict.
    pub fn keep(
        &self,
        engine: &Identity,
        component: &Digest,
        description: &RawDescription,
        code: Vec<u8>,
    ) {
        let Some(places) = self.places.clone() else {
            return;
        };
        let Some(draft) = Draft::new(description, code) else {
            return;
        };
        let (engine, component) = (*engine, *component);
        let writer = thread::Builder::new()
            .name("cache".to_owned())
            .stack_size(STACK)
            // What could not be kept is compiled again.
            .spawn(move || drop(write(&places, &engine, &component, &draft)));
        self.writers.borrow_mut().extend(writer);
    }

    /// Removes what is of no use any more: entries of other engines, builds
    /// and keys, those of the components that are `gone`, and what was never
    /// finished.
    pub fn sweep(&self, engine: &Identity, gone: &[Digest], dry_run: bool) -> Swept {
        let mut swept = Swept::default();
        let Some(places) = &self.places else {
            return swept;
        };
        let Ok(Some(folder)) = Folder::open(&places.entries) else {
            return swept;
        };
        let key = Key::find(&places.key).ok().flatten();
        let group = key.as_ref().map(|key| key.group(engine));
        let names = key.iter().flat_map(|key| {
            let names = gone.iter().map(|component| key.name(engine, component));
            names.collect::<Vec<_>>()
        });
        let gone: Vec<String> = names.collect();
        for file in folder.list() {
            let is_entry = key::is_name(&file.name);
            let is_of_use = group
                .as_ref()
                .is_some_and(|group| file.name.starts_with(group))
                && !gone.contains(&file.name);
            let goes = match is_entry {
                true => !is_of_use,
                false => write::is_left_over(file.name.as_ref()),
            };
            if goes && (dry_run || folder.remove(&file.name)) {
                swept.entries += usize::from(is_entry);
                swept.bytes += file.size;
            }
        }
        swept
    }

    /// Waits until all is written that is to be kept.
    pub fn finish(&self) {
        for writer in self.writers.take() {
            // One that panicked has kept nothing.
            let _ = writer.join();
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.finish();
    }
}

fn write(
    places: &Places,
    engine: &Identity,
    component: &Digest,
    draft: &Draft,
) -> Result<(), Doubt> {
    let key = Key::make(&places.key)?;
    let folder = Folder::make(&places.entries)?;
    let name = key.name(engine, component);
    let seal = draft.seal(&key, &name);
    let [header, said, code] = draft.parts();
    folder
        .put(&name, &[header, said, code, &seal], Existing::Replaced)
        .map_err(|error| folder::failed("write to", &places.entries, &error))?;
    make_room(&folder, &key.group(engine), &name, MOST_OF_ALL);
    Ok(())
}

/// Keeps the folder within its bounds; the entry `written` stays.
fn make_room(folder: &Folder, group: &str, written: &str, most: u64) {
    let now = SystemTime::now();
    let mut files = folder.list();
    let goes = |file: &folder::Listed| match key::is_name(&file.name) {
        true => !file.name.starts_with(group) && is_older(file.modified, now, FOREIGN),
        false => write::is_left_over(file.name.as_ref()) && is_older(file.modified, now, LEFT_OVER),
    };
    files.retain(|file| !(goes(file) && folder.remove(&file.name)));
    let mut all: u64 = files.iter().map(|file| file.size).sum();
    for file in files {
        if all <= most {
            return;
        }
        if key::is_name(&file.name) && file.name != written && folder.remove(&file.name) {
            all -= file.size;
        }
    }
}

/// Whether so much time has passed; a clock that was set back makes nothing
/// old.
fn is_older(then: SystemTime, now: SystemTime, length: Duration) -> bool {
    now.duration_since(then).is_ok_and(|passed| passed > length)
}
