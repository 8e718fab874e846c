//! What the contract with plugins holds since which of its versions: a
//! component may be built against a newer contract than this program speaks,
//! and still run, where it uses nothing that is new there.

use crate::Abi;

/// The contract's package, as it stands before the name of an interface.
pub const PACKAGE: &str = "waitfor:probe/";

/// The contract that this program speaks.
pub const SPOKEN: Abi = Abi { major: 1, minor: 0 };

/// An interface that probes may import.
struct Interface {
    name: &'static str,
    /// Its resources and functions, as they are called inside a component,
    /// each with the minor version that brought it.
    items: &'static [(&'static str, u32)],
}

/// All of `wit/probe.wit` that probes may import.
const INTERFACES: &[Interface] = &[
    Interface {
        name: "types",
        items: &[],
    },
    Interface {
        name: "net",
        items: &[
            ("endpoint", 0),
            ("[method]endpoint.label", 0),
            ("[method]endpoint.scheme", 0),
            ("[method]endpoint.host", 0),
            ("[method]endpoint.port", 0),
            ("[method]endpoint.connect", 0),
            ("discover", 0),
            ("tls-options", 0),
            ("[constructor]tls-options", 0),
            ("[method]tls-options.server-name", 0),
            ("[method]tls-options.protocols", 0),
            ("[method]tls-options.verification", 0),
            ("connection", 0),
            ("[method]connection.read", 0),
            ("[method]connection.write", 0),
            ("[method]connection.start-tls", 0),
            ("[method]connection.limit", 0),
        ],
    },
    Interface {
        name: "params",
        items: &[
            ("secret", 0),
            ("[method]secret.reveal", 0),
            ("values", 0),
            ("secrets", 0),
        ],
    },
    Interface {
        name: "entropy",
        items: &[("bytes", 0)],
    },
    Interface {
        name: "report",
        items: &[("stage", 0), ("log", 0)],
    },
];

impl Abi {
    /// Whether a host that speaks this contract can run what needs `needed`.
    pub fn speaks(self, needed: Self) -> bool {
        self.major == needed.major && self.minor >= needed.minor
    }
}

/// The contract that the use of `items` of the interface `name`, imported in
/// the version `import`, needs. Where the items cannot be told, it is the
/// whole of `import`.
///
/// # Errors
/// With the name of what no contract of that version has.
pub(crate) fn needed(
    name: &str,
    import: Abi,
    items: Option<&[String]>,
) -> Result<Abi, Option<String>> {
    // What a newer contract brought is known by nothing but its version.
    let newer = SPOKEN.major == import.major && SPOKEN.minor < import.minor;
    let Some(interface) = INTERFACES.iter().find(|interface| interface.name == name) else {
        return if newer { Ok(import) } else { Err(None) };
    };
    let Some(items) = items else {
        return Ok(import);
    };
    let mut minor = 0;
    for item in items {
        let known = interface.items.iter().find(|(known, _)| known == item);
        minor = minor.max(match known {
            Some((_, since)) => *since,
            None if newer => import.minor,
            None => return Err(Some(item.clone())),
        });
    }
    Ok(Abi {
        major: import.major,
        minor,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use wit_parser::{InterfaceId, Resolve, Stability, TypeDefKind, WorldItem};

    use super::*;

    fn minor(stability: &Stability, interface: u32) -> u32 {
        match stability {
            Stability::Stable { since, .. } => u32::try_from(since.minor).unwrap(),
            _ => interface,
        }
    }

    fn items(resolve: &Resolve, id: InterfaceId) -> BTreeSet<(String, u32)> {
        let interface = &resolve.interfaces[id];
        let since = minor(&interface.stability, 0);
        let functions = interface
            .functions
            .iter()
            .map(|(name, function)| (name.clone(), minor(&function.stability, since)));
        let resources = interface
            .types
            .iter()
            .filter(|(_, id)| matches!(resolve.types[**id].kind, TypeDefKind::Resource))
            .map(|(name, id)| (name.clone(), minor(&resolve.types[*id].stability, since)));
        functions.chain(resources).collect()
    }

    /// The table is the contract: nothing is missing, nothing is too much.
    #[test]
    fn the_table_is_what_the_contract_says() {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(&folder).unwrap();
        let package = &resolve.packages[package];
        let version = package.name.version.as_ref().unwrap();
        let spoken = (u64::from(SPOKEN.major), u64::from(SPOKEN.minor));
        assert_eq!((version.major, version.minor), spoken);

        let world = &resolve.worlds[package.worlds["probe"]];
        let imported = world.imports.values().map(|item| match item {
            WorldItem::Interface { id, .. } => *id,
            other => panic!("the world imports {other:?}"),
        });
        let contract: Vec<(String, BTreeSet<(String, u32)>)> = imported
            .map(|id| {
                let name = resolve.interfaces[id].name.clone().unwrap();
                (name, items(&resolve, id))
            })
            .collect();
        let table: Vec<(String, BTreeSet<(String, u32)>)> = INTERFACES
            .iter()
            .map(|interface| {
                let items = interface.items.iter();
                let items = items.map(|(name, since)| ((*name).to_owned(), *since));
                (interface.name.to_owned(), items.collect())
            })
            .collect();
        assert_eq!(table, contract);
        assert!(contract.iter().any(|(_, items)| items.len() > 10));
    }

    #[test]
    fn a_host_speaks_its_own_major_up_to_its_own_minor() {
        let abi = |text: &str| text.parse::<Abi>().unwrap();
        for (host, needed, speaks) in [
            ("1.0", "1.0", true),
            ("1.4", "1.0", true),
            ("1.0", "1.1", false),
            ("2.0", "1.0", false),
            ("1.9", "2.0", false),
        ] {
            assert_eq!(abi(host).speaks(abi(needed)), speaks, "{host} {needed}");
        }
    }
}
