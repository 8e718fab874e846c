//! Reads what a registry asks for in `WWW-Authenticate` (RFC 9110, section
//! 11.6.1), since it names the place to get a token from.

/// How a registry wants to be convinced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token from elsewhere (the distribution project's token
    /// specification).
    Bearer {
        /// The URL that gives tokens.
        realm: String,
        /// Whom the token is for.
        service: Option<String>,
        /// What it should allow, as the registry sees it.
        scope: Option<String>,
    },
}

/// The challenges in the values of all `WWW-Authenticate` headers; those of
/// other kinds are passed over.
pub(super) fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut found = Vec::new();
    for value in values {
        let mut scheme = String::new();
        let mut parameters: Vec<(String, String)> = Vec::new();
        let mut rest = value;
        while let Some((token, after)) = next_token(rest) {
            match after.trim_start().strip_prefix('=') {
                Some(after) => {
                    let (text, after) = next_value(after.trim_start());
                    parameters.push((token.to_ascii_lowercase(), text));
                    rest = after;
                }
                None => {
                    finish(&scheme, &parameters, &mut found);
                    scheme = token.to_ascii_lowercase();
                    parameters.clear();
                    rest = after;
                }
            }
        }
        finish(&scheme, &parameters, &mut found);
    }
    found
}

fn finish(scheme: &str, parameters: &[(String, String)], found: &mut Vec<Challenge>) {
    let parameter = |wanted: &str| {
        parameters
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.clone())
    };
    match scheme {
        "basic" => found.push(Challenge::Basic),
        "bearer" => {
            if let Some(realm) = parameter("realm") {
                found.push(Challenge::Bearer {
                    realm,
                    service: parameter("service"),
                    scope: parameter("scope"),
                });
            }
        }
        _ => {}
    }
}

/// The next word, and what stands behind it.
fn next_token(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace());
    let end = text
        .find(|letter: char| letter == ',' || letter == '=' || letter.is_whitespace())
        .unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    if token.is_empty() {
        // A lone `=` is no word; nothing after it can be trusted either.
        return None;
    }
    Some((token, rest))
}

/// The value behind `=`, with or without quotes, and what stands behind it.
fn next_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text
            .find(|letter: char| letter == ',' || letter.is_whitespace())
            .unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, quoted.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(letters.next().map(|(_, letter)| letter)),
            letter => value.push(letter),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn reads_what_registries_send() {
        let cases = [
            (r#"Basic realm="Registry""#, vec![Challenge::Basic]),
            ("basic", vec![Challenge::Basic]),
            (
                r#"Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#,
                vec![bearer(
                    "https://auth.example/token",
                    Some("r.example"),
                    Some("repository:a/b:pull,push"),
                )],
            ),
            (
                r#"Negotiate, BEARER realm=https://a.example/t , Service = "a \"b\" c", Basic realm=x"#,
                vec![
                    bearer("https://a.example/t", Some(r#"a "b" c"#), None),
                    Challenge::Basic,
                ],
            ),
            (r#"Bearer service="r.example""#, vec![]),
            (r#"Digest realm="x", nonce="y""#, vec![]),
            (
                r#"Bearer realm="unfinished"#,
                vec![bearer("unfinished", None, None)],
            ),
            ("= = =", vec![]),
            ("", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(parse([text]), expected, "{text}");
        }
        let two = parse([r#"Bearer realm="https://a.example""#, "Basic"]);
        assert_eq!(
            two,
            [bearer("https://a.example", None, None), Challenge::Basic]
        );
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in r#"[a-zB="\\, é]{0,40}"#) {
            let _ = parse([text.as_str()]);
        }
    }
}
