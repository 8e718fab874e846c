//! `waitfor plugin list`: which plugins are at hand.

use serde_json::{Value, json};
use waitfor_registry::supply::Chosen;
use waitfor_registry::{Location, Supply};

use super::session::Session;
use super::{SCHEMA, Told, row, table};
use crate::error::Result;

/// The plugins at hand.
pub(super) struct List(Vec<Listed>);

struct Listed {
    chosen: Chosen,
    summary: String,
}

pub(super) fn run(session: &mut Session) -> Result<List> {
    let all = session.catalogue.at_hand()?;
    let mut listed = Vec::with_capacity(all.len());
    for chosen in all {
        listed.push(Listed {
            summary: summary(session.supply(), &chosen)?,
            chosen,
        });
    }
    Ok(List(listed))
}

/// Where a plugin is: `locked`, `official` or `store`.
pub(super) fn origin(chosen: &Chosen) -> &'static str {
    match chosen.plugin.registry {
        _ if chosen.pinned => "locked",
        Location::Official => "official",
        Location::Folder(_) | Location::Remote(_) => "store",
    }
}

/// What `ready` means to it; empty where that was never heard.
fn summary(supply: &Supply, chosen: &Chosen) -> Result<String> {
    let plugin = &chosen.plugin;
    let official = supply.official()?;
    if let Some(found) = official
        .iter()
        .find(|one| one.component == plugin.component)
    {
        return Ok(found.summary.clone());
    }
    let registry = plugin.registry.to_string();
    let record = supply
        .store()
        .and_then(|store| store.record(&registry, &plugin.name, &plugin.version));
    // The list is no worse without it.
    Ok(record
        .ok()
        .flatten()
        .map(|record| record.published.summary)
        .unwrap_or_default())
}

impl Told for List {
    fn text(&self) -> String {
        let mut rows = vec![["NAME", "VERSION", "ORIGIN", "SHA256", "SCHEMES"].map(str::to_owned)];
        for Listed { chosen, .. } in &self.0 {
            let plugin = &chosen.plugin;
            rows.push([
                plugin.name.to_string(),
                plugin.version.to_string(),
                origin(chosen).to_owned(),
                table::short(&plugin.component),
                plugin.schemes.join(", "),
            ]);
        }
        table::columns(&rows)
    }

    fn json(&self) -> Value {
        let plugins: Vec<Value> = self
            .0
            .iter()
            .map(|Listed { chosen, summary }| {
                let plugin = &chosen.plugin;
                json!({
                    "name": plugin.name.to_string(),
                    "version": plugin.version.to_string(),
                    "sha256": plugin.component.hex(),
                    "size": plugin.size,
                    "abi": plugin.abi.to_string(),
                    "schemes": plugin.schemes,
                    "summary": summary,
                    "origin": origin(chosen),
                    "registry": plugin.registry.to_string(),
                    "standing": row::standing(&chosen.standing),
                })
            })
            .collect();
        json!({"schema": SCHEMA, "command": "list", "plugins": plugins})
    }
}
