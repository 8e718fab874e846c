//! Expectations of a JSON body: a pointer (RFC 6901), and maybe a comparison
//! of what it finds.

use alloc::format;
use alloc::string::{String, ToString};

use serde_json::Value;

use crate::expect::quote;

/// One expectation.
pub(crate) struct JsonExpectation {
    pointer: String,
    comparison: Option<(Operator, Value)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The longer ones first: `<=` begins with `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

impl JsonExpectation {
    /// Reads `/pointer`, `/pointer exists` or `/pointer == value`. A value
    /// that is no JSON is taken for a string, since shells eat quotes.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let at = text
            .find(|character: char| character.is_whitespace() || "=!<>".contains(character))
            .unwrap_or(text.len());
        let (pointer, rest) = text.split_at(at);
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return Err(format!(
                "`{pointer}` does not begin with `/`, as a json pointer does"
            ));
        }
        let rest = rest.trim();
        let comparison = match rest {
            "" | "exists" => None,
            _ => {
                let (operator, value) = OPERATORS
                    .iter()
                    .find_map(|(word, operator)| Some((*operator, rest.strip_prefix(word)?)))
                    .ok_or_else(|| {
                        format!("`{rest}` does not begin with ==, !=, <, <=, > or >=")
                    })?;
                let value = value.trim();
                if value.is_empty() {
                    return Err(format!("`{text}` compares with nothing"));
                }
                let value = serde_json::from_str(value)
                    .unwrap_or_else(|_| Value::String(value.to_string()));
                let ordered = !matches!(operator, Operator::Equal | Operator::Unequal);
                if ordered && !value.is_number() {
                    return Err(format!("`{text}` orders by what is no number"));
                }
                Some((operator, value))
            }
        };
        Ok(Self {
            pointer: pointer.to_string(),
            comparison,
        })
    }

    /// Holds a document against it.
    pub(crate) fn check(&self, document: &Value) -> Result<(), String> {
        let shown = if self.pointer.is_empty() {
            "the json document".to_string()
        } else {
            format!("`{}`", self.pointer)
        };
        let Some(found) = document.pointer(&self.pointer) else {
            return Err(format!("{shown} is not in the json"));
        };
        let Some((operator, wanted)) = &self.comparison else {
            return Ok(());
        };
        if operator.holds(found, wanted) {
            return Ok(());
        }
        let word = OPERATORS
            .iter()
            .find(|(_, known)| known == operator)
            .map_or("==", |(word, _)| word);
        Err(format!(
            "{shown} is {}, wanted is {word} {}",
            quote(&found.to_string()),
            quote(&wanted.to_string())
        ))
    }
}

impl Operator {
    fn holds(self, found: &Value, wanted: &Value) -> bool {
        let (left, right) = (found.as_f64(), wanted.as_f64());
        let equal = found == wanted || (left.is_some() && left == right);
        match (self, left, right) {
            (Self::Equal, ..) => equal,
            (Self::Unequal, ..) => !equal,
            (Self::Less, Some(left), Some(right)) => left < right,
            (Self::LessOrEqual, Some(left), Some(right)) => left <= right,
            (Self::Greater, Some(left), Some(right)) => left > right,
            (Self::GreaterOrEqual, Some(left), Some(right)) => left >= right,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"status":"ok","count":3,"ratio":0.5,"up":true,"none":null,
        "list":[{"name":"a"},{"name":"b"}],"a/b":{"~":1},"text":"3"}"#;

    fn check(expectation: &str) -> Result<(), String> {
        let document = serde_json::from_str(DOCUMENT).unwrap();
        JsonExpectation::parse(expectation)
            .unwrap()
            .check(&document)
    }

    #[test]
    fn holds() {
        for expectation in [
            "/status",
            "/status exists",
            "/none",
            "/status == \"ok\"",
            "/status == ok",
            "/status==ok",
            "/status != starting",
            "/count == 3",
            "/count == 3.0",
            "/count >= 3",
            "/count<4",
            "/count > 2.5",
            "/ratio <= 0.5",
            "/up == true",
            "/none == null",
            "/none != 1",
            "/list/1/name == b",
            "/list/0 == {\"name\":\"a\"}",
            "/a~1b/~0 == 1",
            "/text == \"3\"",
            "",
            "!= null",
        ] {
            assert_eq!(check(expectation), Ok(()), "{expectation}");
        }
    }

    #[test]
    fn does_not_hold_and_says_why() {
        for (expectation, reason) in [
            ("/nosuch", "`/nosuch` is not in the json"),
            ("/list/2", "`/list/2` is not in the json"),
            (
                "/status == down",
                "`/status` is \"ok\", wanted is == \"down\"",
            ),
            ("/status != ok", "`/status` is \"ok\", wanted is != \"ok\""),
            ("/count < 3", "`/count` is 3, wanted is < 3"),
            ("/text == 3", "`/text` is \"3\", wanted is == 3"),
            ("/text > 2", "`/text` is \"3\", wanted is > 2"),
            ("/up == 1", "`/up` is true, wanted is == 1"),
            ("/none >= 0", "`/none` is null, wanted is >= 0"),
        ] {
            assert_eq!(check(expectation), Err(reason.to_string()), "{expectation}");
        }
        assert!(
            check("== null")
                .unwrap_err()
                .starts_with("the json document is {")
        );
    }

    #[test]
    fn refuses_what_is_no_expectation() {
        for text in [
            ".status",
            "status == ok",
            "$.a",
            "/a =",
            "/a ~ b",
            "/a ==",
            "/a > ",
            "/a > ok",
            "/a is ok",
        ] {
            assert!(JsonExpectation::parse(text).is_err(), "{text}");
        }
    }
}
