//! `waitfor plugin info`: one plugin, with all that it takes.

use serde_json::{Value, json};
use waitfor_registry::supply::{Chosen, Origin, Refusal};
use waitfor_registry::{Error as Failure, PluginRef, Version};

use super::session::Session;
use super::{SCHEMA, Told, list, row, table, take};
use crate::catalogue::Loaded;
use crate::description::{Description, Param};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::report::Notice;

/// One plugin.
pub(super) struct Info {
    loaded: Loaded,
    description: Description,
    /// What is locked of the plugin, be it this version or another.
    locked: Option<Version>,
}

pub(super) fn run(session: &mut Session, plugin: &PluginRef) -> Result<Info> {
    let name = plugin.name.as_str();
    let chosen = match session.supply().choose(&plugin.name, &plugin.reference) {
        Err(Failure::Refused(refusal))
            if is_about_pins(&refusal) && !session.supply().options().locked =>
        {
            loose(session, plugin)?
        }
        chosen => chosen?,
    };
    let locked = session.supply().locked(&plugin.name);
    let locked = locked.map(|locked| locked.version.clone());
    let (index, description) = session.catalogue.load(chosen)?;
    let loaded = session.catalogue.loaded(index).ok_or_else(|| {
        Error::new(
            Exit::PluginRefused,
            format!("the plugin `{name}` is not loaded"),
        )
    })?;
    for notice in loaded.notices() {
        if let Notice::Warning(warning) = notice {
            session.warn(warning);
        }
    }
    Ok(Info {
        loaded,
        description,
        locked,
    })
}

/// Whether the pins forbid to run what a look may well be had at.
fn is_about_pins(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Locked { .. }
            | Refusal::Stale { .. }
            | Refusal::Incompatible { .. }
            | Refusal::NotLocked { .. }
    )
}

/// What would be taken if nothing were pinned.
fn loose(session: &Session, plugin: &PluginRef) -> Result<Chosen> {
    let supply = session.supply();
    let binding = supply.binding(&plugin.name)?;
    let found = take::find(supply, &plugin.name, &plugin.reference, &binding)?.published;
    let reference = plugin.reference.clone();
    Ok(Chosen {
        plugin: row::as_locked(&found, reference, &binding.location),
        pinned: false,
        standing: found.standing,
        warnings: Vec::new(),
    })
}

impl Info {
    /// Where it is, in words.
    fn whereabouts(&self) -> String {
        let registry = &self.loaded.chosen.plugin.registry;
        let place = match &self.loaded.origin {
            Origin::Official => return "official, inside this binary".to_owned(),
            Origin::Vendor(folder) => format!("vendored in `{}`", folder.display()),
            Origin::Store(_) => "in the store".to_owned(),
            Origin::Registry(_) => return format!("from {registry}"),
        };
        format!("from {registry}, {place}")
    }

    fn origin(&self) -> &'static str {
        match self.loaded.origin {
            Origin::Registry(_) if !self.loaded.chosen.pinned => "registry",
            _ => list::origin(&self.loaded.chosen),
        }
    }
}

impl Told for Info {
    fn text(&self) -> String {
        let plugin = &self.loaded.chosen.plugin;
        let description = &self.description;
        let mut lines = vec![
            format!(
                "{} {}: {}",
                plugin.name, plugin.version, description.summary
            ),
            String::new(),
            format!("sha256   {}", plugin.component.hex()),
            format!("size     {} bytes", plugin.size),
            format!("abi      waitfor:probe {}", plugin.abi),
            format!("origin   {}", self.whereabouts()),
        ];
        if self.loaded.chosen.pinned {
            lines.push(format!("locked   as {}", plugin.requirement()));
        } else if let Some(locked) = &self.locked {
            lines.push(format!("locked   at {locked}"));
        }
        lines.extend([String::new(), "schemes:".to_owned(), schemes(description)]);
        if !description.params.is_empty() {
            lines.extend([String::new(), "parameters:".to_owned(), params(description)]);
        }
        if !description.examples.is_empty() {
            lines.extend([String::new(), "examples:".to_owned()]);
            let examples = description.examples.iter();
            lines.extend(examples.map(|example| format!("  waitfor {example}")));
        }
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let chosen = &self.loaded.chosen;
        let plugin = &chosen.plugin;
        let description = &self.description;
        json!({
            "schema": SCHEMA,
            "command": "info",
            "name": plugin.name.to_string(),
            "version": plugin.version.to_string(),
            "sha256": plugin.component.hex(),
            "size": plugin.size,
            "abi": plugin.abi.to_string(),
            "origin": self.origin(),
            "registry": plugin.registry.to_string(),
            "standing": row::standing(&chosen.standing),
            "locked": self.locked.as_ref().map(ToString::to_string),
            "summary": description.summary,
            "schemes": description.schemes.iter().map(|scheme| json!({
                "name": scheme.name, "default_port": scheme.default_port, "summary": scheme.summary,
            })).collect::<Vec<_>>(),
            "params": description.params.iter().map(param).collect::<Vec<_>>(),
            "examples": description.examples,
        })
    }
}

fn param(param: &Param) -> Value {
    json!({
        "name": param.name,
        "kind": param.kind.word(),
        "summary": param.summary,
        "required": param.required,
        "multiple": param.multiple,
        "default": param.default,
        "choices": param.choices,
        "env": param.env,
    })
}

fn schemes(description: &Description) -> String {
    let rows: Vec<[String; 2]> = description
        .schemes
        .iter()
        .map(|scheme| {
            let port = scheme
                .default_port
                .map(|port| format!(" (port {port})"))
                .unwrap_or_default();
            [
                format!("  {}://", scheme.name),
                format!("{}{port}", scheme.summary),
            ]
        })
        .collect();
    table::columns(&rows)
}

fn params(description: &Description) -> String {
    let rows: Vec<[String; 3]> = description
        .params
        .iter()
        .map(|param| {
            let default = param
                .default
                .as_ref()
                .map(|text| format!(" [default: {text}]"))
                .unwrap_or_default();
            let env = if param.env.is_empty() {
                String::new()
            } else {
                format!(" [env: {}]", param.env.join(", "))
            };
            [
                format!("  --{}", param.name),
                param.kind.word().to_owned(),
                format!("{}{default}{env}", param.summary),
            ]
        })
        .collect();
    table::columns(&rows)
}
