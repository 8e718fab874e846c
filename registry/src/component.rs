//! What a component needs and offers, read from its border without compiling
//! it, so that nothing but a probe is ever published, and none is taken up
//! that this program could not run.
//!
//! The binary format is the component model's; the rule by which a version
//! that is imported meets one that is there is wasmtime's: within a major
//! version (within a minor one of major 0) every version meets every other.

use std::rc::Rc;

use semver::Version as Semver;
use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentExternalKind,
    ComponentOuterAliasKind, ComponentType, ComponentTypeRef, CoreType, Encoding, Parser, Payload,
    TypeBounds,
};

use crate::oci::{self, Interfaces};
use crate::{Abi, Error, Result, contract};

/// The interface that every probe exports, without its version.
pub const PROBING: &str = "waitfor:probe/probing";

/// The packages of WASI 0.2 that a probe may import; all but HTTP, which is a
/// way out that the host does not see.
pub const WASI: &[&str] = &["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// How deep the types of a component may be nested. Its reader recurses, and
/// real ones need three.
const MAX_DEPTH: u32 = 32;

/// A component that exports the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its imports and exports, in the order of the component.
    pub interfaces: Interfaces,
    /// The version of the contract that it needs: the lowest that has all
    /// that it imports.
    pub abi: Abi,
}

/// Reads the border of a component.
///
/// # Errors
/// [`Error::NotAProbe`] where `bytes` are no component, are more than
/// [`oci::MAX_COMPONENT`], do not export the contract, or import what no
/// probe is given. What is built for another major version of the contract is
/// none of these: nobody here knows what it may import.
pub fn inspect(bytes: &[u8]) -> Result<Probe> {
    if bytes.len() as u64 > oci::MAX_COMPONENT {
        return Err(not_a_probe(format!(
            "it has {} bytes, more than {}",
            bytes.len(),
            oci::MAX_COMPONENT
        )));
    }
    let border = border(bytes)?;
    let abi = abi(&border).map_err(not_a_probe)?;
    let imports = border.imports.into_iter().map(|import| import.name);
    Ok(Probe {
        interfaces: Interfaces {
            exports: border.exports,
            imports: imports.collect(),
        },
        abi,
    })
}

/// What stands at the border of a component.
#[derive(Default)]
struct Border {
    exports: Vec<String>,
    imports: Vec<Import>,
}

struct Import {
    name: String,
    /// The functions and resources that an imported instance must have; none
    /// where its type cannot be told.
    items: Option<Rc<[String]>>,
}

fn abi(border: &Border) -> std::result::Result<Abi, String> {
    let offered: Vec<Abi> = border
        .exports
        .iter()
        .filter_map(|export| version(export.strip_prefix(PROBING)?))
        .map(|version| version.1)
        .collect();
    let spoken = offered
        .iter()
        .find(|abi| abi.major == contract::SPOKEN.major);
    let Some(spoken) = spoken else {
        let other = offered.first();
        return other
            .copied()
            .ok_or_else(|| format!("it does not export {PROBING}"));
    };
    let mut needed = Abi {
        major: spoken.major,
        minor: 0,
    };
    for import in &border.imports {
        if let Some(abi) = judge(import)? {
            needed = needed.max(abi);
        }
    }
    Ok(needed)
}

/// What an import needs of the contract; none where it is WASI's.
fn judge(import: &Import) -> std::result::Result<Option<Abi>, String> {
    let name = &import.name;
    let refused = || format!("it imports {name}, which no probe is given");
    if let Some(rest) = name.strip_prefix("wasi:") {
        let (package, rest) = rest.split_once('/').ok_or_else(refused)?;
        let (_, rest) = rest.split_at(rest.find('@').ok_or_else(refused)?);
        let is_spoken = version(rest).is_some_and(|(_, abi)| (abi.major, abi.minor) == (0, 2));
        return if is_spoken && WASI.contains(&package) {
            Ok(None)
        } else {
            Err(refused())
        };
    }
    let rest = name.strip_prefix(contract::PACKAGE).ok_or_else(refused)?;
    let (interface, rest) = rest.split_at(rest.find('@').ok_or_else(refused)?);
    let (_, abi) = version(rest).ok_or_else(refused)?;
    if abi.major != contract::SPOKEN.major {
        return Err(refused());
    }
    let needed = contract::needed(interface, abi, import.items.as_deref());
    needed.map(Some).map_err(|item| match item {
        Some(item) => format!("it imports {item} of {name}, which that contract does not have"),
        None => refused(),
    })
}

/// The version in `@1.2.3`, also as that of a contract. None for one such as
/// `@1.0.0-rc.1`, which meets nothing but itself.
fn version(text: &str) -> Option<(Semver, Abi)> {
    let version = Semver::parse(text.strip_prefix('@')?).ok()?;
    let abi = Abi {
        major: u32::try_from(version.major).ok()?,
        minor: u32::try_from(version.minor).ok()?,
    };
    version.pre.is_empty().then_some((version, abi))
}

fn border(bytes: &[u8]) -> Result<Border> {
    let mut border = Border::default();
    let mut types = Types::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version { encoding, .. } if depth == 0 && encoding != Encoding::Component => {
                return Err(not_a_probe("it is a core module".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentTypeSection(section) => {
                // Also inside nested components: whoever compiles them reads
                // their types as well.
                let range = section.range();
                let start = range.start;
                let section = bytes.get(range).unwrap_or_default();
                let read = read_types(&mut BinaryReader::new(section, start))?;
                if depth == 0 {
                    types.0.extend(read);
                }
            }
            Payload::ComponentAliasSection(aliases) if depth == 0 => {
                for alias in aliases {
                    types.alias(&alias.map_err(broken)?);
                }
            }
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import.map_err(broken)?;
                    border.imports.push(Import {
                        name: import.name.name.to_owned(),
                        items: types.import(import.ty),
                    });
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export.map_err(broken)?;
                    border.exports.push(export.name.name.to_owned());
                    if export.kind == ComponentExternalKind::Type {
                        types.0.push(types.get(export.index));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(border)
}

/// What the types of the outermost component have, by their indices: the
/// items of an instance type, and nothing for every other.
#[derive(Default)]
struct Types(Vec<Option<Rc<[String]>>>);

impl Types {
    fn get(&self, index: u32) -> Option<Rc<[String]>> {
        let index = usize::try_from(index).ok()?;
        self.0.get(index)?.clone()
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Type,
                ..
            } => self.0.push(None),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Type,
                index,
                ..
            } => self.0.push(self.get(*index)),
            _ => {}
        }
    }

    fn import(&mut self, ty: ComponentTypeRef) -> Option<Rc<[String]>> {
        match ty {
            ComponentTypeRef::Instance(index) => self.get(index),
            ComponentTypeRef::Type(bounds) => {
                let bound = match bounds {
                    TypeBounds::Eq(index) => self.get(index),
                    TypeBounds::SubResource => None,
                };
                self.0.push(bound);
                None
            }
            _ => None,
        }
    }
}

fn read_types(reader: &mut BinaryReader<'_>) -> Result<Vec<Option<Rc<[String]>>>> {
    let count = reader.read_var_u32().map_err(broken)?;
    let mut types = Vec::new();
    for _ in 0..count {
        types.push(read_type(reader, 0)?);
    }
    Ok(types)
}

/// Reads one type; its items where it is that of an instance. By hand where
/// types nest, since the crate's reader recurses as deep as the bytes say.
fn read_type(reader: &mut BinaryReader<'_>, depth: u32) -> Result<Option<Rc<[String]>>> {
    if depth > MAX_DEPTH {
        return Err(not_a_probe(format!(
            "its types are nested deeper than {MAX_DEPTH}"
        )));
    }
    const COMPONENT: u8 = 0x41;
    const INSTANCE: u8 = 0x42;
    let kind = reader.clone().read_u8().map_err(broken)?;
    if kind != COMPONENT && kind != INSTANCE {
        reader.read::<ComponentType<'_>>().map_err(broken)?;
        return Ok(None);
    }
    reader.read_u8().map_err(broken)?;
    let count = reader.read_var_u32().map_err(broken)?;
    let mut items = Vec::new();
    for _ in 0..count {
        let at = reader.original_position();
        match (reader.read_u8().map_err(broken)?, kind) {
            (0x00, _) => {
                reader.read::<CoreType<'_>>().map_err(broken)?;
            }
            (0x01, _) => {
                read_type(reader, depth + 1)?;
            }
            (0x02, _) => {
                reader.read::<ComponentAlias<'_>>().map_err(broken)?;
            }
            (declaration @ 0x03, COMPONENT) | (declaration @ 0x04, _) => {
                let name: ComponentExternName<'_> = reader.read().map_err(broken)?;
                let ty: ComponentTypeRef = reader.read().map_err(broken)?;
                let counts = matches!(
                    ty,
                    ComponentTypeRef::Func(_) | ComponentTypeRef::Type(TypeBounds::SubResource)
                );
                if declaration == 0x04 && counts {
                    items.push(name.name.to_owned());
                }
            }
            _ => return Err(broken_at(at)),
        }
    }
    Ok((kind == INSTANCE).then(|| items.into()))
}

fn broken(error: wasmparser::BinaryReaderError) -> Error {
    broken_at(error.offset())
}

fn broken_at(offset: usize) -> Error {
    not_a_probe(match offset {
        0..8 => "its bytes are not WebAssembly".to_owned(),
        offset => format!("its bytes end or break at byte {offset}"),
    })
}

fn not_a_probe(problem: String) -> Error {
    Error::NotAProbe { problem }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn component(text: &str) -> Vec<u8> {
        wat::parse_str(format!("(component {text})")).unwrap()
    }

    /// A component that exports the contract and has `imports`.
    fn probe(imports: &str) -> Vec<u8> {
        component(&format!(
            r#"{imports} (instance $p) (export "waitfor:probe/probing@1.0.0" (instance $p))"#
        ))
    }

    fn refusal(bytes: &[u8]) -> String {
        let error = inspect(bytes).unwrap_err().to_string();
        let problem = error.strip_prefix("this is not a probe: ");
        problem.unwrap().to_owned()
    }

    fn needs(bytes: &[u8]) -> String {
        inspect(bytes).unwrap().abi.to_string()
    }

    #[test]
    fn reads_the_border_and_not_what_is_nested() {
        let bytes = component(
            r#" (component (import "nested" (func)) (export "inner" (func 0)))
                (core module (import "a" "b" (func)))
                (import "waitfor:probe/report@1.0.0" (instance $report))
                (instance $probing)
                (export "waitfor:probe/probing@1.3.2" (instance $probing))"#,
        );
        let probe = inspect(&bytes).unwrap();
        assert_eq!(probe.interfaces.imports, ["waitfor:probe/report@1.0.0"]);
        assert_eq!(probe.interfaces.exports, ["waitfor:probe/probing@1.3.2"]);
        assert_eq!(probe.abi.to_string(), "1.0", "it uses nothing newer");
    }

    #[test]
    fn needs_what_it_imports_and_not_what_it_was_built_against() {
        let stage = r#"(export "stage" (func (param "name" string)))"#;
        let newer = r#"(export "percent" (func (param "done" u8)))"#;
        let report = |version: &str, items: &str| {
            probe(&format!(
                r#"(import "waitfor:probe/report@{version}" (instance {items}))"#
            ))
        };
        assert_eq!(needs(&report("1.0.0", stage)), "1.0");
        assert_eq!(needs(&report("1.9.0", stage)), "1.0");
        assert_eq!(needs(&report("1.9.0", &format!("{stage}{newer}"))), "1.9");
        let resource = probe(
            r#"(import "waitfor:probe/net@1.2.0" (instance
                (export "endpoint" (type $e (sub resource)))
                (export "[method]endpoint.label" (func (param "self" (borrow $e)) (result string)))
                (export "[method]endpoint.zone" (func (param "self" (borrow $e)) (result string)))))"#,
        );
        assert_eq!(needs(&resource), "1.2");
        let interface = r#"(import "waitfor:probe/clock@1.4.0" (instance))"#;
        assert_eq!(needs(&probe(interface)), "1.4");
        assert_eq!(
            needs(&probe(&format!(
                r#"{interface} (import "waitfor:probe/report@1.6.0" (instance {newer}))"#
            ))),
            "1.6"
        );

        assert_eq!(
            refusal(&report("1.0.7", newer)),
            "it imports percent of waitfor:probe/report@1.0.7, which that contract does not have"
        );
        assert_eq!(
            refusal(&probe(r#"(import "waitfor:probe/clock@1.0.0" (instance))"#)),
            "it imports waitfor:probe/clock@1.0.0, which no probe is given"
        );
    }

    #[test]
    fn finds_the_type_of_an_instance_by_way_of_an_alias() {
        let newer = r#"(export "percent" (func (param "done" u8)))"#;
        let direct = probe(&format!(
            r#"(type $other (func))
               (type $t (instance {newer}))
               (alias outer 0 $t (type $again))
               (import "waitfor:probe/report@1.5.0" (instance (type $again)))"#
        ));
        assert_eq!(needs(&direct), "1.5");
        // The indices before it count: exports, imports and aliases of types.
        let shifted = probe(&format!(
            r#"(import "wasi:io/error@0.2.3" (instance $io (export "error" (type (sub resource)))))
               (alias export $io "error" (type $error))
               (export $shown "shown" (type $error))
               (type $t (instance {newer}))
               (import "waitfor:probe/report@1.5.0" (instance (type $t)))"#
        ));
        assert_eq!(needs(&shifted), "1.5");
    }

    #[test]
    fn refuses_what_no_probe_is_given() {
        for allowed in [
            "wasi:cli/environment@0.2.0",
            "wasi:io/streams@0.2.9",
            "wasi:sockets/tcp@0.2.3",
            "waitfor:probe/types@1.0.0",
        ] {
            let text = format!(r#"(import "{allowed}" (instance))"#);
            assert_eq!(needs(&probe(&text)), "1.0", "{allowed}");
        }
        for refused in [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:clocks/monotonic-clock@0.3.0",
            "wasi:clocks/monotonic-clock@0.2.0-rc.1",
            "wasi:clocks/monotonic-clock",
            "waitfor:probe/report",
            "waitfor:probe/report@2.0.0",
            "waitfor:probe/report@1.0.0-rc.1",
            "waitfor:probe/probing@1.0.0",
            "waitfor:probes/report@1.0.0",
            "acme:ledger/book@1.0.0",
        ] {
            let text = format!(r#"(import "{refused}" (instance))"#);
            assert_eq!(
                refusal(&probe(&text)),
                format!("it imports {refused}, which no probe is given")
            );
        }
        assert_eq!(
            refusal(&probe(r#"(import "clock" (func))"#)),
            "it imports clock, which no probe is given"
        );
    }

    #[test]
    fn leaves_another_contract_to_those_who_speak_it() {
        let bytes = component(
            r#"(import "waitfor:probe/quantum@2.3.0" (instance))
               (instance $p) (export "waitfor:probe/probing@2.1.0" (instance $p))"#,
        );
        assert_eq!(needs(&bytes), "2.1");
        let both = component(
            r#"(instance $p) (export "waitfor:probe/probing@2.1.0" (instance $p))
               (export "waitfor:probe/probing@1.1.0" (instance $p))"#,
        );
        assert_eq!(needs(&both), "1.0");
    }

    #[test]
    fn refuses_what_is_no_probe() {
        let module = wat::parse_str("(module)").unwrap();
        assert_eq!(refusal(&module), "it is a core module");
        let missing = "it does not export waitfor:probe/probing";
        for name in [
            "waitfor:probe/probingly@1.0.0",
            "waitfor:probe/probing",
            "waitfor:probe/probing@1.0.0-rc.1",
        ] {
            let other = format!(r#"(instance $i) (export "{name}" (instance $i))"#);
            assert_eq!(refusal(&component(&other)), missing, "{name}");
        }
        assert_eq!(refusal(b"<html>"), "its bytes are not WebAssembly");
        assert_eq!(
            refusal(&component("")[..7]),
            "its bytes are not WebAssembly"
        );
        assert_eq!(
            refusal(b"\0asm\x0d\0\x01\0\x0b\x7f"),
            "its bytes end or break at byte 10"
        );
        let large = vec![0; usize::try_from(oci::MAX_COMPONENT).unwrap() + 1];
        assert_eq!(refusal(&large), "it has 33554433 bytes, more than 33554432");
    }

    /// A type section with types nested `depth` deep, one in another.
    fn nested(depth: usize) -> Vec<u8> {
        let mut section = vec![1];
        for _ in 0..depth {
            section.extend([0x42, 1, 1]);
        }
        section.extend([0x42, 0]);
        let mut size = section.len();
        let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
        while size > 0x7f {
            bytes.push(u8::try_from(size & 0x7f).unwrap() | 0x80);
            size >>= 7;
        }
        bytes.push(u8::try_from(size).unwrap());
        bytes.extend(section);
        bytes
    }

    #[test]
    fn does_not_follow_types_as_deep_as_they_say() {
        assert_eq!(
            refusal(&nested(3)),
            "it does not export waitfor:probe/probing"
        );
        let deep = "its types are nested deeper than 32";
        assert_eq!(refusal(&nested(200_000)), deep);
        // Inside a nested component just as well.
        let inner = nested(200_000);
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        let size = inner.len();
        outer.extend([
            u8::try_from(size & 0x7f).unwrap() | 0x80,
            u8::try_from(size >> 7 & 0x7f).unwrap() | 0x80,
            u8::try_from(size >> 14).unwrap(),
        ]);
        outer.extend(inner);
        assert_eq!(refusal(&outer), deep);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(at in 0_usize..400, byte: u8, cut in 0_usize..400) {
            let mut bytes = probe(
                r#"(import "waitfor:probe/report@1.9.0" (instance
                    (export "stage" (func (param "name" string)))
                    (export "t" (type (sub resource)))))
                   (component (import "a" (func)))"#,
            );
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = inspect(&bytes);
            bytes.truncate(cut);
            let _ = inspect(&bytes);
        }
    }
}
