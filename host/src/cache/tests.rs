//! What is kept comes back as it was, and whatever else is found there is as
//! good as nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use waitfor_native::{RawDescription, RawScheme};
use waitfor_registry::Digest;

use super::folder::{Existing, Folder};
use super::{Cache, Places, Swept, make_room};
use crate::engine::Identity;

const CODE: &[u8] = b"\x7fELF, and what follows";

/// The folders of a cache, removed on drop.
struct World {
    dir: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self { dir }
    }

    fn entries(&self) -> PathBuf {
        self.dir.path().join("cache/waitfor/native")
    }

    fn keys(&self) -> PathBuf {
        self.dir.path().join("state/waitfor")
    }

    fn key(&self) -> PathBuf {
        self.keys().join("native.key")
    }

    /// As each run of the program has its own.
    fn cache(&self) -> Cache {
        Cache::with(Some(Places {
            entries: self.entries(),
            key: self.keys(),
        }))
    }

    /// A cache in which the component `one` was kept, and where.
    fn kept() -> (Self, PathBuf) {
        let world = Self::new();
        world.keep("one", CODE);
        let path = world.only();
        (world, path)
    }

    fn keep(&self, component: &str, code: &[u8]) {
        self.cache()
            .keep(&engine(), &digest(component), &said(component), code.into());
    }

    /// The code that is found, or why there is none.
    fn find(&self, component: &str) -> Result<Option<Vec<u8>>, String> {
        let found = self.cache().find(&engine(), &digest(component));
        let found = found.map_err(|doubt| doubt.to_string())?;
        Ok(found.map(|entry| {
            assert_eq!(*entry.description(), said(component));
            entry.code().to_vec()
        }))
    }

    /// The files of the folder by name.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.entries()).into_iter().flatten();
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        files
    }

    #[track_caller]
    fn only(&self) -> PathBuf {
        match self.files().as_slice() {
            [path] => path.clone(),
            files => panic!("not one file: {files:?}"),
        }
    }

    /// Nothing is used, for this reason; and it works again as soon as
    /// something is kept.
    #[track_caller]
    fn doubts(&self, why: &str) {
        let doubt = self.find("one").expect_err("it was used");
        assert!(doubt.contains(why), "{doubt}");
        self.mends();
    }

    #[track_caller]
    fn mends(&self) {
        self.keep("one", CODE);
        assert_eq!(self.find("one"), Ok(Some(CODE.to_vec())));
    }
}

fn engine() -> Identity {
    Identity::made("this build", 48)
}

fn digest(component: &str) -> Digest {
    Digest::of(component.as_bytes())
}

fn said(component: &str) -> RawDescription {
    RawDescription {
        summary: format!("{component} answers"),
        schemes: vec![RawScheme {
            name: component.to_owned(),
            default_port: Some(7070),
            more: Vec::new(),
        }],
        params: Vec::new(),
        examples: Vec::new(),
        more: vec![("key".to_owned(), "ä\n".to_owned())],
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("our own file");
}

fn mode(path: &Path) -> u32 {
    let found = fs::symlink_metadata(path).expect("it is there");
    found.permissions().mode() & 0o7777
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn what_is_kept_is_found_by_the_next_run() {
    let world = World::new();
    assert_eq!(world.find("one"), Ok(None));
    assert!(world.files().is_empty() && !world.key().exists());
    world.keep("one", CODE);
    world.keep("two", b"");
    assert_eq!(world.find("one"), Ok(Some(CODE.to_vec())));
    assert_eq!(world.find("two"), Ok(Some(Vec::new())));
    assert_eq!(world.find("three"), Ok(None));
    assert_eq!(world.files().len(), 2);
    for (path, expected) in [
        (world.entries(), 0o700),
        (world.keys(), 0o700),
        (world.key(), 0o600),
        (world.files()[0].clone(), 0o600),
    ] {
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

#[test]
fn an_entry_is_for_one_engine_of_one_build() {
    let (world, _) = World::kept();
    for other in [
        Identity::made("this build", 49),
        Identity::made("another build", 48),
    ] {
        let found = world.cache().find(&other, &digest("one"));
        assert!(found.is_ok_and(|found| found.is_none()));
    }
}

#[test]
fn nothing_is_kept_or_found_where_it_is_off() {
    let (world, path) = World::kept();
    let off = Cache::off();
    assert!(off.is_off() && !world.cache().is_off());
    off.keep(&engine(), &digest("two"), &said("two"), CODE.into());
    off.forget(&engine(), &digest("one"));
    off.finish();
    let found = off.find(&engine(), &digest("one"));
    assert!(found.is_ok_and(|found| found.is_none()));
    assert_eq!(off.sweep(&engine(), &[], false), Swept::default());
    assert_eq!(world.only(), path);
}

#[test]
fn what_is_forgotten_is_gone() {
    let (world, _) = World::kept();
    world.keep("two", CODE);
    world.cache().forget(&engine(), &digest("one"));
    assert_eq!(world.find("one"), Ok(None));
    assert_eq!(world.find("two"), Ok(Some(CODE.to_vec())));
}

#[test]
fn an_entry_that_was_cut_off_anywhere_is_not_used() {
    let (world, path) = World::kept();
    let whole = fs::read(&path).expect("the entry");
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("our own file");
        world.find("one").expect_err("it was used");
        assert!(!path.exists(), "cut off at {length}");
        fs::write(&path, &whole).expect("our own file");
        set_mode(&path, 0o600);
    }
    assert_eq!(world.find("one"), Ok(Some(CODE.to_vec())));
    fs::write(&path, [whole.as_slice(), b"\0"].concat()).expect("our own file");
    world.doubts("does not bear this user's seal");
}

#[test]
fn an_entry_with_any_bit_flipped_is_not_used() {
    let (world, path) = World::kept();
    let whole = fs::read(&path).expect("the entry");
    for bit in 0..whole.len() * 8 {
        let mut altered = whole.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &altered).expect("our own folder");
        set_mode(&path, 0o600);
        let doubt = world.find("one").expect_err("it was used");
        assert!(doubt.contains("seal"), "{doubt}");
        assert!(!path.exists(), "bit {bit}");
    }
    world.mends();
}

#[test]
fn an_entry_in_the_place_of_another_is_not_used() {
    let (world, one) = World::kept();
    world.keep("two", b"other code");
    let two = world.files().into_iter().find(|path| *path != one);
    fs::copy(two.expect("two entries"), &one).expect("our own folder");
    world.doubts("does not bear this user's seal");
}

#[test]
fn an_entry_of_another_key_is_not_used() {
    let (theirs, planted) = World::kept();
    let (world, own) = World::kept();
    assert_ne!(planted.file_name(), own.file_name());
    fs::copy(&planted, &own).expect("our own folder");
    world.doubts("does not bear this user's seal");

    // The whole folder, as an archive brings it back on another machine.
    let world = World::new();
    world.keep("two", b"");
    for path in theirs.files() {
        let name = path.file_name().expect("a name");
        fs::copy(&path, world.entries().join(name)).expect("our own folder");
    }
    assert_eq!(world.find("one"), Ok(None));
}

#[test]
fn a_key_that_is_missing_damaged_or_known_to_others_is_made_anew() {
    let (world, path) = World::kept();
    let before = fs::read(world.key()).expect("the key");
    fs::remove_file(world.key()).expect("the key");
    assert_eq!(world.find("one"), Ok(None));
    world.mends();
    assert!(path.exists(), "it may be another program's");
    assert_ne!(fs::read(world.key()).expect("a key"), before);

    for length in [0, 1, 31, 33] {
        fs::write(world.key(), vec![7; length]).expect("our own file");
        world.doubts("the key is damaged");
    }
    set_mode(&world.key(), 0o640);
    world.doubts("native.key` is open to others (mode 640)");
    fs::write(world.key(), [7; 32]).expect("our own file");
    assert_eq!(world.find("one"), Ok(None));
    world.mends();
    let elsewhere = world.dir.path().join("elsewhere");
    fs::rename(world.key(), &elsewhere).expect("the key");
    symlink(&elsewhere, world.key()).expect("a link");
    world.doubts("native.key` is a link");
    assert_eq!(mode(&world.key()), 0o600);
}

#[test]
fn a_folder_that_is_open_to_others_is_not_used() {
    for folder in [World::entries, World::keys] {
        let (world, path) = World::kept();
        let folder = folder(&world);
        for mode in [0o770, 0o750, 0o707, 0o701] {
            set_mode(&folder, mode);
            let doubt = world.find("one").expect_err("it was used");
            assert!(doubt.contains("is open to others"), "{doubt}");
            world.keep("one", b"altered");
            assert!(world.find("one").is_err());
        }
        set_mode(&folder, 0o700);
        assert_eq!(world.only(), path);
        assert_eq!(world.find("one"), Ok(Some(CODE.to_vec())));
    }
}

#[test]
fn a_folder_that_is_a_link_is_not_used() {
    for folder in [World::entries, World::keys] {
        let (world, _) = World::kept();
        let (folder, elsewhere) = (folder(&world), world.dir.path().join("elsewhere"));
        fs::rename(&folder, &elsewhere).expect("our own folder");
        symlink(&elsewhere, &folder).expect("a link");
        let doubt = world.find("one").expect_err("it was used");
        assert!(doubt.contains("is no folder"), "{doubt}");
        let before = fs::read_dir(&elsewhere).expect("a folder").count();
        world.keep("two", CODE);
        assert!(world.find("two").is_err());
        assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), before);
    }
}

#[test]
fn what_is_no_file_of_ours_in_an_entrys_place_is_not_used() {
    let (world, path) = World::kept();
    let elsewhere = world.dir.path().join("elsewhere");
    fs::rename(&path, &elsewhere).expect("our own file");
    symlink(&elsewhere, &path).expect("a link");
    world.doubts("is a link");
    assert!(elsewhere.exists());

    fs::remove_file(&path).expect("the entry");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()));
    world.doubts("is no file");

    for mode in [0o640, 0o602, 0o644] {
        set_mode(&path, mode);
        world.doubts("is open to others");
    }

    fs::remove_file(&path).expect("the entry");
    fs::create_dir(&path).expect("a folder");
    world.find("one").expect_err("it was used");
    world.keep("one", CODE);
    world.find("one").expect_err("it was used");
    assert_eq!(world.files(), [path]);
}

#[test]
fn what_belongs_to_another_user_is_neither_used_nor_removed() {
    if !is_root() {
        // Nobody else can give a file away.
        return;
    }
    let (world, path) = World::kept();
    for place in [path.clone(), world.entries(), world.key(), world.keys()] {
        chown(&place, Some(65534), None).expect("root may");
        let doubt = world.find("one").expect_err("it was used");
        assert!(doubt.contains("is another user's"), "{doubt}");
        assert!(place.exists());
        chown(&place, Some(0), None).expect("root may");
    }
    assert_eq!(world.find("one"), Ok(Some(CODE.to_vec())));

    let world = World::new();
    let home = world.dir.path().join("cache");
    fs::create_dir(&home).expect("a folder");
    chown(&home, Some(65534), None).expect("root may");
    world.keep("one", CODE);
    assert_eq!(fs::read_dir(&home).expect("a folder").count(), 0);
}

#[test]
fn what_cannot_be_written_is_no_failure() {
    let world = World::new();
    fs::write(world.dir.path().join("cache"), "").expect("a file");
    world.keep("one", CODE);
    world.find("one").expect_err("there is no folder");

    let world = World::new();
    fs::write(world.dir.path().join("state"), "").expect("a file");
    world.keep("one", CODE);
    assert_eq!(world.find("one"), Ok(None));
    assert!(world.files().is_empty());
}

#[test]
fn many_that_write_at_once_agree() {
    for round in 0..20 {
        let world = World::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for component in ["one", "two"] {
                        world.keep(component, CODE);
                        assert_eq!(world.find(component), Ok(Some(CODE.to_vec())));
                    }
                });
            }
        });
        assert_eq!(world.files().len(), 2, "round {round}");
        let keys = fs::read_dir(world.keys()).expect("a folder").count();
        assert_eq!(keys, 1, "round {round}");
    }
}

/// Lets a file look as if it was used last so long ago.
fn age(path: &Path, age: Duration) {
    let file = fs::File::open(path).expect("our own file");
    let then = SystemTime::now() - age;
    file.set_modified(then).expect("our own file");
}

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn use_makes_young() {
    let (world, path) = World::kept();
    let old = |path: &Path| {
        let modified = fs::metadata(path).and_then(|found| found.modified());
        SystemTime::now()
            .duration_since(modified.expect("a time"))
            .unwrap_or_default()
    };
    age(&path, 3 * DAY);
    assert_eq!(world.find("two"), Ok(None));
    assert!(old(&path) > DAY);
    assert_eq!(world.find("one"), Ok(Some(CODE.to_vec())));
    assert!(old(&path) < DAY);
}

#[test]
fn the_folder_has_a_bound() {
    let world = World::new();
    for (number, component) in ["one", "two", "three", "four"].iter().enumerate() {
        let before = world.files();
        world.keep(component, &[7; 1000]);
        let new = world
            .files()
            .into_iter()
            .find(|path| !before.contains(path));
        age(&new.expect("an entry"), DAY * (9 - number as u32));
    }
    fs::write(world.entries().join("a note of the user's"), [7; 4000]).expect("our own folder");
    let folder = Folder::open(&world.entries())
        .expect("ours")
        .expect("there");
    let [oldest, second, ..] = folder
        .list()
        .try_into()
        .ok()
        .map(|files: [_; 5]| files)
        .expect("five files");
    let size = oldest.size;
    let group = &oldest.name[..17];
    // What was just written stays, however old it looks.
    make_room(&folder, group, &oldest.name, 4000 + 3 * size + 100);
    assert_eq!(world.files().len(), 4);
    assert_eq!(world.find("one"), Ok(Some(vec![7; 1000])));
    assert_eq!(world.find("two"), Ok(None));
    make_room(&folder, group, &second.name, 0);
    let left: Vec<PathBuf> = world.files();
    assert_eq!(left, [world.entries().join("a note of the user's")]);
}

#[test]
fn what_others_kept_goes_when_nobody_uses_it() {
    let (world, used) = World::kept();
    let other = Identity::made("another build", 48);
    for component in ["two", "three"] {
        let cache = world.cache();
        cache.keep(&other, &digest(component), &said(component), CODE.into());
    }
    let left_over = world.entries().join(".writing-something-1");
    let being_written = world.entries().join(".writing-something-2");
    for path in [&left_over, &being_written] {
        fs::write(path, "half").expect("our own folder");
    }
    let foreign: Vec<PathBuf> = world
        .files()
        .into_iter()
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            !name.starts_with('.') && *path != used
        })
        .collect();
    age(&foreign[0], 8 * DAY);
    age(&used, 8 * DAY);
    age(&left_over, DAY);
    world.keep("four", CODE);
    let files = world.files();
    assert_eq!(files.len(), 4, "{files:?}");
    for path in [&used, &foreign[1], &being_written] {
        assert!(files.contains(path), "{}", path.display());
    }
}

#[test]
fn a_sweep_leaves_what_is_of_use() {
    let (world, one) = World::kept();
    world.keep("two", CODE);
    let other = Identity::made("another build", 48);
    world
        .cache()
        .keep(&other, &digest("one"), &said("one"), CODE.into());
    fs::write(world.entries().join(".writing-x"), "half").expect("our own folder");
    fs::write(world.entries().join("notes"), "mine").expect("our own folder");
    let size = fs::metadata(&one).expect("the entry").len();
    let gone = [digest("two"), digest("three")];
    let expected = Swept {
        entries: 2,
        bytes: 2 * size + 4,
    };
    assert_eq!(world.cache().sweep(&engine(), &gone, true), expected);
    assert_eq!(world.files().len(), 5);
    assert_eq!(world.cache().sweep(&engine(), &gone, false), expected);
    assert_eq!(world.files(), {
        let mut left = [one, world.entries().join("notes")];
        left.sort();
        left
    });
    // Without the key that made them, entries are of no use.
    fs::remove_file(world.key()).expect("the key");
    assert_eq!(world.cache().sweep(&engine(), &[], false).entries, 1);
}

#[test]
fn a_file_beside_its_place_is_no_entry() {
    let (world, path) = World::kept();
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let folder = Folder::open(&world.entries())
        .expect("ours")
        .expect("there");
    assert!(
        folder
            .put("other", &[b"1", b"2"], Existing::Kept)
            .expect("written")
    );
    assert!(
        !folder
            .put("other", &[b"3"], Existing::Kept)
            .expect("written")
    );
    assert_eq!(
        fs::read(world.entries().join("other")).expect("a file"),
        b"12"
    );
    assert!(
        folder
            .put("other", &[b"3"], Existing::Replaced)
            .expect("written")
    );
    assert_eq!(
        fs::read(world.entries().join("other")).expect("a file"),
        b"3"
    );
    let taken = world.entries().join("taken");
    fs::create_dir(&taken).expect("a folder");
    folder
        .put("taken", &[b"1"], Existing::Replaced)
        .expect_err("a folder stands there");
    folder
        .put("a/b", &[b"1"], Existing::Replaced)
        .expect_err("there is no such folder");
    let names: Vec<String> = folder.list().into_iter().map(|file| file.name).collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
    assert!(super::key::is_name(name));
    for other in [
        "",
        "-",
        &name[1..],
        &name[..80],
        &name.to_uppercase(),
        &format!("{name}0"),
    ] {
        assert!(!super::key::is_name(other), "{other}");
    }
}
