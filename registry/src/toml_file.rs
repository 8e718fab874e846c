//! Files that people and git write by hand: every complaint names the line,
//! and none of them shows what stands there, since that may be a password.

use std::fmt;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml_edit::{Document, Item, Key, TableLike, Value};

use crate::{Error, Result, input};

/// The most bytes that such a file may have.
const MAX_LENGTH: u64 = 4 << 20;

/// Which of a project's files it is: a mistake in the one is the user's, in
/// the other it is a plugin that is not locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `waitfor.toml`.
    Config,
    /// `waitfor.lock`.
    Lock,
}

/// The way out where a lock as a whole is broken.
pub(crate) const RESTORE: &str =
    "take the file back from version control, or remove it and run `waitfor plugin lock`";

/// A file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// What it is for.
    pub role: Role,
    /// The file.
    pub path: PathBuf,
    /// Line and column, from 1, where one is at fault.
    pub at: Option<(usize, usize)>,
    /// What is wrong, without the file's own text around it.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Unusable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.path.display())?;
        if let Some((line, column)) = self.at {
            write!(formatter, "{line}:{column}:")?;
        }
        write!(formatter, " {}", self.problem)
    }
}

/// A text and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) role: Role,
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl<'a> Source<'a> {
    /// The document in it; `merged` is what to do where git left both sides
    /// of a merge in it.
    pub(crate) fn document(self, merged: &str) -> Result<Document<&'a str>> {
        if let Some(line) = self.text.lines().position(is_conflict_marker) {
            return Err(Error::Unusable(Box::new(Unusable {
                role: self.role,
                path: self.path.to_owned(),
                at: Some((line + 1, 1)),
                problem: "a merge left a conflict here".to_owned(),
                hint: Some(merged.to_owned()),
            })));
        }
        Document::parse(self.text).map_err(|error| {
            let message = error.message().trim_end_matches('.');
            let problem = message.replace('\n', ", ");
            let way_out = match self.role {
                Role::Config => None,
                Role::Lock => Some(RESTORE.to_owned()),
            };
            self.unusable(error.span(), problem, way_out)
        })
    }

    /// The line of `span`, from 1.
    pub(crate) fn line(self, span: Option<Range<usize>>) -> usize {
        span.map_or(1, |span| position(self.text, span.start).0)
    }

    /// The complaint about what stands at `span`.
    pub(crate) fn unusable(
        self,
        span: Option<Range<usize>>,
        problem: impl Into<String>,
        hint: Option<String>,
    ) -> Error {
        Error::Unusable(Box::new(Unusable {
            role: self.role,
            path: self.path.to_owned(),
            at: span.map(|span| position(self.text, span.start)),
            problem: problem.into(),
            hint,
        }))
    }
}

/// Puts `value` at `key`, with the comment and the spaces that were there.
pub(crate) fn put(table: &mut dyn TableLike, key: &str, mut value: Value) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(before) => {
            *value.decor_mut() = before.decor().clone();
            *before = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Whether git wrote the line between the sides of a merge.
fn is_conflict_marker(line: &str) -> bool {
    ["<<<<<<<", "|||||||", "=======", ">>>>>>>"]
        .iter()
        .filter_map(|marker| line.strip_prefix(marker))
        .any(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The keys of one table, each read as what it must be.
pub(crate) struct Fields<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) table: &'a dyn TableLike,
    /// Where the table stands.
    pub(crate) span: Option<Range<usize>>,
    /// What messages call it, as in `` `vertica` ``.
    pub(crate) name: String,
    pub(crate) hint: Option<String>,
}

impl<'a> Fields<'a> {
    /// What `key` holds; none where it is not there.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Item> {
        self.table.get(key)
    }

    /// A text that must be there.
    pub(crate) fn text(&self, key: &str) -> Result<&'a str> {
        self.required(key)?
            .as_str()
            .ok_or_else(|| self.refuse(key, format!("`{key}` of {} is not a text", self.name)))
    }

    /// A number that must be there, and is not negative.
    pub(crate) fn number(&self, key: &str) -> Result<u64> {
        let number = self.required(key)?.as_integer();
        number
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| {
                self.refuse(
                    key,
                    format!("`{key}` of {} is not a number from 0", self.name),
                )
            })
    }

    /// Texts; none of them where the key is not there.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<&'a str>> {
        let Some(item) = self.get(key) else {
            return Ok(Vec::new());
        };
        let texts: Option<Vec<&str>> = item
            .as_array()
            .and_then(|array| array.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| {
            self.refuse(
                key,
                format!("`{key}` of {} is not a list of texts", self.name),
            )
        })
    }

    /// A text that must be there, as what it stands for.
    pub(crate) fn parsed<T: FromStr<Err = Error>>(&self, key: &str) -> Result<T> {
        let text = self.text(key)?;
        self.read(key, text.parse())
    }

    /// What was read of `key`, or the complaint about it.
    pub(crate) fn read<T>(&self, key: &str, read: Result<T>) -> Result<T> {
        read.map_err(|error| {
            let hint = self.hint.clone().or_else(|| error.hint());
            self.source.unusable(
                self.span_of(key),
                format!("`{key}` of {}: {error}", self.name),
                hint,
            )
        })
    }

    /// The complaint about what `key` holds.
    pub(crate) fn refuse(&self, key: &str, problem: String) -> Error {
        self.source
            .unusable(self.span_of(key), problem, self.hint.clone())
    }

    /// Refuses keys that are none of `known`.
    pub(crate) fn only(&self, known: &[&str]) -> Result<()> {
        match self.table.iter().find(|(key, _)| !known.contains(key)) {
            None => Ok(()),
            Some((key, _)) => Err(self.source.unusable(
                self.table
                    .key(key)
                    .and_then(Key::span)
                    .or(self.span.clone()),
                format!("{} has no `{}`", self.name, key.escape_debug()),
                Some(format!("it may have {}", listed(known))),
            )),
        }
    }

    fn required(&self, key: &str) -> Result<&'a Item> {
        self.get(key).ok_or_else(|| {
            self.source.unusable(
                self.span.clone(),
                format!("{} has no `{key}`", self.name),
                self.hint.clone(),
            )
        })
    }

    pub(crate) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.get(key)
            .and_then(Item::span)
            .or_else(|| self.table.key(key).and_then(Key::span))
            .or_else(|| self.span.clone())
    }
}

/// The words, as in `` `a`, `b` and `c` ``.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Line and column of a byte, from 1; the column counts characters.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).map_or(0, |line| line.chars().count()) + 1;
    (line, column)
}

/// The folder of the file at `path`.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The text of the file at `path`; none where there is no such file.
pub(crate) fn read(role: Role, path: &Path) -> Result<Option<String>> {
    let failed = |source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let refuse = |problem: &str| {
        let hint = match role {
            Role::Config => "put a text file in UTF-8 in its place, or remove it",
            Role::Lock => RESTORE,
        };
        Error::Unusable(Box::new(Unusable {
            role,
            path: path.to_owned(),
            at: None,
            problem: problem.to_owned(),
            hint: Some(hint.to_owned()),
        }))
    };
    let bytes = match input::at_most(path, MAX_LENGTH + 1) {
        Ok(bytes) => bytes,
        Err(error) => {
            return match error.kind() {
                // Where a link is, a file was meant to be.
                io::ErrorKind::NotFound => match fs::symlink_metadata(path) {
                    Ok(found) if found.is_symlink() => {
                        Err(refuse("it is a link, and leads to no file"))
                    }
                    _ => Ok(None),
                },
                io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => {
                    Err(refuse(&error.to_string()))
                }
                _ => Err(failed(error)),
            };
        }
    };
    if bytes.len() as u64 > MAX_LENGTH {
        return Err(refuse("it is larger than 4 MiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not UTF-8"))?;
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one_and_in_characters() {
        let text = "a\nüü x\r\nlast";
        for (byte, expected) in [
            (0, (1, 1)),
            (2, (2, 1)),
            (7, (2, 4)),
            (13, (3, 4)),
            (99, (3, 5)),
        ] {
            assert_eq!(position(text, byte), expected, "{byte}");
        }
    }

    #[test]
    fn a_syntax_error_names_its_place_and_not_the_text_there() {
        let source = Source {
            role: Role::Config,
            path: Path::new("waitfor.toml"),
            text: "[targets.db]\nurl = \"postgres://app:hunter2@db\n",
        };
        let error = source.document("").unwrap_err().to_string();
        assert!(error.starts_with("waitfor.toml:2:"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn both_sides_of_a_merge_are_told_from_text() {
        for line in ["<<<<<<< HEAD", "|||||||", "=======", ">>>>>>> main"] {
            let text = format!("a = 1\n{line}\r\nb = 2\n");
            let source = Source {
                role: Role::Config,
                path: Path::new("waitfor.lock"),
                text: &text,
            };
            let error = source.document("take one").unwrap_err();
            assert_eq!(
                (error.to_string(), error.hint()),
                (
                    "waitfor.lock:2:1: a merge left a conflict here".to_owned(),
                    Some("take one".to_owned())
                )
            );
        }
        for line in ["========", " =======", "# <<<<<<< HEAD"] {
            assert!(!is_conflict_marker(line), "{line}");
        }
    }

    #[test]
    fn a_file_is_read_where_it_is_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert_eq!(read(Role::Config, &path).unwrap(), None);
        std::fs::write(&path, "a = 1\r\n").unwrap();
        assert_eq!(
            read(Role::Config, &path).unwrap().as_deref(),
            Some("a = 1\r\n")
        );
        std::fs::write(&path, b"a = \xff").unwrap();
        let error = read(Role::Config, &path).unwrap_err().to_string();
        assert_eq!(error, format!("{}: it is not UTF-8", path.display()));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_there_and_no_text_file_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("link")).unwrap();
        input::tests::pipe(&at("pipe"));
        let large = fs::File::create(at("large")).unwrap();
        large.set_len(MAX_LENGTH + 1).unwrap();
        for (name, problem) in [
            ("folder", "it is a folder"),
            ("link", "it is a link, and leads to no file"),
            ("pipe", "it is a pipe or a device, and not a file"),
            ("large", "it is larger than 4 MiB"),
        ] {
            for (role, hint) in [
                (
                    Role::Config,
                    "put a text file in UTF-8 in its place, or remove it",
                ),
                (Role::Lock, RESTORE),
            ] {
                let error = read(role, &at(name)).unwrap_err();
                let expected = format!("{}: {problem}", at(name).display());
                assert_eq!(error.to_string(), expected);
                assert_eq!(error.hint().as_deref(), Some(hint), "{name}");
            }
        }
    }
}
