use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{Digest, Reference, Release, Version};

/// The official probes of this checkout, as the program embeds them.
fn official() -> Embedded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("official");
    let mut blobs: Vec<(&'static str, &'static [u8])> = Vec::new();
    for entry in fs::read_dir(folder.join("blobs/sha256")).unwrap() {
        let entry = entry.unwrap();
        let name: &'static str = entry.file_name().into_string().unwrap().leak();
        blobs.push((name, fs::read(entry.path()).unwrap().leak()));
    }
    blobs.sort();
    Embedded::new(
        fs::read(folder.join("index.json")).unwrap().leak(),
        blobs.leak(),
    )
}

/// A component that exports the contract; each version has bytes of its own.
fn component(version: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(component (instance $i) (export "waitfor:probe/probing@1.0.0" (instance $i))
            (core module (@custom "version" "{version}")))"#
    ))
    .unwrap()
}

/// A project folder with a folder registry `probes` and a store.
struct Fixture {
    folder: TempDir,
}

const BOUND: &str = "[registries]\nacme = \"oci:probes\"\n";

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Layout::create(folder.path().join("probes")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn publish(&self, version: &str) -> Published {
        let layout = Layout::open(self.path("probes")).unwrap();
        let bytes = component(version);
        let release = Release {
            name: billing(),
            version: version.parse().unwrap(),
            component: &bytes,
            schemes: vec!["billing".to_owned()],
            summary: "invoices are written".to_owned(),
            licenses: None,
            source: None,
            revision: None,
        };
        Registry::publish(&layout, &release).unwrap();
        let version: Version = version.parse().unwrap();
        Registry::find(&layout, &billing(), &version)
            .unwrap()
            .unwrap()
    }

    fn configure(&self, text: &str) -> &Self {
        fs::write(self.path("waitfor.toml"), text).unwrap();
        self
    }

    fn lock(&self, published: &Published, requirement: &str) -> &Self {
        let path = self.path("waitfor.lock");
        let mut lock = crate::Lock::new(&path);
        lock.set(Locked {
            name: published.name.clone(),
            requirement: requirement.parse().unwrap(),
            version: published.version.clone(),
            registry: "oci:probes".parse().unwrap(),
            component: published.component,
            size: published.size,
            abi: published.abi,
            schemes: published.schemes.clone(),
        });
        fs::write(path, lock.to_string()).unwrap();
        self
    }

    fn open(&self, change: impl FnOnce(&mut Options)) -> Supply {
        let mut options = Options {
            locked: false,
            offline: false,
            config: None,
            lock_file: None,
            store: Some(self.path("store")),
            timeout: Duration::from_secs(5),
        };
        change(&mut options);
        Supply::open(official(), options, self.folder.path()).unwrap()
    }
}

fn billing() -> Name {
    "acme/billing".parse().unwrap()
}

fn choose(supply: &Supply, wanted: &str) -> Result<Chosen> {
    let wanted: crate::PluginRef = wanted.parse().unwrap();
    supply.choose(&wanted.name, &wanted.reference)
}

#[track_caller]
fn refuses<T: std::fmt::Debug>(result: Result<T>, message: &str, hint: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), message);
    assert_eq!(error.hint().as_deref(), Some(hint));
}

#[test]
fn a_plain_name_is_the_programs_own_probe() {
    let fixture = Fixture::new();
    fixture.configure("[registries]\ndefault = \"oci:probes\"\n");
    for supply in [fixture.open(|_| {}), fixture.open(|one| one.offline = true)] {
        let chosen = choose(&supply, "redis").unwrap();
        assert_eq!(chosen.plugin.registry, Location::Official);
        assert_eq!((chosen.pinned, chosen.note()), (false, None));
        let supplied = supply.bytes(&chosen).unwrap();
        assert_eq!(supplied.origin, Origin::Official);
        assert_eq!(Digest::of(&supplied.bytes), chosen.plugin.component);
    }
}

#[test]
fn what_may_be_another_version_tomorrow_is_noted() {
    let fixture = Fixture::new();
    let one = fixture.publish("1.0.0");
    fixture.configure(BOUND);
    let supply = fixture.open(|_| {});
    let digest = one.component;
    let noted = [
        (
            "vertica@1.2",
            Some(
                "vertica@1.2 is not pinned, and 1.2.1 was taken; `waitfor plugin add vertica@1.2` pins it",
            ),
        ),
        ("vertica@1.2.0", None),
        ("vertica", None),
        (
            "acme/billing",
            Some(
                "acme/billing is not pinned, and 1.0.0 was taken; `waitfor plugin add acme/billing` pins it",
            ),
        ),
        ("acme/billing@1.0.0", None),
        (&format!("acme/billing@{digest}"), None),
    ];
    for (wanted, note) in noted {
        assert_eq!(
            choose(&supply, wanted).unwrap().note().as_deref(),
            note,
            "{wanted}"
        );
    }
}

#[test]
fn a_lock_decides() {
    let fixture = Fixture::new();
    let old = fixture.publish("1.0.0");
    fixture.publish("1.1.0");
    fixture.configure(BOUND).lock(&old, "1");
    let supply = fixture.open(|_| {});
    for wanted in ["acme/billing", "acme/billing@1", "acme/billing@1.0.0"] {
        let chosen = choose(&supply, wanted).unwrap();
        assert_eq!(chosen.plugin.version.to_string(), "1.0.0");
        assert!(chosen.pinned && chosen.note().is_none());
    }
    refuses(
        choose(&supply, "acme/billing@1.1"),
        "acme/billing is locked at 1.0.0, and `acme/billing@1.1` does not allow it",
        "run `waitfor plugin add acme/billing@1.1` and commit both files, or ask for the locked version",
    );
}

#[test]
fn a_lock_that_does_not_fit_its_configuration_is_refused() {
    let fixture = Fixture::new();
    let old = fixture.publish("1.0.0");
    let lock = fixture.path("waitfor.lock");
    let lock = lock.display();
    let mend = "run `waitfor plugin lock` and commit the lock";
    let plugins = |text: &str| format!("[plugins]\n{text}\n{BOUND}");

    fixture
        .configure(&plugins("\"acme/billing\" = \"2\""))
        .lock(&old, "1");
    refuses(
        choose(&fixture.open(|_| {}), "acme/billing"),
        "acme/billing is locked at 1.0.0, and waitfor.toml asks for `2`",
        mend,
    );
    let strict = fixture.open(|options| options.locked = true);
    refuses(
        strict.check_locked(),
        &format!(
            "{lock} and waitfor.toml disagree: acme/billing is wanted as `2` and locked at 1.0.0"
        ),
        mend,
    );

    fixture.configure(&plugins(
        "\"acme/billing\" = \"1\"\n\"acme/ledger\" = \"1\"",
    ));
    refuses(
        choose(&fixture.open(|_| {}), "acme/ledger"),
        &format!("acme/ledger is in waitfor.toml and not in {lock}"),
        mend,
    );
    // What nobody speaks of is taken, unless that is forbidden.
    assert!(choose(&fixture.open(|_| {}), "redis").is_ok());
    refuses(
        choose(&fixture.open(|options| options.locked = true), "redis"),
        "redis is not locked, and --locked allows nothing else",
        "run `waitfor plugin add redis` and commit both files",
    );
}

#[test]
fn two_requests_that_exclude_each_other_are_refused() {
    let fixture = Fixture::new();
    fixture.publish("1.0.0");
    fixture.publish("2.0.0");
    fixture.configure(&format!("[plugins]\n\"acme/billing\" = \"1\"\n{BOUND}"));
    let supply = fixture.open(|_| {});
    let chosen = choose(&supply, "acme/billing").unwrap();
    assert_eq!(chosen.plugin.version.to_string(), "1.0.0");
    refuses(
        choose(&supply, "acme/billing@2"),
        "waitfor.toml asks for acme/billing 1, and the command line for `acme/billing@2`: 2.0.0 is not both",
        "change one of the two; `waitfor plugin add acme/billing@2` changes waitfor.toml",
    );
}

#[test]
fn bytes_come_from_the_nearest_place_and_are_hashed_there() {
    let fixture = Fixture::new();
    let published = fixture.publish("1.0.0");
    fixture
        .configure(&format!("{BOUND}[vendor]\nfolder = \"probes\"\n"))
        .lock(&published, "1");
    let supply = fixture.open(|options| options.offline = true);
    let chosen = choose(&supply, "acme/billing").unwrap();
    let supplied = supply.bytes(&chosen).unwrap();
    assert_eq!(supplied.bytes, component("1.0.0"));
    assert_eq!(supplied.origin, Origin::Vendor(fixture.path("probes")));

    let blob = fixture
        .path("probes/blobs/sha256")
        .join(published.component.hex());
    let mut bytes = fs::read(&blob).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&blob, &bytes).unwrap();
    refuses(
        supply.bytes(&chosen),
        &format!(
            "acme/billing@1.0.0 in `{}` has other bytes than were locked: {}, not {}",
            fixture.path("probes").display(),
            Digest::of(&bytes),
            published.component
        ),
        "none of it was used; `waitfor plugin vendor` puts the right bytes there",
    );
}

#[test]
fn a_wrong_size_in_the_lock_is_the_locks_mistake() {
    let fixture = Fixture::new();
    let mut published = fixture.publish("1.0.0");
    let right = published.size;
    published.size = 1;
    let said = format!(
        "the lock says that acme/billing@1.0.0 has 1 bytes, and {} has {right}",
        published.component
    );
    let advice = "take the lock back from version control, or run `waitfor plugin remove acme/billing` and `waitfor plugin add acme/billing`";
    for config in [
        BOUND.to_owned(),
        format!("{BOUND}[vendor]\nfolder = \"probes\"\n"),
    ] {
        fixture.configure(&config).lock(&published, "1");
        let supply = fixture.open(|_| {});
        let chosen = choose(&supply, "acme/billing").unwrap();
        refuses(supply.bytes(&chosen), &said, advice);
    }
    Store::at(fixture.path("store"))
        .put(&component("1.0.0"))
        .unwrap();
    fixture.configure("[registries]\nacme = \"127.0.0.1:9/probes\"\n");
    let lock = fs::read_to_string(fixture.path("waitfor.lock")).unwrap();
    let lock = lock.replace("oci:probes", "127.0.0.1:9/probes");
    fs::write(fixture.path("waitfor.lock"), lock).unwrap();
    let supply = fixture.open(|_| {});
    let chosen = choose(&supply, "acme/billing").unwrap();
    refuses(supply.bytes(&chosen), &said, advice);
}

#[test]
fn a_version_that_was_exchanged_is_refused() {
    let fixture = Fixture::new();
    let published = fixture.publish("1.0.0");
    let mut exchanged = published.clone();
    exchanged.component = Digest::of(b"what was locked");
    fixture.configure(BOUND).lock(&exchanged, "1");
    let supply = fixture.open(|_| {});
    let chosen = choose(&supply, "acme/billing").unwrap();
    refuses(
        supply.bytes(&chosen),
        &format!(
            "acme/billing@1.0.0 at oci:probes has other bytes than were locked: {}, not {}",
            published.component, exchanged.component
        ),
        "a published version never changes: do not run these bytes, and ask the publisher of acme/billing what happened",
    );
}

#[test]
fn without_a_network_the_places_are_named() {
    let fixture = Fixture::new();
    let published = fixture.publish("1.0.0");
    fixture.configure("[registries]\nacme = \"127.0.0.1:9/probes\"\n");
    let supply = fixture.open(|options| options.offline = true);
    let mut chosen = choose(&fixture.open(|_| {}), "redis").unwrap();
    let locked = &mut chosen.plugin;
    locked.name = billing();
    locked.version = published.version;
    locked.component = published.component;
    locked.registry = "127.0.0.1:9/probes".parse().unwrap();
    let store = fixture.path("store");
    let path = Store::at(&store).path_of(&published.component);
    refuses(
        supply.bytes(&chosen),
        &format!(
            "acme/billing@1.0.0 is not at hand, and --offline forbids to fetch it; it was looked for in this program, `{}`",
            path.display()
        ),
        "run `waitfor plugin fetch` while there is a network, or `waitfor plugin vendor`",
    );
    refuses(
        choose(&supply, "acme/billing@1"),
        "no version of acme/billing is at hand, and --offline forbids to ask 127.0.0.1:9/probes",
        "run `waitfor plugin add acme/billing` while there is a network",
    );
}

#[test]
fn a_yanked_version_runs_on_where_it_is_locked_and_nowhere_else() {
    let fixture = Fixture::new();
    let published = fixture.publish("1.0.0");
    let layout = Layout::open(fixture.path("probes")).unwrap();
    let reason = "says ready too early".to_owned();
    layout
        .declare(&published, &Standing::Yanked { reason })
        .unwrap();
    fixture.configure(BOUND);
    let error = choose(&fixture.open(|_| {}), "acme/billing").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`acme/billing` cannot be used: 1.0.0 is yanked: says ready too early"
    );
    fixture.lock(&published, "1");
    let chosen = choose(&fixture.open(|_| {}), "acme/billing").unwrap();
    assert_eq!(chosen.standing.reason(), Some("says ready too early"));
}

#[test]
fn everything_that_can_be_named_is_at_hand_once() {
    let fixture = Fixture::new();
    let published = fixture.publish("1.0.0");
    fixture.configure(BOUND).lock(&published, "1");
    let all = fixture.open(|_| {}).at_hand_all(true).unwrap();
    let names: Vec<String> = all.iter().map(|one| one.plugin.name.to_string()).collect();
    assert_eq!(
        names,
        [
            "acme/billing",
            "http",
            "postgres",
            "redis",
            "tcp",
            "vault",
            "vertica"
        ]
    );
    assert!(
        all.iter()
            .all(|one| one.pinned == (one.plugin.name == billing()))
    );
    assert!(
        all.iter()
            .all(|one| one.plugin.requirement == Reference::Newest || one.pinned)
    );
}

/// What the store holds of a registry, as other projects left it there.
fn left_by_others(fixture: &Fixture, name: &str, scheme: &str) {
    let store = Store::at(fixture.path("store"));
    let bytes = component(name);
    let digest = store.put(&bytes).unwrap();
    let mut published = official().published().unwrap().swap_remove(0);
    published.name = name.parse().unwrap();
    published.component = digest;
    published.size = bytes.len() as u64;
    published.schemes = vec![scheme.to_owned()];
    store
        .remember(&Record {
            registry: "127.0.0.1:9/probes".to_owned(),
            published,
        })
        .unwrap();
}

#[test]
fn what_others_fetched_decides_nothing_where_there_is_a_lock() {
    let fixture = Fixture::new();
    let published = fixture.publish("1.0.0");
    left_by_others(&fixture, "aaa/billing", "billing");
    let bound = format!("{BOUND}aaa = \"127.0.0.1:9/probes\"\n");
    fixture.configure(&bound).lock(&published, "1");
    let first = |supply: &Supply, scheme: &str| {
        let (all, problem) = supply.routable().unwrap();
        assert_eq!(problem, None);
        let mut all = all.into_iter();
        let found = all.find(|one| one.plugin.schemes.iter().any(|known| known == scheme));
        found.map(|chosen| chosen.plugin.name.to_string())
    };
    let supply = fixture.open(|_| {});
    assert_eq!(first(&supply, "billing").as_deref(), Some("acme/billing"));
    let (all, _) = supply.routable().unwrap();
    assert!(
        all.iter()
            .all(|one| one.plugin.name.as_str() != "aaa/billing")
    );

    fs::remove_file(fixture.path("waitfor.lock")).unwrap();
    let loose = fixture.open(|_| {});
    assert_eq!(first(&loose, "billing").as_deref(), Some("aaa/billing"));
    let strict = fixture.open(|options| options.locked = true);
    assert_eq!(first(&strict, "billing"), None);
}

#[test]
fn nobody_takes_a_scheme_from_an_official_probe() {
    let fixture = Fixture::new();
    left_by_others(&fixture, "aaredis", "redis");
    fixture.configure("[registries]\ndefault = \"127.0.0.1:9/probes\"\n");
    let (all, _) = fixture.open(|_| {}).routable().unwrap();
    let answers = |one: &&Chosen| one.plugin.schemes.iter().any(|known| known == "redis");
    let names: Vec<String> = all
        .iter()
        .filter(answers)
        .map(|one| one.plugin.name.to_string())
        .collect();
    assert_eq!(names, ["redis", "aaredis"]);
}
