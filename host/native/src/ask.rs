//! Asks a probe of ours what it says of itself, while the program is built, so
//! that no run has to.

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store, error::format_err};

use crate::RawDescription;
use crate::settings::{Use, settings};

/// What the contract's interface of a probe is called, without its version.
const PROBING: &str = "waitfor:probe/probing@";

/// What the component says of itself. It can ask the host for nothing, and
/// nothing bounds it: this is for components that are known.
///
/// # Errors
/// Where it is no probe, or ends itself.
pub fn ask(component: &[u8]) -> wasmtime::Result<RawDescription> {
    let engine = Engine::new(&settings(Use::Here)?)?;
    let component = Component::from_binary(&engine, component)?;
    let kind = component.component_type();
    let mut exports = kind.exports(&engine);
    let (probing, _) = exports
        .find(|(name, _)| name.starts_with(PROBING))
        .ok_or_else(|| format_err!("it exports no {PROBING}…"))?;
    let probing = component.get_export_index(None, probing);
    let describe = component
        .get_export_index(probing.as_ref(), "describe")
        .ok_or_else(|| format_err!("it exports no function `describe`"))?;
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&component)?;
    let mut store = Store::new(&engine, ());
    store.set_epoch_deadline(1);
    let instance = linker.instantiate(&mut store, &component)?;
    let describe = instance.get_typed_func::<(), (RawDescription,)>(&mut store, describe)?;
    let (said,) = describe.call(&mut store, ())?;
    Ok(said)
}
