//! What a plugin says of itself, as the contract hands it over: nothing is
//! checked yet. It can be kept as data.

use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift};

/// Names and values, in the order in which they were given; a name may come
/// more than once.
pub type Facts = Vec<(String, String)>;

/// A scheme as the contract hands it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ComponentType, Lift)]
#[component(record)]
pub struct RawScheme {
    /// As in `rediss`.
    pub name: String,
    /// None where the target has no port or must name one.
    #[component(name = "default-port")]
    pub default_port: Option<u16>,
    /// `summary`, `transport`.
    pub more: Facts,
}

/// A parameter as the contract hands it over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ComponentType, Lift)]
#[component(record)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ComponentType, Lift)]
#[component(record)]
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
