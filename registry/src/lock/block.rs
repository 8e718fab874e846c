//! The text of one locked plugin, which only changes where the plugin does.

use toml_edit::{Array, DocumentMut, Table, Value};

use super::Locked;
use crate::toml_file::put;

/// One `[[plugin]]`.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) locked: Locked,
    /// As it stands in the file, with the comments above it and without blank
    /// lines around it.
    pub(super) text: String,
}

impl Block {
    /// A block that was not there before.
    pub(super) fn new(locked: Locked) -> Self {
        let mut table = Table::new();
        write(&locked, &mut table);
        let text = format!("[[plugin]]\n{table}").trim_end().to_owned();
        Self { locked, text }
    }

    /// Says something else of the same plugin; keys and comments that are no
    /// part of it stay. Says whether anything changed.
    pub(super) fn set(&mut self, locked: Locked) -> bool {
        if self.locked == locked {
            return false;
        }
        *self = self
            .edited(&locked)
            .map(|text| Self {
                locked: locked.clone(),
                text,
            })
            // A text that cannot be edited is one that nobody has read.
            .unwrap_or_else(|| Self::new(locked));
        true
    }

    fn edited(&self, locked: &Locked) -> Option<String> {
        let mut document: DocumentMut = self.text.parse().ok()?;
        let blocks = document.get_mut("plugin")?.as_array_of_tables_mut()?;
        write(locked, blocks.get_mut(0)?);
        Some(document.to_string().trim_matches('\n').to_owned())
    }
}

fn write(locked: &Locked, table: &mut Table) {
    let size = i64::try_from(locked.size).unwrap_or(i64::MAX);
    let schemes: Array = locked.schemes.iter().map(String::as_str).collect();
    let values: [(&str, Value); 8] = [
        ("name", locked.name.as_str().into()),
        ("requirement", locked.requirement().into()),
        ("version", locked.version.to_string().into()),
        ("registry", locked.registry.to_string().into()),
        ("sha256", locked.component.hex().into()),
        ("size", size.into()),
        ("abi", locked.abi.to_string().into()),
        ("schemes", schemes.into()),
    ];
    for (key, value) in values {
        put(table, key, value);
    }
}
