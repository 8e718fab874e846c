//! What a component needs and offers, read from its border without compiling
//! it, so that nothing but a probe is ever published.

use wasmparser::{Encoding, Parser, Payload};

use crate::oci::Interfaces;
use crate::{Abi, Error, Result};

/// The interface that every probe exports, without its version.
pub const PROBING: &str = "waitfor:probe/probing";

/// A component that exports the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its imports and exports, in the order of the component.
    pub interfaces: Interfaces,
    /// The version of the contract that it exports.
    pub abi: Abi,
}

/// Reads the border of a component.
///
/// # Errors
/// Where `bytes` are no component, or one that does not export the contract.
pub fn inspect(bytes: &[u8]) -> Result<Probe> {
    let interfaces = interfaces(bytes)?;
    let abi = interfaces
        .exports
        .iter()
        .find_map(|export| abi(export))
        .ok_or_else(|| not_a_probe(format!("it does not export {PROBING}")))?;
    Ok(Probe { interfaces, abi })
}

fn abi(export: &str) -> Option<Abi> {
    let version = export.strip_prefix(PROBING)?.strip_prefix('@')?;
    let (minor, _patch) = version.rsplit_once('.')?;
    minor.parse().ok()
}

fn interfaces(bytes: &[u8]) -> Result<Interfaces> {
    let mut interfaces = Interfaces {
        exports: Vec::new(),
        imports: Vec::new(),
    };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(broken)? {
            Payload::Version { encoding, .. } if depth == 0 && encoding != Encoding::Component => {
                return Err(not_a_probe("it is a core module".to_owned()));
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let name = import.map_err(broken)?.name.name;
                    interfaces.imports.push(name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let name = export.map_err(broken)?.name.name;
                    interfaces.exports.push(name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(interfaces)
}

fn broken(error: wasmparser::BinaryReaderError) -> Error {
    not_a_probe(match error.offset() {
        0..8 => "its bytes are not WebAssembly".to_owned(),
        offset => format!("its bytes end or break at byte {offset}"),
    })
}

fn not_a_probe(problem: String) -> Error {
    Error::NotAProbe { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        inspect(bytes).unwrap_err().to_string()
    }

    #[test]
    fn reads_the_border_and_not_what_is_nested() {
        let bytes = wat::parse_str(
            r#"(component
                (component (import "nested" (func)) (export "inner" (func 0)))
                (core module (import "a" "b" (func)))
                (import "waitfor:probe/report@1.0.0" (instance $report))
                (instance $probing)
                (export "waitfor:probe/probing@1.3.2" (instance $probing)))"#,
        )
        .unwrap();
        let probe = inspect(&bytes).unwrap();
        assert_eq!(probe.interfaces.imports, ["waitfor:probe/report@1.0.0"]);
        assert_eq!(probe.interfaces.exports, ["waitfor:probe/probing@1.3.2"]);
        assert_eq!(probe.abi.to_string(), "1.3");
    }

    #[test]
    fn refuses_what_is_no_probe() {
        let module = wat::parse_str("(module)").unwrap();
        assert_eq!(refusal(&module), "this is not a probe: it is a core module");
        let other = wat::parse_str(
            r#"(component (instance $i) (export "waitfor:probe/probingly@1.0.0" (instance $i)))"#,
        )
        .unwrap();
        assert_eq!(
            refusal(&other),
            "this is not a probe: it does not export waitfor:probe/probing"
        );
        assert_eq!(
            refusal(b"<html>"),
            "this is not a probe: its bytes are not WebAssembly"
        );
        assert_eq!(
            refusal(&wat::parse_str("(component)").unwrap()[..7]),
            "this is not a probe: its bytes are not WebAssembly"
        );
        assert_eq!(
            refusal(b"\0asm\x0d\0\x01\0\x0b\x7f"),
            "this is not a probe: its bytes end or break at byte 10"
        );
    }
}
