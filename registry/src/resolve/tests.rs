//! Which version is taken, which are passed over, and what is said of it.

use std::cell::RefCell;

use proptest::prelude::*;

use super::*;
use crate::oci::Annotations;
use crate::{Digest, Layout, Release};

fn published(name: &str, version: &str) -> Published {
    let component = Digest::of(format!("{name}@{version}").as_bytes());
    Published {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        component,
        size: 1,
        manifest: component,
        schemes: vec!["redis".to_owned()],
        abi: contract::SPOKEN,
        summary: "works".to_owned(),
        annotations: Annotations::new(),
        standing: Standing::Good,
    }
}

fn yanked(name: &str, version: &str) -> Published {
    Published {
        standing: Standing::Yanked {
            reason: "says ready too early".to_owned(),
        },
        ..published(name, version)
    }
}

fn too_new(name: &str, version: &str) -> Published {
    Published {
        abi: Abi { major: 1, minor: 9 },
        ..published(name, version)
    }
}

fn find(all: &[Published], wanted: &str) -> Result<Version> {
    let wanted: PluginRef = wanted.parse().unwrap();
    resolve_among(all, &wanted.name, &wanted.reference).map(|found| found.version.clone())
}

fn said(all: &[Published], wanted: &str) -> (String, String) {
    let error = find(all, wanted).unwrap_err();
    (error.to_string(), error.hint().unwrap())
}

fn plain() -> Vec<Published> {
    ["1.2.0", "1.10.0", "2.0.0-rc.1", "1.2.9", "1.9.0"]
        .map(|version| published("redis", version))
        .into_iter()
        .chain([
            published("tcp", "1.0.0-rc.1"),
            published("acme/redis", "7.0.0"),
        ])
        .collect()
}

#[test]
fn takes_the_newest_that_will_do() {
    let pinned = format!("redis@{}", published("redis", "1.2.0").component);
    let cases = [
        ("redis", "1.10.0"),
        ("redis@1", "1.10.0"),
        ("redis@1.2", "1.2.9"),
        ("redis@1.2.0", "1.2.0"),
        ("redis@~1.9", "1.9.0"),
        ("redis@2.0.0-rc.1", "2.0.0-rc.1"),
        ("acme/redis", "7.0.0"),
        (&pinned, "1.2.0"),
    ];
    for (wanted, expected) in cases {
        let found = find(&plain(), wanted).unwrap();
        assert_eq!(found.to_string(), expected, "{wanted}");
    }
}

#[test]
fn says_what_there_is_where_nothing_matches() {
    let digest = Digest::of(b"other");
    let at_hand = published("tcp", "1.0.0-rc.1").component;
    let cases = [
        (
            "nosuch@1".to_owned(),
            "there is no plugin `nosuch`".to_owned(),
            "there are acme/redis, redis, tcp".to_owned(),
        ),
        (
            "redis@3".to_owned(),
            "no version of `redis` matches 3".to_owned(),
            "there are 2.0.0-rc.1, 1.10.0, 1.9.0, 1.2.9, 1.2.0".to_owned(),
        ),
        (
            "redis@2".to_owned(),
            "no version of `redis` matches 2".to_owned(),
            "there are 2.0.0-rc.1, 1.10.0, 1.9.0, 1.2.9, 1.2.0".to_owned(),
        ),
        (
            "tcp".to_owned(),
            "no version of `tcp` matches a release".to_owned(),
            "there are 1.0.0-rc.1".to_owned(),
        ),
        (
            format!("tcp@{digest}"),
            format!("no version of `tcp` has the digest {digest}"),
            format!("there are 1.0.0-rc.1 with {at_hand}"),
        ),
    ];
    for (wanted, message, hint) in cases {
        assert_eq!(said(&plain(), &wanted), (message, hint));
    }
}

#[test]
fn passes_over_what_may_not_be_taken() {
    let mut all = plain();
    all.extend([
        too_new("redis", "1.11.0"),
        yanked("redis", "1.10.1"),
        yanked("redis", "1.2.10"),
    ]);
    all.push(Published {
        standing: Standing::Deprecated {
            reason: "use 2".to_owned(),
        },
        ..published("tcp", "0.9.0")
    });
    for (wanted, expected) in [
        ("redis", "1.10.0"),
        ("redis@^1.2", "1.10.0"),
        ("redis@1.2", "1.2.9"),
        ("tcp", "0.9.0"),
    ] {
        assert_eq!(find(&all, wanted).unwrap().to_string(), expected);
    }
}

#[test]
fn says_why_nothing_may_be_taken_and_what_may() {
    let mut all = plain();
    all.extend([
        too_new("redis", "3.1.0"),
        yanked("redis", "3.0.0"),
        yanked("tcp", "1.0.0"),
        too_new("ftp", "1.0.0"),
    ]);
    let too_new = "3.1.0 needs waitfor:probe 1.9, and this waitfor speaks 1.0";
    let cases = [
        (
            "redis@3",
            format!("`redis@3` cannot be used: {too_new}; 3.0.0 is yanked: says ready too early"),
            "take redis@1.10.0, the newest that can be used, or install a newer waitfor",
        ),
        (
            "redis@3.1.0",
            format!("`redis@3.1.0` cannot be used: {too_new}"),
            "take redis@1.10.0, the newest that can be used, or install a newer waitfor",
        ),
        (
            "redis@3.0",
            "`redis@3.0` cannot be used: 3.0.0 is yanked: says ready too early".to_owned(),
            "take redis@1.10.0, the newest that can be used",
        ),
        (
            "tcp",
            "`tcp` cannot be used: 1.0.0 is yanked: says ready too early".to_owned(),
            "wait for a new version, or ask its publisher",
        ),
        (
            "ftp@1",
            "`ftp@1` cannot be used: 1.0.0 needs waitfor:probe 1.9, and this waitfor speaks 1.0"
                .to_owned(),
            "install a newer waitfor",
        ),
    ];
    for (wanted, message, hint) in cases {
        assert_eq!(said(&all, wanted), (message, hint.to_owned()));
    }
    let bytes = format!("redis@{}", yanked("redis", "3.0.0").component);
    let (message, _) = said(&all, &bytes);
    let expected = format!("`{bytes}` cannot be used: 3.0.0 is yanked: says ready too early");
    assert_eq!(message, expected);

    let many: Vec<Published> = (0..9)
        .map(|patch| yanked("redis", &format!("1.0.{patch}")))
        .collect();
    let (message, _) = said(&many, "redis");
    assert!(
        message.ends_with("; and so on for 4 older ones"),
        "{message}"
    );
}

#[test]
fn the_same_bytes_twice_are_taken_where_they_are_not_yanked() {
    let good = published("redis", "1.0.0");
    let mut again = yanked("redis", "1.0.1");
    again.component = good.component;
    let wanted = format!("redis@{}", good.component);
    assert_eq!(find(&[good, again], &wanted).unwrap().to_string(), "1.0.0");
}

/// A folder that notes what it is asked for, and lists versions that it
/// does not have.
struct Asked {
    layout: Layout,
    lost: Vec<Version>,
    found: RefCell<Vec<String>>,
}

impl Registry for Asked {
    fn place(&self) -> String {
        "the folder".to_owned()
    }

    fn versions(&self, name: &Name) -> Result<Vec<Version>> {
        let mut versions = self.layout.versions(name)?;
        versions.extend(self.lost.iter().cloned());
        Ok(versions)
    }

    fn find(&self, name: &Name, version: &Version) -> Result<Option<Published>> {
        self.found.borrow_mut().push(version.to_string());
        self.layout.find(name, version)
    }

    fn component(&self, published: &Published) -> Result<Vec<u8>> {
        self.layout.component(published)
    }

    fn documents(&self, published: &Published) -> Result<crate::Documents> {
        self.layout.documents(published)
    }

    fn publish(&self, release: &Release<'_>) -> Result<crate::Added> {
        self.layout.publish(release)
    }

    fn declare(&self, published: &Published, standing: &Standing) -> Result<()> {
        self.layout.declare(published, standing)
    }
}

fn billing() -> Name {
    "acme/billing".parse().unwrap()
}

/// Publishes the same bytes under each of `versions`.
fn publish(registry: &Asked, versions: &[&str]) {
    let bytes = wat::parse_str(
        r#"(component (instance $p) (export "waitfor:probe/probing@1.0.0" (instance $p)))"#,
    )
    .unwrap();
    for version in versions {
        let release = Release {
            name: billing(),
            version: version.parse().unwrap(),
            component: &bytes,
            schemes: vec!["billing".to_owned()],
            summary: "answers".to_owned(),
            licenses: None,
            source: None,
            revision: None,
        };
        registry.publish(&release).unwrap();
    }
}

#[test]
fn a_version_that_is_listed_and_not_there_is_no_reason_to_take_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Asked {
        layout: Layout::create(folder.path()).unwrap(),
        lost: ["1.2.0", "0.9.0"].map(|text| text.parse().unwrap()).into(),
        found: RefCell::default(),
    };
    publish(&registry, &["1.0.0", "1.1.0"]);
    let found = |reference: Reference| {
        let resolved = resolve(&registry, &billing(), &reference, contract::SPOKEN)?;
        Ok::<_, Error>(resolved.published)
    };
    for (wanted, version) in [
        ("acme/billing", "1.2.0"),
        ("acme/billing@1", "1.2.0"),
        ("acme/billing@1.2.0", "1.2.0"),
        ("acme/billing@0.9", "0.9.0"),
    ] {
        let wanted: PluginRef = wanted.parse().unwrap();
        let error = found(wanted.reference).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`acme/billing@{version}` is listed in the folder, and its manifest is not there"
            )
        );
        assert!(error.hint().unwrap().contains("by its number"));
    }
    // Those that are there are had by what they are.
    let older = found("1.1".parse().unwrap()).unwrap();
    assert_eq!(older.version.to_string(), "1.1.0");
    let same = found(Reference::Bytes(older.component)).unwrap();
    assert_eq!(same, older);
    let error = found(Reference::Bytes(Digest::of(b"other"))).unwrap_err();
    let hint = error.hint().unwrap();
    assert!(
        hint.ends_with("; listed, and not there: 1.2.0, 0.9.0"),
        "{hint}"
    );
}

#[test]
fn a_registry_is_asked_for_no_more_than_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Asked {
        layout: Layout::create(folder.path()).unwrap(),
        lost: Vec::new(),
        found: RefCell::default(),
    };
    let name = billing();
    let newest = |registry: &Asked| resolve(registry, &name, &Reference::Newest, contract::SPOKEN);
    let error = newest(&registry).unwrap_err();
    let expected = "the folder holds no version of `acme/billing`";
    assert_eq!(error.to_string(), expected);

    publish(&registry, &["1.0.0", "1.0.1", "1.1.0", "1.2.0-rc.1"]);
    let newest_version = "1.1.0".parse().unwrap();
    let bad = registry
        .layout
        .find(&name, &newest_version)
        .unwrap()
        .unwrap();
    let reason = "says ready too early".to_owned();
    registry
        .declare(&bad, &Standing::Yanked { reason })
        .unwrap();

    let resolved = newest(&registry).unwrap();
    assert_eq!(resolved.published.version.to_string(), "1.0.1");
    let passed: Vec<String> = resolved.passed.iter().map(ToString::to_string).collect();
    assert_eq!(passed, ["1.1.0 is yanked: says ready too early"]);
    assert_eq!(*registry.found.borrow(), ["1.1.0", "1.0.1"]);
}

proptest! {
    /// Against a plain search through all of them.
    #[test]
    fn takes_the_newest_of_those_that_may_be_taken(
        versions in prop::collection::btree_map((0_u8..3, 0_u8..3, 0_u8..3, any::<bool>()), 0_u8..4, 1..12),
        wanted in r"redis(@(\^|~|>=)?[0-2](\.[0-2](\.[0-2])?)?)?",
    ) {
        let all: Vec<Published> = versions
            .iter()
            .map(|((major, minor, patch, pre), kind)| {
                let pre = if *pre { "-rc.1" } else { "" };
                let version = format!("{major}.{minor}.{patch}{pre}");
                match kind {
                    0 => yanked("redis", &version),
                    1 => too_new("redis", &version),
                    _ => published("redis", &version),
                }
            })
            .collect();
        let reference: PluginRef = wanted.parse().unwrap();
        let expected = all
            .iter()
            .filter(|one| match &reference.reference {
                Reference::Version(requirement) => requirement.matches(&one.version),
                _ => true,
            })
            .filter(|one| !one.version.is_prerelease())
            .filter(|one| one.standing == Standing::Good && one.abi == contract::SPOKEN)
            .map(|one| one.version.clone())
            .max();
        match find(&all, &wanted) {
            Ok(found) => prop_assert_eq!(Some(found), expected),
            Err(error) => {
                prop_assert_eq!(expected, None);
                // Whatever a message names as usable is.
                if let Error::NoneUsable { usable: Some(usable), .. } = error {
                    let one = all.iter().find(|one| one.version == usable).unwrap();
                    prop_assert!(obstacle(one, contract::SPOKEN).is_none());
                }
            }
        }
    }
}
