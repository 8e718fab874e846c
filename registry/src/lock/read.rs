//! Reading a `waitfor.lock`: what is wrong with it is said with the line, the
//! plugin and the way out, before anything else looks at it.

use std::collections::BTreeMap;
use std::path::Path;

use toml_edit::{Document, Table};

use super::block::Block;
use super::{Lock, Locked, VERSION};
use crate::toml_file::{Fields, RESTORE, Role, Source};
use crate::{Digest, Error, Name, Result, Version, config, oci, text};

const MERGED: &str = "take either side, then run `waitfor plugin lock`";

pub(super) fn lock(path: &Path, text: &str) -> Result<Lock> {
    // Git may give the file other line breaks, and twice; they mean nothing.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| line.trim_end_matches('\r'))
        .collect();
    let text = lines.join("\n");
    let source = Source {
        role: Role::Lock,
        path,
        text: &text,
    };
    let document = source.document(MERGED)?;
    format(source, &document)?;
    let parts = Parts::of(source, &document)?;
    let mut blocks: Vec<Block> = Vec::new();
    let mut seen: BTreeMap<Name, usize> = BTreeMap::new();
    for (number, (table, text)) in (1..).zip(parts.blocks) {
        let (locked, line) = locked(source, table, number)?;
        if let Some(first) = seen.insert(locked.name.clone(), line) {
            return Err(source.unusable(
                table.span(),
                format!("`{}` is locked twice, first in line {first}", locked.name),
                Some(repair(&locked.name.to_string())),
            ));
        }
        blocks.push(Block { locked, text });
    }
    blocks.sort_by(|a, b| a.locked.name.cmp(&b.locked.name));
    Ok(Lock {
        path: path.to_owned(),
        head: format!("{}\n", parts.head.trim_end()),
        blocks,
        tail: parts.tail,
    })
}

/// Refuses formats that this program does not read.
fn format(source: Source<'_>, document: &Document<&str>) -> Result<()> {
    let fields = Fields {
        source,
        table: document.as_table(),
        span: None,
        name: "the lock".to_owned(),
        hint: Some(RESTORE.to_owned()),
    };
    let version = fields.number("version")?;
    if version > VERSION {
        // Only a version is repeated to the user, and no other text.
        let install = document
            .get("requires-waitfor")
            .and_then(|item| item.as_str()?.parse::<Version>().ok());
        return Err(Error::NewerFormat {
            path: source.path.to_owned(),
            found: version,
            reads: VERSION,
            install: install.map(|version| version.to_string()),
        });
    }
    if version != VERSION {
        return Err(fields.refuse("version", format!("there is no format {version}")));
    }
    if fields.get("revision").is_some() {
        fields.number("revision")?;
    }
    Ok(())
}

/// The text of a lock, cut where its tables begin.
struct Parts<'a> {
    head: &'a str,
    blocks: Vec<(&'a Table, String)>,
    tail: String,
}

/// A header in the text.
struct Header<'a> {
    /// Where the comments above it start.
    start: usize,
    /// The block that it opens.
    block: Option<&'a Table>,
    /// Whether it is part of a block.
    inner: bool,
}

impl<'a> Parts<'a> {
    fn of(source: Source<'a>, document: &'a Document<&str>) -> Result<Self> {
        let mut headers = Vec::new();
        for (key, item) in document.iter() {
            let is_plugin = key == "plugin";
            if let Some(tables) = item.as_array_of_tables() {
                for table in tables {
                    collect(table, is_plugin.then_some(table), is_plugin, &mut headers);
                }
            } else if is_plugin {
                return Err(source.unusable(
                    item.span(),
                    "`plugin` is not a list of [[plugin]] blocks",
                    Some("remove it and run `waitfor plugin lock`".to_owned()),
                ));
            } else if let Some(table) = item.as_table() {
                collect(table, None, false, &mut headers);
            }
        }
        headers.sort_by_key(|header| header.start);
        let text = source.text;
        let cut = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let first = headers.first().map_or(text.len(), |header| header.start);
        let mut parts = Self {
            head: cut(0, first),
            blocks: Vec::new(),
            tail: String::new(),
        };
        // Comments below everything belong to no block: another one, or what is
        // no block, may come to stand behind the last.
        let ends_in_block = headers.last().is_some_and(|header| header.inner);
        let below = document
            .trailing()
            .span()
            .filter(|span| ends_in_block && !cut(span.start, span.end).trim().is_empty())
            .map_or(text.len(), |span| span.start);
        let ends: Vec<usize> = headers
            .iter()
            .skip(1)
            .map(|header| header.start)
            .chain([below])
            .collect();
        for (header, end) in headers.into_iter().zip(ends) {
            let piece = cut(header.start, end).trim_matches('\n');
            let part = match (header.block, parts.blocks.last_mut()) {
                (Some(table), _) => {
                    parts.blocks.push((table, piece.to_owned()));
                    continue;
                }
                (None, Some((_, block))) if header.inner => block,
                _ => &mut parts.tail,
            };
            if !part.is_empty() {
                part.push_str("\n\n");
            }
            part.push_str(piece);
        }
        let comments = cut(below, text.len()).trim_matches('\n');
        if !comments.is_empty() && !parts.tail.is_empty() {
            parts.tail.push_str("\n\n");
        }
        parts.tail.push_str(comments);
        Ok(parts)
    }
}

/// The headers of `table` and of all within it.
fn collect<'a>(
    table: &'a Table,
    block: Option<&'a Table>,
    inner: bool,
    headers: &mut Vec<Header<'a>>,
) {
    // Tables that other headers or dotted keys imply have no header.
    let has_header = !table.is_implicit() && !table.is_dotted();
    if let Some(span) = table.span().filter(|_| has_header) {
        let comments = table.decor().prefix().and_then(|prefix| prefix.span());
        headers.push(Header {
            start: comments.map_or(span.start, |comments| comments.start),
            block,
            inner,
        });
    }
    for (_, item) in table {
        if let Some(table) = item.as_table() {
            collect(table, None, inner, headers);
        } else if let Some(tables) = item.as_array_of_tables() {
            for table in tables {
                collect(table, None, inner, headers);
            }
        }
    }
}

/// The plugin of a block, and its line.
fn locked(source: Source<'_>, table: &Table, number: usize) -> Result<(Locked, usize)> {
    let span = table.span();
    let mut fields = Fields {
        source,
        table,
        span: span.clone(),
        name: format!("[[plugin]] number {number}"),
        hint: Some(repair("the plugin")),
    };
    let name: Name = fields.parsed("name")?;
    fields.name = format!("`{name}`");
    fields.hint = Some(repair(name.as_str()));
    let requirement = fields.text("requirement")?;
    let requirement = fields.read("requirement", config::parse_requirement(requirement))?;
    let component = fields.read("sha256", Digest::from_hex(fields.text("sha256")?))?;
    let size = fields.number("size")?;
    if size == 0 {
        return Err(fields.refuse("size", format!("`size` of {} is 0", fields.name)));
    }
    if size > oci::MAX_COMPONENT {
        let problem = format!(
            "`size` of {} is {size}, and a plugin has at most {} bytes",
            fields.name,
            oci::MAX_COMPONENT
        );
        return Err(fields.refuse("size", problem));
    }
    let mut schemes = Vec::new();
    for scheme in fields.texts("schemes")? {
        if !text::is_scheme(scheme) {
            let problem = format!("`schemes` of {} has what is no URL scheme", fields.name);
            return Err(fields.refuse("schemes", problem));
        }
        schemes.push(scheme.to_owned());
    }
    let locked = Locked {
        requirement,
        version: fields.parsed("version")?,
        registry: fields.parsed("registry")?,
        component,
        size,
        abi: fields.parsed("abi")?,
        schemes,
        name,
    };
    Ok((locked, source.line(span)))
}

fn repair(name: &str) -> String {
    format!(
        "take the file back from version control, or remove the block of {name} and run `waitfor plugin lock`"
    )
}
