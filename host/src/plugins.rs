//! `waitfor plugin list` and `waitfor plugin info`: which plugins there are,
//! and what each takes.

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::cli::Probes;
use crate::description::{Description, Param};
use crate::error::Result;
use crate::report::{Format, OutputSettings};

/// The version of the JSON forms below; `docs/plugin-json.md` documents them.
const SCHEMA: u32 = 1;

/// How many digits of a digest a table shows.
const SHORT_DIGEST: usize = 12;

/// The plugins at hand, one line each.
///
/// # Errors
/// None at present; the signature leaves room for plugins on disk.
pub fn list(catalogue: &Catalogue, output: &OutputSettings) -> Result<String> {
    let published = catalogue.published();
    if output.format == Format::Json {
        let plugins: Vec<Value> = published
            .iter()
            .map(|plugin| {
                json!({
                    "name": plugin.name.to_string(),
                    "version": plugin.version.to_string(),
                    "sha256": plugin.component.hex(),
                    "size": plugin.size,
                    "abi": plugin.abi.to_string(),
                    "schemes": plugin.schemes,
                    "summary": plugin.summary,
                    "origin": "official",
                })
            })
            .collect();
        return Ok(json!({"schema": SCHEMA, "plugins": plugins}).to_string());
    }
    let mut table = vec![["NAME", "VERSION", "SHA256", "SCHEMES"].map(str::to_owned)];
    for plugin in published {
        let digest = plugin.component.hex();
        table.push([
            plugin.name.to_string(),
            plugin.version.to_string(),
            digest.get(..SHORT_DIGEST).unwrap_or(&digest).to_owned(),
            plugin.schemes.join(", "),
        ]);
    }
    Ok(columns(&table))
}

/// One plugin, with all that it takes.
///
/// # Errors
/// Where there is no such plugin.
pub fn info(
    catalogue: &Catalogue,
    name: &str,
    requirement: Option<&str>,
    output: &OutputSettings,
) -> Result<String> {
    let plugin = catalogue.find(name, requirement)?;
    let (_, description) = catalogue.describe(name, requirement)?;
    if output.format == Format::Json {
        let value = json!({
            "schema": SCHEMA,
            "name": plugin.name.to_string(),
            "version": plugin.version.to_string(),
            "sha256": plugin.component.hex(),
            "size": plugin.size,
            "abi": plugin.abi.to_string(),
            "origin": "official",
            "summary": description.summary,
            "schemes": description.schemes.iter().map(|scheme| json!({
                "name": scheme.name, "default_port": scheme.default_port, "summary": scheme.summary,
            })).collect::<Vec<_>>(),
            "params": description.params.iter().map(param).collect::<Vec<_>>(),
            "examples": description.examples,
        });
        return Ok(value.to_string());
    }
    Ok(page(plugin, &description))
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

fn page(plugin: &waitfor_registry::Published, description: &Description) -> String {
    let mut lines = vec![
        format!(
            "{} {}: {}",
            plugin.name, plugin.version, description.summary
        ),
        String::new(),
        format!("sha256   {}", plugin.component.hex()),
        format!("size     {} bytes", plugin.size),
        format!("abi      waitfor:probe {}", plugin.abi),
        "origin   official, inside this binary".to_owned(),
        String::new(),
        "schemes:".to_owned(),
    ];
    let schemes: Vec<[String; 2]> = description
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
    lines.push(columns(&schemes));
    lines.push(String::new());
    lines.push("parameters:".to_owned());
    let params: Vec<[String; 3]> = description
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
    lines.push(columns(&params));
    if !description.examples.is_empty() {
        lines.push(String::new());
        lines.push("examples:".to_owned());
        lines.extend(
            description
                .examples
                .iter()
                .map(|example| format!("  waitfor {example}")),
        );
    }
    lines.join("\n")
}

/// Left-aligned columns, two blanks apart.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; N]| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(
                ' ',
                width.saturating_sub(cell.chars().count()) + 2,
            ));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
