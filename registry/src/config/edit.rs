//! Editing `waitfor.toml`: only what was asked for changes, and what comes
//! out is read again before it counts.

use std::path::Path;

use toml_edit::{Document, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::read::check_team;
use super::{Config, DEFAULT, Wanted};
use crate::toml_file::{Role, Source, put};
use crate::{Error, Location, Name, Result};

impl Config {
    /// Wants a plugin, in place of what was wanted of it; says whether that
    /// changed anything.
    ///
    /// # Errors
    /// Where the file has no place for it.
    pub fn set_plugin(&mut self, wanted: &Wanted) -> Result<bool> {
        if self.wanted(&wanted.name) == Some(wanted) {
            return Ok(false);
        }
        let name = wanted.name.as_str();
        let version = wanted.requirement();
        let registry = wanted.registry.as_ref().map(Location::to_string);
        self.edit("plugins", |plugins| {
            let before = plugins.get_mut(name).and_then(Item::as_table_like_mut);
            match (before, registry) {
                (Some(entry), registry) => {
                    put(entry, "version", version.into());
                    match registry {
                        Some(registry) => put(entry, "registry", registry.into()),
                        None => {
                            entry.remove("registry");
                        }
                    }
                }
                (None, None) => put(plugins, name, version.into()),
                (None, Some(registry)) => {
                    let mut entry = InlineTable::new();
                    entry.insert("version", version.into());
                    entry.insert("registry", registry.into());
                    put(plugins, name, Value::InlineTable(entry));
                }
            }
        })?;
        Ok(true)
    }

    /// Wants a plugin no longer; says whether it was wanted. Comments above
    /// its line stay, as they may be about its neighbours.
    ///
    /// # Errors
    /// Where the file has no place for it.
    pub fn remove_plugin(&mut self, name: &Name) -> Result<bool> {
        if self.wanted(name).is_none() {
            return Ok(false);
        }
        match self.without_line(name.as_str())? {
            Some(text) => self.take(&text)?,
            None => self.edit("plugins", |plugins| {
                plugins.remove(name.as_str());
            })?,
        }
        Ok(true)
    }

    /// Binds a team, or [`DEFAULT`] where there is none, to a registry; says
    /// whether that changed anything. Certificates and mirrors stay where the
    /// location does, and go where it changes: they were another registry's.
    ///
    /// # Errors
    /// Where `team` is none, or the file has no place for it.
    pub fn bind(&mut self, team: Option<&str>, location: &Location) -> Result<bool> {
        let key = team.unwrap_or(DEFAULT);
        check_team(key).map_err(|problem| self.source().unusable(None, problem, None))?;
        let before = self.registries.get(key);
        if before.is_some_and(|before| before.location == *location) {
            return Ok(false);
        }
        self.edit("registries", |registries| {
            put(registries, key, location.to_string().into());
        })?;
        Ok(true)
    }

    /// Sets the folder of vendored plugins, relative to that of the file; says
    /// whether that changed anything.
    ///
    /// # Errors
    /// Where the path is not UTF-8, or the file has no place for it.
    pub fn set_vendor(&mut self, folder: Option<&Path>) -> Result<bool> {
        if self.vendor.as_deref() == folder {
            return Ok(false);
        }
        match folder {
            None => self.change(|document| {
                document.remove("vendor");
            })?,
            Some(folder) => {
                let text = folder.to_str().ok_or_else(|| {
                    let problem = format!("the path `{}` is not UTF-8", folder.display());
                    self.source().unusable(None, problem, None)
                })?;
                self.edit("vendor", |vendor| put(vendor, "folder", text.into()))?;
            }
        }
        Ok(true)
    }

    fn source(&self) -> Source<'_> {
        Source {
            role: Role::Config,
            path: &self.path,
            text: &self.text,
        }
    }

    /// Changes the table `name`, which is made where there is none.
    fn edit(&mut self, name: &str, change: impl FnOnce(&mut dyn TableLike)) -> Result<()> {
        self.change(|document| {
            if !document.contains_key(name) {
                append(document, name);
            }
            if let Some(table) = document.get_mut(name).and_then(Item::as_table_like_mut) {
                change(table);
            }
        })
    }

    fn change(&mut self, change: impl FnOnce(&mut DocumentMut)) -> Result<()> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let source = Source {
            role: Role::Config,
            path: &self.path,
            text,
        };
        let mut document = source.document("")?.into_mut();
        change(&mut document);
        let mut text = document.to_string();
        if self.text.contains("\r\n") {
            // Texts of several lines have kept theirs.
            text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        self.take(&text)
    }

    /// Becomes what `text` says.
    fn take(&mut self, text: &str) -> Result<()> {
        *self = Self::parse(&self.path, text).map_err(|error| match error {
            Error::Unusable(mut file) => {
                file.problem = format!("this edit would break it: {}", file.problem);
                file.hint = Some("edit it by hand".to_owned());
                Error::Unusable(file)
            }
            other => other,
        })?;
        Ok(())
    }

    /// The text without the one line of a plugin; none where the plugin has
    /// more than one, or shares it.
    fn without_line(&self, name: &str) -> Result<Option<String>> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(&self.text);
        let source = Source {
            role: Role::Config,
            path: &self.path,
            text,
        };
        let document: Document<&str> = source.document("")?;
        let cut = || {
            let plugins = document.get("plugins")?.as_table()?;
            let (key, item) = plugins.get_key_value(name)?;
            let (key, value) = (key.span()?, item.as_value()?.span()?);
            let start = text.get(..key.start)?.rfind('\n').map_or(0, |at| at + 1);
            let end = text.get(value.end..)?.find('\n');
            let end = end.map_or(text.len(), |at| value.end + at + 1);
            Some(format!("{}{}", text.get(..start)?, text.get(end..)?))
        };
        Ok(cut())
    }
}

/// Adds the table `name` at the end, behind the comments that stand there.
fn append(document: &mut DocumentMut, name: &str) {
    let mut table = Table::new();
    let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
    if !trailing.trim().is_empty() {
        let end = if trailing.ends_with('\n') {
            "\n"
        } else {
            "\n\n"
        };
        table.decor_mut().set_prefix(format!("{trailing}{end}"));
        document.set_trailing("");
    }
    // Behind every table that is there.
    table.set_position(Some(isize::MAX));
    document.insert(name, Item::Table(table));
}
