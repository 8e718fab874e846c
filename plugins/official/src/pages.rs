//! The page of each probe holds a table of its parameters, written from what
//! the probe declares, so that the page cannot say anything else.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use waitfor_sdk::params::Spec;

use crate::probes::Official;
use crate::{Failure, Result};

const OPENING: &str = "<!-- parameters -->";
const CLOSING: &str = "<!-- /parameters -->";

/// Where the page of a probe stands, below the checkout `root`.
pub fn path(root: &Path, probe: &Official) -> PathBuf {
    root.join("docs/probes").join(format!("{}.md", probe.name))
}

/// The page of a probe as it stands, and as it should.
///
/// # Errors
/// Where the page is missing or has no place for the table.
pub fn page(root: &Path, probe: &Official) -> Result<(String, String)> {
    let path = path(root, probe);
    let page = fs::read_to_string(&path).map_err(|error| Failure::io("read", &path, &error))?;
    let filled = fill(&page, &table(&(probe.specs)())).ok_or_else(|| {
        Failure::new(format!(
            "`{}` has no place for the table of parameters",
            path.display()
        ))
        .hint(format!(
            "write the lines {OPENING} and {CLOSING} where it belongs"
        ))
    })?;
    Ok((page, filled))
}

/// Puts `table` between the two marks of `page`.
fn fill(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(OPENING)?;
    let (_, after) = rest.split_once(CLOSING)?;
    Some(format!("{before}{OPENING}\n\n{table}\n{CLOSING}{after}"))
}

/// The parameters as a Markdown table.
pub fn table(specs: &[Spec]) -> String {
    let mut table = String::from(
        "| option | kind | default | environment | in a URL | meaning |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for spec in specs {
        let cells = [
            option(spec),
            kind(spec),
            default(spec),
            code(more(spec, "env")),
            place(spec),
            meaning(spec),
        ];
        table.push('|');
        for cell in cells {
            let cell = cell.replace('|', "\\|");
            // Writing to a text cannot fail.
            let _ = write!(table, " {cell}{}|", if cell.is_empty() { "" } else { " " });
        }
        table.push('\n');
    }
    table
}

fn more<'a>(spec: &'a Spec, name: &str) -> impl Iterator<Item = &'a str> {
    spec.more
        .iter()
        .filter(move |(key, _)| *key == name)
        .map(|(_, value)| value.as_str())
}

fn first<'a>(spec: &'a Spec, name: &str) -> Option<&'a str> {
    more(spec, name).next()
}

fn code<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn option(spec: &Spec) -> String {
    let name = &spec.name;
    match (spec.kind, first(spec, "placeholder")) {
        ("switch", _) => format!("`--{name}`"),
        ("secret", _) => format!("`--{name}`, `--{name}-file`"),
        (_, Some(placeholder)) => format!("`--{name} {placeholder}`"),
        (_, None) => format!("`--{name}`"),
    }
}

fn kind(spec: &Spec) -> String {
    let mut kind = match spec.kind {
        "choice" => code(spec.choices.iter().copied()),
        other => other.to_owned(),
    };
    let bounds = match (first(spec, "min"), first(spec, "max")) {
        (Some(min), Some(max)) => format!(", {min} to {max}"),
        (Some(min), None) => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        (None, None) => String::new(),
    };
    kind.push_str(&bounds);
    if spec.multiple {
        kind.push_str(", several");
    }
    kind
}

fn default(spec: &Spec) -> String {
    match (spec.default, first(spec, "default-from")) {
        (Some(text), _) => format!("`{text}`"),
        (None, Some("os-user")) => "the name of the system's user".to_owned(),
        (None, Some(other)) => format!("that of `--{other}`"),
        (None, None) if spec.required => "required".to_owned(),
        (None, None) => String::new(),
    }
}

fn place(spec: &Spec) -> String {
    let part = first(spec, "url-part").map(|part| match part {
        "username" => "the user name",
        "password" => "the password",
        "path" => "the path",
        "request-target" => "the path and the query",
        other => other,
    });
    let keys = std::iter::once(spec.name.as_str())
        .chain(more(spec, "alias"))
        .map(|key| format!("`{key}=`"));
    let places: Vec<String> = part.map(str::to_owned).into_iter().chain(keys).collect();
    places.join(", ")
}

fn meaning(spec: &Spec) -> String {
    let mut meaning = spec.summary.clone();
    if let Some(option) = first(spec, "host").filter(|option| *option != spec.name) {
        // Writing to a text cannot fail.
        let _ = write!(meaning, "; sets `--{option}`");
    }
    if let Some(format) = first(spec, "password-file") {
        // Writing to a text cannot fail.
        let _ = write!(meaning, "; also from a {format} file");
    }
    meaning
}

#[cfg(test)]
mod tests {
    use waitfor_sdk::params::Declared;
    use waitfor_sdk::{ForHost, Millis, Path as File, Secret, choice, params};

    use super::*;

    choice! {
        /// A role.
        pub enum Role { Any = "any", Primary = "primary" }
    }

    params! {
        /// One parameter of each kind.
        pub struct Params {
            /// the user to log in as
            user: Option<String> { env: &["DEMO_USER", "USER"], url_part: "username", default_from: "os-user" }
            /// the database
            dbname: Option<String> { url_part: "path", default_from: "user", alias: &["database"] }
            /// the password
            password: Option<Secret> { url_part: "password", password_file: "pgpass" }
            /// the role that it must have
            role: Role { default: "any" }
            /// a | b
            expect: Vec<String> { placeholder: "TEXT" }
            /// how many
            count: i64 { min: 1, max: 9 }
            /// how long
            pause: Millis { default: "1s" }
            /// less talk
            quiet: bool {}
            /// a file of roots
            sslrootcert: ForHost<File> { host: "tls-ca" }
        }
    }

    #[test]
    fn the_table_says_everything_that_is_declared() {
        let expected = "\
| option | kind | default | environment | in a URL | meaning |
| --- | --- | --- | --- | --- | --- |
| `--user` | text | the name of the system's user | `DEMO_USER`, `USER` | the user name, `user=` | the user to log in as |
| `--dbname` | text | that of `--user` | | the path, `dbname=`, `database=` | the database |
| `--password`, `--password-file` | secret | | | the password, `password=` | the password; also from a pgpass file |
| `--role` | `any`, `primary` | `any` | | `role=` | the role that it must have |
| `--expect TEXT` | text, several | | | `expect=` | a \\| b |
| `--count` | integer, 1 to 9 | required | | `count=` | how many |
| `--pause` | duration | `1s` | | `pause=` | how long |
| `--quiet` | switch | | | `quiet=` | less talk |
| `--sslrootcert` | path | | | `sslrootcert=` | a file of roots; sets `--tls-ca` |
";
        assert_eq!(table(&Params::specs()), expected);
    }

    #[test]
    fn the_table_stands_between_its_marks() {
        let page = "# Redis\n<!-- parameters -->\nold\n<!-- /parameters -->\nmore\n";
        let filled = fill(page, "| new |\n").unwrap();
        assert_eq!(
            filled,
            "# Redis\n<!-- parameters -->\n\n| new |\n\n<!-- /parameters -->\nmore\n"
        );
        assert_eq!(fill(&filled, "| new |\n").unwrap(), filled);
        assert_eq!(fill("# Redis\n<!-- parameters -->\n", ""), None);
    }
}
