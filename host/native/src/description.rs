//! What a plugin says of itself, as the contract hands it over: nothing is
//! checked yet. It can be kept as data.

use serde::{Deserialize, Serialize};

/// Names and values, in the order in which they were given; a name may come
/// more than once.
pub type Facts = Vec<(String, String)>;

/// A scheme as the contract hands it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawScheme {
    /// As in `rediss`.
    pub name: String,
    /// None where the target has no port or must name one.
    pub default_port: Option<u16>,
    /// `summary`, `transport`.
    pub more: Facts,
}

/// A parameter as the contract hands it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawParam {
    /// Kebab-case.
    pub name: String,
    /// A word of the contract's open vocabulary.
    pub kind: String,
    /// One line.
    pub summary: String,
    /// Whether the user must give it.
    pub required: bool,
    /// As a user would write it.
    pub default: Option<String>,
    /// The facts that the contract lists at `param.more`.
    pub more: Facts,
}

/// A description as the contract hands it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawDescription {
    /// One line: what `ready` means here.
    pub summary: String,
    /// The first is the one for targets without a URL.
    pub schemes: Vec<RawScheme>,
    /// The parameters, in the order of the help.
    pub params: Vec<RawParam>,
    /// Command lines, without the program's name.
    pub examples: Vec<String>,
    /// The facts that the contract lists at `description.more`.
    pub more: Facts,
}

/// A [`RawDescription`] of what generated bindings hand over: those of the
/// program and of its build script have the same fields, and are not the same
/// types.
#[macro_export]
macro_rules! raw_description {
    ($said:expr) => {{
        let said = $said;
        $crate::RawDescription {
            summary: said.summary,
            schemes: said
                .schemes
                .into_iter()
                .map(|scheme| $crate::RawScheme {
                    name: scheme.name,
                    default_port: scheme.default_port,
                    more: scheme.more,
                })
                .collect(),
            params: said
                .params
                .into_iter()
                .map(|param| $crate::RawParam {
                    name: param.name,
                    kind: param.kind,
                    summary: param.summary,
                    required: param.required,
                    default: param.default,
                    more: param.more,
                })
                .collect(),
            examples: said.examples,
            more: said.more,
        }
    }};
}
