//! `waitfor plugin gc`: removes from the store what no lock on this machine
//! names, and compiled code that is of no use any more.

use serde_json::{Value, json};
use waitfor_registry::Digest;
use waitfor_registry::store::Collected;

use super::session::Session;
use super::{SCHEMA, Told};
use crate::cache::Swept as Compiled;
use crate::error::Result;

/// What was removed, or would be.
pub(super) struct Swept {
    dry_run: bool,
    collected: Collected,
    compiled: Compiled,
}

pub(super) fn run(session: &mut Session, dry_run: bool) -> Result<Swept> {
    let supply = session.supply();
    let store = supply.store()?;
    // This project counts, even if nothing was ever downloaded for it.
    if let Some(project) = supply.project()
        && project.lock.is_some()
        && store.root().exists()
        && !dry_run
    {
        store.count_on(project.lock_path())?;
    }
    let collected = store.collect(dry_run)?;
    for (path, why) in &collected.unreadable {
        // Most reasons name the file themselves.
        let path = path.display().to_string();
        let lock = match why.contains(&path) {
            true => "a lock".to_owned(),
            false => format!("the lock `{path}`"),
        };
        session.warn(format!(
            "nothing is removed, since {lock} cannot be read: {why}"
        ));
    }
    let gone: Vec<Digest> = collected.removed.iter().map(|one| one.digest).collect();
    Ok(Swept {
        dry_run,
        compiled: session.catalogue.sweep(&gone, dry_run)?,
        collected,
    })
}

impl Told for Swept {
    fn text(&self) -> String {
        let Compiled { entries, bytes } = self.compiled;
        if self.collected.removed.is_empty() && entries == 0 {
            return "nothing to remove".to_owned();
        }
        let word = if self.dry_run {
            "would remove"
        } else {
            "removed"
        };
        let lines = self.collected.removed.iter().map(|removed| {
            let names = match removed.names.as_slice() {
                [] => String::new(),
                names => format!(", {}", names.join(", ")),
            };
            format!(
                "{word} blob {} ({} bytes{names})",
                removed.digest, removed.size
            )
        });
        let compiled = match entries {
            0 => None,
            1 => Some(format!(
                "{word} the compiled code of 1 plugin ({bytes} bytes)"
            )),
            _ => Some(format!(
                "{word} the compiled code of {entries} plugins ({bytes} bytes)"
            )),
        };
        lines.chain(compiled).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Value {
        let Collected {
            removed,
            bytes,
            kept,
            locks,
            unreadable,
        } = &self.collected;
        json!({
            "schema": SCHEMA,
            "command": "gc",
            "dry_run": self.dry_run,
            "removed": removed.iter().map(|one| json!({
                "sha256": one.digest.hex(), "size": one.size, "names": one.names,
            })).collect::<Vec<_>>(),
            "bytes": bytes,
            "compiled": { "removed": self.compiled.entries, "bytes": self.compiled.bytes },
            "kept": kept,
            "locks": locks.iter().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            "unreadable": unreadable.iter().map(|(path, why)| json!({
                "lock": path.display().to_string(), "problem": why,
            })).collect::<Vec<_>>(),
        })
    }
}
