//! Reading `waitfor.toml`: a mistake is named with its line, and a key that
//! nobody knows is one, since it was meant to do something.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use toml_edit::{Item, TableLike};

use super::{Binding, Config, DEFAULT, Wanted, parse_requirement};
use crate::location::Remote;
use crate::toml_file::{self, Fields, Role, Source};
use crate::{Error, Location, Name, Result};

const WANTED: &[&str] = &["version", "registry"];
const BINDING: &[&str] = &["location", "ca-file", "plain-http", "mirrors"];

pub(super) fn config(path: &Path, text: &str) -> Result<Config> {
    let source = Source {
        role: Role::Config,
        path,
        text: text.strip_prefix('\u{feff}').unwrap_or(text),
    };
    let document = source.document("take what is right of either side")?;
    let mut plugins = Vec::new();
    each(source, document.as_table(), "plugins", |entry| {
        plugins.push(wanted(entry)?);
        Ok(())
    })?;
    plugins.sort_by(|a: &Wanted, b| a.name.cmp(&b.name));
    let mut registries = BTreeMap::new();
    each(source, document.as_table(), "registries", |entry| {
        registries.insert(team(entry)?, binding(entry)?);
        Ok(())
    })?;
    let vendor = document.get("vendor").map(|item| vendor(source, item));
    Ok(Config {
        path: path.to_owned(),
        text: text.to_owned(),
        plugins,
        registries,
        vendor: vendor.transpose()?,
    })
}

/// One key of a table.
struct Entry<'a> {
    source: Source<'a>,
    key: &'a str,
    /// Where the key stands.
    span: Option<Range<usize>>,
    item: &'a Item,
}

impl<'a> Entry<'a> {
    /// Its own keys, where it is a table with none but `known`.
    fn fields(&self, known: &[&str], hint: &str) -> Result<Option<Fields<'a>>> {
        let Some(table) = self.item.as_table_like() else {
            return Ok(None);
        };
        let fields = Fields {
            source: self.source,
            table,
            span: self.span.clone(),
            name: format!("`{}`", self.key.escape_debug()),
            hint: None,
        };
        fields.only(known)?;
        Ok(Some(Fields {
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
            ..fields
        }))
    }

    /// What was read of it, or the complaint about it.
    fn read<T>(&self, read: Result<T>) -> Result<T> {
        read.map_err(|error| {
            self.source
                .unusable(self.span.clone(), error.to_string(), error.hint())
        })
    }
}

fn each<'a>(
    source: Source<'a>,
    document: &'a dyn TableLike,
    name: &str,
    mut take: impl FnMut(&Entry<'a>) -> Result<()>,
) -> Result<()> {
    let Some(item) = document.get(name) else {
        return Ok(());
    };
    let table = item.as_table_like().ok_or_else(|| {
        let problem = format!("`{name}` is not a table");
        source.unusable(
            item.span(),
            problem,
            Some(format!("write [{name}] above its keys")),
        )
    })?;
    for (key, item) in table.iter() {
        let span = table.key(key).and_then(|key| key.span());
        take(&Entry {
            source,
            key,
            span,
            item,
        })?;
    }
    Ok(())
}

fn wanted(entry: &Entry<'_>) -> Result<Wanted> {
    let name: Name = entry.read(entry.key.parse())?;
    if let Some(fields) = entry.fields(WANTED, "")? {
        let reference = parse_requirement(fields.text("version")?);
        let registry = match fields.get("registry") {
            Some(_) => Some(fields.parsed("registry")?),
            None => None,
        };
        return Ok(Wanted {
            reference: fields.read("version", reference)?,
            registry,
            name,
        });
    }
    let refuse = |problem: String, hint: Option<String>| {
        entry.source.unusable(entry.item.span(), problem, hint)
    };
    let text = entry.item.as_str().ok_or_else(|| {
        refuse(
            format!("what is wanted of `{name}` is not a text"),
            Some("write it in quotes, as in \"1.2\"".to_owned()),
        )
    })?;
    let reference = parse_requirement(text)
        .map_err(|error| refuse(format!("`{name}`: {error}"), error.hint()))?;
    Ok(Wanted {
        name,
        reference,
        registry: None,
    })
}

/// The team that is bound, or [`DEFAULT`].
fn team(entry: &Entry<'_>) -> Result<String> {
    if entry.key != DEFAULT {
        check_team(entry.key).map_err(|problem| {
            entry.source.unusable(
                entry.span.clone(),
                problem,
                Some("write the part of a plugin's name before the `/`, or `default` for names without one".to_owned()),
            )
        })?;
    }
    Ok(entry.key.to_owned())
}

/// What keeps a text from being a team, where something does.
pub(super) fn check_team(text: &str) -> std::result::Result<(), String> {
    match format!("{text}/x").parse::<Name>() {
        Ok(_) => Ok(()),
        Err(Error::Name { problem, .. }) => Err(format!(
            "`{}` is not a team: {problem}",
            text.escape_debug()
        )),
        Err(error) => Err(error.to_string()),
    }
}

fn binding(entry: &Entry<'_>) -> Result<Binding> {
    let Some(fields) = entry.fields(BINDING, "")? else {
        let key = entry.key;
        let refuse = |problem: String, hint: Option<String>| {
            entry.source.unusable(entry.item.span(), problem, hint)
        };
        let text = entry.item.as_str().ok_or_else(|| {
            refuse(
                format!("the registry of `{key}` is not a text"),
                Some("write it in quotes, as in \"registry.example.com/probes\"".to_owned()),
            )
        })?;
        return text
            .parse()
            .map(Binding::to)
            .map_err(|error: Error| refuse(format!("`{key}`: {error}"), error.hint()));
    };
    let mut binding = Binding::to(fields.parsed("location")?);
    for key in BINDING.iter().filter(|key| **key != "location") {
        if fields.get(key).is_some() && !matches!(binding.location, Location::Remote(_)) {
            let problem = format!(
                "`{key}` of {} has no meaning for {}",
                fields.name, binding.location
            );
            return Err(fields.refuse(key, problem));
        }
    }
    if let Some(item) = fields.get("plain-http") {
        binding.plain_http = item.as_bool().ok_or_else(|| {
            let problem = format!("`plain-http` of {} is neither true nor false", fields.name);
            fields.refuse("plain-http", problem)
        })?;
    }
    if fields.get("ca-file").is_some() {
        let folder = toml_file::folder(entry.source.path);
        binding.ca_file = Some(folder.join(path(&fields, "ca-file")?));
    }
    for text in fields.texts("mirrors")? {
        binding.mirrors.push(fields.read("mirrors", mirror(text))?);
    }
    Ok(binding)
}

fn mirror(text: &str) -> Result<Remote> {
    match text.parse()? {
        Location::Remote(remote) => Ok(remote),
        Location::Official | Location::Folder(_) => Err(Error::Location {
            text: text.to_owned(),
            problem: "a mirror is a registry",
        }),
    }
}

fn vendor(source: Source<'_>, item: &Item) -> Result<PathBuf> {
    let entry = Entry {
        source,
        key: "vendor",
        span: item.span(),
        item,
    };
    match entry.fields(&["folder"], "write folder = \"PATH\" under [vendor]")? {
        Some(fields) => inside(&fields, "folder"),
        None => Err(source.unusable(
            item.span(),
            "`vendor` is not a table",
            Some("write folder = \"PATH\" under [vendor]".to_owned()),
        )),
    }
}

/// A folder below that of the file: what is not locked is removed from it, so
/// it may be nobody else's.
fn inside(fields: &Fields<'_>, key: &str) -> Result<PathBuf> {
    let path = path(fields, key)?;
    let mut is_below = false;
    for part in path.components() {
        match part {
            Component::Normal(_) => is_below = true,
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                is_below = false;
                break;
            }
        }
    }
    if is_below {
        return Ok(path);
    }
    let problem = format!(
        "`{key}` of {} is not below the folder of this file",
        fields.name
    );
    let hint = "name a folder of the project, relative to this file and without `..`";
    Err(fields
        .source
        .unusable(fields.span_of(key), problem, Some(hint.to_owned())))
}

fn path(fields: &Fields<'_>, key: &str) -> Result<PathBuf> {
    let text = fields.text(key)?;
    if text.is_empty() || text.contains(char::is_control) {
        return Err(fields.refuse(key, format!("`{key}` of {} is not a path", fields.name)));
    }
    Ok(PathBuf::from(text))
}
