//! What the program and its build script must agree on: the settings of the
//! engine, so that code which was compiled while the program was built is code
//! that the program runs, and the form in which a description is kept.

mod ask;
mod description;
mod settings;

pub use ask::ask;
pub use description::{Facts, RawDescription, RawParam, RawScheme};
pub use settings::{Use, settings};
