use std::thread;

use super::*;
use crate::{Abi, Digest, Locked, Wanted};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn wanted(name: &str, requirement: &str) -> Wanted {
    Wanted {
        name: name.parse().unwrap(),
        reference: config::parse_requirement(requirement).unwrap(),
        registry: None,
    }
}

fn locked(name: &str, requirement: &str, version: &str) -> Locked {
    Locked {
        name: name.parse().unwrap(),
        requirement: config::parse_requirement(requirement).unwrap(),
        version: version.parse().unwrap(),
        registry: Location::Official,
        component: Digest::of(name.as_bytes()),
        size: 1,
        abi: Abi { major: 1, minor: 0 },
        schemes: Vec::new(),
    }
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn add(project: &mut Project, name: &str) -> Result<()> {
    project.edit(|project| {
        project.config.set_plugin(&wanted(name, "1"))?;
        project.lock_mut().set(locked(name, "1", "1.0.0"));
        Ok(())
    })
}

#[test]
fn the_nearest_folder_upwards_is_the_project() {
    let top = tempfile::tempdir().unwrap();
    let inner = top.path().join("a/b/c");
    fs::create_dir_all(&inner).unwrap();
    fs::write(top.path().join(config::FILE), "[plugins]\nredis = '1'\n").unwrap();
    let found = Project::discover(&inner).unwrap().unwrap();
    assert_eq!(found.folder(), top.path());
    assert_eq!(found.lock_path(), top.path().join(lock::FILE));
    assert!(found.has_config() && found.lock.is_none());
    assert_eq!(found.config.plugins(), [wanted("redis", "1")]);
    assert_eq!(found.resolve(Path::new("x")), top.path().join("x"));
    // A lock alone makes a project as well.
    fs::write(top.path().join("a/b").join(lock::FILE), "version = 1\n").unwrap();
    let found = Project::discover(&inner).unwrap().unwrap();
    assert_eq!(found.folder(), top.path().join("a/b"));
    assert!(!found.has_config() && found.lock.is_some());
    fs::write(top.path().join("a/b").join(lock::FILE), "version = ").unwrap();
    let error = Project::discover(&inner).unwrap_err().to_string();
    assert!(error.contains("a/b/waitfor.lock:1:"), "{error}");
}

#[test]
fn a_named_file_has_the_other_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let by_config = Project::at(Some(&at("ci.toml")), None).unwrap();
    assert_eq!(by_config.config_path(), at("ci.toml"));
    assert_eq!(by_config.lock_path(), at(lock::FILE));
    let by_both = Project::at(Some(&at("ci.toml")), Some(&at("ci.lock"))).unwrap();
    assert_eq!(by_both.config_path(), at("ci.toml"));
    assert_eq!(by_both.lock_path(), at("ci.lock"));
    assert!(!by_both.has_config() && by_both.lock.is_none());
    let neither = Project::at(None, None).unwrap();
    assert!(neither.config_path().is_absolute());
    assert!(neither.config_path().ends_with(config::FILE));
}

#[test]
fn beside_a_named_lock_the_configuration_is_the_nearest_upwards() {
    let top = tempfile::tempdir().unwrap();
    let current = top.path().join("a/b");
    fs::create_dir_all(&current).unwrap();
    fs::create_dir(top.path().join("x")).unwrap();
    fs::write(top.path().join("x").join(config::FILE), "").unwrap();
    let lock = Path::new("../../x/ci.lock");
    let none = Project::named(None, Some(lock), &current).unwrap();
    assert_eq!(none.config_path(), current.join(config::FILE));
    assert!(!none.has_config());
    let nearest = top.path().join("a").join(config::FILE);
    fs::write(&nearest, "[plugins]\nredis = '1'\n").unwrap();
    let found = Project::named(None, Some(lock), &current).unwrap();
    assert_eq!(found.config_path(), nearest);
    assert_eq!(found.config.plugins(), [wanted("redis", "1")]);
    assert!(found.lock_path().ends_with("x/ci.lock"));
    let both = Project::named(Some(Path::new("ci.toml")), Some(lock), &current).unwrap();
    assert_eq!(both.config_path(), current.join("ci.toml"));
    let lock_only = Project::named(Some(Path::new("ci.toml")), None, &current).unwrap();
    assert_eq!(lock_only.lock_path(), current.join(lock::FILE));
}

#[cfg(unix)]
#[test]
fn a_lock_that_cannot_be_read_is_not_passed_over() {
    let top = tempfile::tempdir().unwrap();
    let inner = top.path().join("a/b");
    fs::create_dir_all(&inner).unwrap();
    let path = top.path().join("a").join(lock::FILE);
    fs::write(top.path().join(config::FILE), "").unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let error = Project::discover(&inner).unwrap_err().to_string();
    let expected = format!("{}: it is a link, and leads to no file", path.display());
    assert_eq!(error, expected);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = Project::discover(&inner).unwrap_err().to_string();
    assert_eq!(error, format!("{}: it is a folder", path.display()));
    fs::remove_dir(&path).unwrap();
    assert!(Project::discover(&inner).unwrap().unwrap().has_config());
    // Names that the system cannot even look up say nothing about a lock.
    let error = Project::discover(&inner.join("x".repeat(300))).unwrap_err();
    let expected = format!("cannot look for `{}/", inner.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[test]
fn only_what_is_absent_counts_as_absent() {
    for (kind, expected) in [
        (io::ErrorKind::NotFound, true),
        (io::ErrorKind::NotADirectory, true),
        (io::ErrorKind::PermissionDenied, false),
        (io::ErrorKind::TimedOut, false),
    ] {
        assert_eq!(is_absence(&kind.into()), expected, "{kind}");
    }
}

#[cfg(unix)]
#[test]
fn an_edit_follows_a_link_of_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let shared = folder.path().join("shared.toml");
    fs::write(&shared, "# ours\n").unwrap();
    let path = folder.path().join(config::FILE);
    std::os::unix::fs::symlink("shared.toml", &path).unwrap();
    let mut project = Project::at(Some(&path), None).unwrap();
    add(&mut project, "redis").unwrap();
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    let text = fs::read_to_string(&shared).unwrap();
    assert_eq!(text, "# ours\n\n[plugins]\nredis = \"1\"\n");
}

#[test]
fn an_edit_writes_what_has_changed_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join(config::FILE);
    let mut project = Project::at(Some(&config), None).unwrap();
    project.edit(|_| Ok::<_, Error>(())).unwrap();
    assert!(names(folder.path()).is_empty());
    add(&mut project, "redis").unwrap();
    assert!(project.has_config());
    assert_eq!(names(folder.path()), [lock::FILE, config::FILE]);
    assert_eq!(
        fs::read_to_string(&config).unwrap(),
        "[plugins]\nredis = \"1\"\n"
    );
    let again = Project::discover(folder.path()).unwrap().unwrap();
    assert_eq!(
        again.lock.unwrap().to_string(),
        project.lock.as_ref().unwrap().to_string()
    );
    // A lock as git has it on another system is not written without need.
    let lock_path = folder.path().join(lock::FILE);
    let other = fs::read_to_string(&lock_path)
        .unwrap()
        .replace('\n', "\r\n");
    fs::write(&lock_path, &other).unwrap();
    add(&mut project, "redis").unwrap();
    assert_eq!(fs::read_to_string(&lock_path).unwrap(), other);
}

#[test]
fn an_edit_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = Project::at(Some(&folder.path().join(config::FILE)), None).unwrap();
    add(&mut project, "redis").unwrap();
    let before = project.config.to_string();
    let error = project
        .edit(|project| {
            project.config.remove_plugin(&name("redis"))?;
            project.lock_mut().remove(&name("redis"));
            Err::<(), _>(Error::Abi {
                text: "x".to_owned(),
            })
        })
        .unwrap_err();
    assert!(matches!(error, Error::Abi { .. }));
    assert_eq!(project.config.to_string(), before);
    assert_eq!(fs::read_to_string(project.config_path()).unwrap(), before);
    assert!(project.lock.unwrap().get(&name("redis")).is_some());
}

#[test]
fn an_edit_sees_what_others_wrote_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(config::FILE);
    let mut one = Project::at(Some(&path), None).unwrap();
    let mut other = one.clone();
    add(&mut one, "redis").unwrap();
    add(&mut other, "tcp").unwrap();
    assert_eq!(other.config.plugins().len(), 2);
    assert_eq!(other.lock.unwrap().plugins().len(), 2);
}

#[test]
fn editors_at_the_same_moment_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join(config::FILE);
    // In two folders, so that each editor holds two locks.
    let lock = folder.path().join("locks").join(lock::FILE);
    fs::create_dir(folder.path().join("locks")).unwrap();
    thread::scope(|scope| {
        for editor in ["a", "b", "c", "d"] {
            let (config, lock) = (&config, &lock);
            scope.spawn(move || {
                let mut project = Project::at(Some(config), Some(lock)).unwrap();
                for number in 0..10 {
                    add(&mut project, &format!("{editor}{number}")).unwrap();
                }
            });
        }
    });
    let project = Project::at(Some(&config), Some(&lock)).unwrap();
    assert_eq!(project.config.plugins().len(), 40);
    assert_eq!(project.lock.as_ref().unwrap().plugins().len(), 40);
    assert_eq!(project.disagreements().unwrap(), []);
}

#[test]
fn an_edit_sweeps_what_killed_ones_left_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let kept = [".writing-index.json-abcdef", "waitfor.lock.orig"];
    for name in [
        ".writing-waitfor.toml-abcdef",
        ".writing-waitfor.lock-abcdef",
    ]
    .iter()
    .chain(&kept)
    {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    let mut project = Project::at(Some(&folder.path().join(config::FILE)), None).unwrap();
    project.edit(|_| Ok::<_, Error>(())).unwrap();
    assert_eq!(names(folder.path()), kept);
}

#[test]
fn an_edit_says_which_file_it_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing").join(config::FILE);
    let mut project = Project::at(Some(&missing), None).unwrap();
    let error = add(&mut project, "redis").unwrap_err();
    assert_eq!(error.hint().as_deref(), Some("check the path"));
    let error = error.to_string();
    let expected = format!("cannot find `{}`: ", missing.parent().unwrap().display());
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn every_refusal_of_the_system_to_write_has_a_way_out() {
    for (kind, hint) in [
        (
            io::ErrorKind::PermissionDenied,
            "check the permissions of the file and of the folders above it",
        ),
        (io::ErrorKind::NotFound, "make its folder first"),
        (
            io::ErrorKind::ReadOnlyFilesystem,
            "work in a folder that can be written",
        ),
    ] {
        let error = Error::Io {
            action: "write",
            path: PathBuf::from(lock::FILE),
            source: kind.into(),
        };
        assert_eq!(error.hint().as_deref(), Some(hint));
    }
}

#[cfg(unix)]
#[test]
fn a_deleted_current_folder_has_no_project() {
    const INSIDE: &str = "WAITFOR_TEST_INSIDE_DELETED_FOLDER";
    if std::env::var_os(INSIDE).is_some() {
        std::env::current_dir().unwrap_err();
        assert!(Project::discover(Path::new(".")).unwrap().is_none());
        Project::at(Some(Path::new("/nowhere/waitfor.toml")), None).unwrap();
        return;
    }
    // The current folder is the whole process's, so this is another one.
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let test = "project::tests::a_deleted_current_folder_has_no_project";
    let output = std::process::Command::new("sh")
        .args(["-c", "rmdir \"$PWD\" && exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .current_dir(&inner)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn disagreements_are_named_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(config::FILE);
    fs::write(
        &path,
        "[plugins]\nredis = '1'\nvertica = '1.3'\ntcp = '~1.0'\nvault = '*'\nhttp = { version = '1', registry = 'h.example' }\n",
    )
    .unwrap();
    let mut project = Project::at(Some(&path), None).unwrap();
    let lock = project.lock_mut();
    for locked in [
        locked("vertica", "1.2", "1.2.4"),
        locked("tcp", "1.0", "1.0.7"),
        locked("vault", "*", "1.0.0"),
        locked("http", "1", "1.0.0"),
        locked("old", "1", "1.0.0"),
    ] {
        lock.set(locked);
    }
    let reference = |text| config::parse_requirement(text).unwrap();
    assert_eq!(
        project.disagreements().unwrap(),
        [
            Disagreement::Registry {
                name: name("http"),
                wanted: "h.example".parse().unwrap(),
                locked: Location::Official,
            },
            Disagreement::Unwanted {
                name: name("old"),
                version: "1.0.0".parse().unwrap(),
            },
            Disagreement::Missing {
                name: name("redis"),
                wanted: reference("1"),
            },
            Disagreement::Requirement {
                name: name("tcp"),
                wanted: reference("~1.0"),
                locked: reference("1.0"),
            },
            Disagreement::Version {
                name: name("vertica"),
                wanted: reference("1.3"),
                version: "1.2.4".parse().unwrap(),
            },
        ]
    );
    project.config.set_plugin(&wanted("acme/x", "1")).unwrap();
    project.lock_mut().set(locked("acme/x", "1", "1.0.0"));
    let error = project.disagreements().unwrap_err();
    assert!(matches!(error, Error::NoRegistry { .. }), "{error}");
}
