//! The few statements that clients of a waiting tool send, answered from the script.
//!
//! The set, after white space and case outside quotes are evened out and a closing `;` is dropped:
//!
//! - the empty statement;
//! - `select 1`, `select version()`;
//! - `select COLUMNS from TABLE [ALIAS] [where [ALIAS.]node_name in (select node_name from current_session)]`,
//!   with the tables `nodes` (schema `v_catalog`), `system` and `current_session` (schema `v_monitor`),
//!   the schema being optional, and `*` or any of their columns;
//! - `set session autocommit to on|off`, `commit`, `rollback`, `begin`.
//!
//! Everything else is a syntax error, as an unknown table or column is one of its own kind.

use super::wire::{Column, ColumnType};
use super::{Config, SqlError};

/// What a statement gives.
pub(super) enum Answer {
    /// A result.
    Rows {
        columns: Vec<Column>,
        rows: Vec<Vec<Option<String>>>,
    },
    /// No result, but perhaps a parameter that changed.
    Done {
        tag: &'static str,
        status: Option<(&'static str, &'static str)>,
    },
    /// There was no statement.
    Empty,
}

/// Executes one statement.
pub(super) fn execute(text: &str, config: &Config) -> Result<Answer, SqlError> {
    let statement = normalised(text);
    let done = |tag, status| Ok(Answer::Done { tag, status });
    match statement.as_str() {
        "" => Ok(Answer::Empty),
        "select 1" => Ok(single("?column?", ColumnType::Int, "1")),
        "select version()" => Ok(single(
            "version",
            ColumnType::Varchar,
            &config.server_version,
        )),
        "begin" => done("BEGIN", None),
        "commit" => done("COMMIT", None),
        "rollback" => done("ROLLBACK", None),
        "set session autocommit to on" => done("SET", Some(("auto_commit", "on"))),
        "set session autocommit to off" => done("SET", Some(("auto_commit", "off"))),
        _ => match Select::parse(&statement) {
            Some(select) => select.execute(config),
            None => Err(SqlError::syntax(
                statement.split(' ').next().unwrap_or_default(),
            )),
        },
    }
}

/// One space between words, none beside commas and parentheses, small letters outside quotes, no closing semicolon.
fn normalised(text: &str) -> String {
    let mut result = String::new();
    let mut quote = None;
    for character in text.trim().trim_end_matches(';').trim_end().chars() {
        match quote {
            Some(end) => {
                result.push(character);
                if character == end {
                    quote = None;
                }
            }
            None if character == '\'' || character == '"' => {
                quote = Some(character);
                result.push(character);
            }
            None if character.is_whitespace() => {
                if !result.ends_with([' ', ',', '(']) {
                    result.push(' ');
                }
            }
            None => {
                if matches!(character, ',' | ')') && result.ends_with(' ') {
                    result.pop();
                }
                result.extend(character.to_lowercase());
            }
        }
    }
    result
}

fn single(name: &str, kind: ColumnType, value: &str) -> Answer {
    Answer::Rows {
        columns: vec![Column {
            name: name.to_owned(),
            kind,
            table: None,
        }],
        rows: vec![vec![Some(value.to_owned())]],
    }
}

/// `select COLUMNS from TABLE [ALIAS] [where ...]`.
struct Select<'a> {
    columns: Vec<&'a str>,
    table: &'a str,
    own_node_only: bool,
}

impl<'a> Select<'a> {
    fn parse(statement: &'a str) -> Option<Select<'a>> {
        let (columns, rest) = statement.strip_prefix("select ")?.split_once(" from ")?;
        let (source, condition) = match rest.split_once(" where ") {
            Some((source, condition)) => (source, Some(condition)),
            None => (rest, None),
        };
        let mut words = source.split(' ');
        let table = words.next()?;
        let alias = words.next();
        if words.next().is_some() {
            return None;
        }
        let bare = |column: &'a str| match column.split_once('.') {
            Some((prefix, bare)) if Some(prefix) == alias => bare,
            _ => column,
        };
        let own_node_only = match condition {
            None => false,
            Some(condition) => {
                let (column, subquery) = condition.split_once(" in (")?;
                let subquery = subquery.strip_suffix(')')?;
                let known = matches!(
                    subquery,
                    "select node_name from current_session"
                        | "select node_name from v_monitor.current_session"
                );
                if bare(column) != "node_name" || !known {
                    return None;
                }
                true
            }
        };
        Some(Select {
            columns: columns.split(',').map(bare).collect(),
            table,
            own_node_only,
        })
    }

    fn execute(&self, config: &Config) -> Result<Answer, SqlError> {
        let table = Table::named(self.table, config)?;
        if !config.system_tables {
            return Err(SqlError::permission_denied(table.name.1));
        }
        let mut picked = Vec::new();
        for name in &self.columns {
            if *name == "*" {
                picked.extend(0..table.columns.len());
                continue;
            }
            let place = table.columns.iter().position(|(column, _)| column == name);
            picked.push(place.ok_or_else(|| SqlError::no_column(name))?);
        }
        let own = config.nodes.get(config.session_node).map(|node| &node.name);
        let rows = table
            .rows
            .iter()
            .filter(|row| !self.own_node_only || row.first() == Some(&own.cloned()))
            .map(|row| picked.iter().map(|place| row[*place].clone()).collect())
            .collect();
        let columns = picked
            .iter()
            .map(|place| Column {
                name: table.columns[*place].0.to_owned(),
                kind: table.columns[*place].1,
                table: Some(table.name),
            })
            .collect();
        Ok(Answer::Rows { columns, rows })
    }
}

/// A system table with its rows; `node_name` comes first where there is one.
struct Table {
    name: (&'static str, &'static str),
    columns: Vec<(&'static str, ColumnType)>,
    rows: Vec<Vec<Option<String>>>,
}

impl Table {
    fn named(name: &str, config: &Config) -> Result<Table, SqlError> {
        match name {
            "nodes" | "v_catalog.nodes" => Ok(Table::nodes(config)),
            "system" | "v_monitor.system" => Ok(Table::system(config)),
            "current_session" | "v_monitor.current_session" => Ok(Table {
                name: ("v_monitor", "current_session"),
                columns: vec![("node_name", ColumnType::Varchar)],
                rows: config
                    .nodes
                    .get(config.session_node)
                    .map(|node| vec![Some(node.name.clone())])
                    .into_iter()
                    .collect(),
            }),
            other => Err(SqlError::no_relation(other)),
        }
    }

    fn nodes(config: &Config) -> Table {
        let truth = |value| Some(if value { "t" } else { "f" }.to_owned());
        let mut table = Table {
            name: ("v_catalog", "nodes"),
            columns: vec![
                ("node_name", ColumnType::Varchar),
                ("node_state", ColumnType::Varchar),
                ("is_primary", ColumnType::Bool),
            ],
            rows: Vec::new(),
        };
        if config.readonly_column {
            table.columns.push(("is_readonly", ColumnType::Bool));
        }
        for node in &config.nodes {
            let mut row = vec![
                Some(node.name.clone()),
                Some(node.state.clone()),
                truth(node.is_primary),
            ];
            if config.readonly_column {
                row.push(truth(node.is_readonly));
            }
            table.rows.push(row);
        }
        table
    }

    fn system(config: &Config) -> Table {
        let columns = [
            "designed_fault_tolerance",
            "current_fault_tolerance",
            "node_count",
            "node_down_count",
        ];
        let row = config
            .fault_tolerance
            .map(|row| [row.designed, row.current, row.nodes, row.down]);
        Table {
            name: ("v_monitor", "system"),
            columns: columns.map(|name| (name, ColumnType::Int)).to_vec(),
            rows: row
                .map(|row| row.map(|number| Some(number.to_string())).to_vec())
                .into_iter()
                .collect(),
        }
    }
}
