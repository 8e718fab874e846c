//! What is published beside a component: everybody can read it, for as long as
//! the version is there, so it is looked through before.

use crate::error::{Error, Result};

/// Refuses what is no URL that others can open, without repeating it.
///
/// # Errors
/// Where it is none, or a secret may stand in it.
pub(super) fn check_source(url: &str) -> Result<()> {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        return Err(
            Error::usage("the URL of the source is not one of http:// or https://")
                .hint("give --source the address of the repository as a browser opens it"),
        );
    };
    if host.contains('@') {
        return Err(Error::usage("the URL of the source has an account in it")
            .hint("leave out what stands before the `@`: everybody can read what is published"));
    }
    if url.contains(['?', '#']) || url.contains(char::is_whitespace) {
        return Err(
            Error::usage("the URL of the source has more in it than a host and a path")
                .hint("leave out what follows the path: everybody can read what is published"),
        );
    }
    Ok(())
}

/// Refuses what cannot be an SPDX expression.
///
/// # Errors
/// Where it cannot.
pub(super) fn check_license(text: &str) -> Result<()> {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || " .-+():".contains(letter);
    let words = text.split([' ', '(', ')']).filter(|word| !word.is_empty());
    let mut wants_licence = true;
    for word in words {
        let is_operator = matches!(word, "AND" | "OR" | "WITH");
        if is_operator == wants_licence || !word.chars().all(is_allowed) {
            return Err(not_spdx(text));
        }
        wants_licence = is_operator;
    }
    match wants_licence {
        true => Err(not_spdx(text)),
        false => Ok(()),
    }
}

fn not_spdx(text: &str) -> Error {
    Error::usage(format!("`{text}` is not an SPDX expression"))
        .hint("write it as in `MIT`, `Apache-2.0` or `MIT OR Apache-2.0`; a licence of your own is `LicenseRef-NAME`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_expressions() {
        for text in [
            "MIT",
            "MIT OR Apache-2.0",
            "(MIT OR Apache-2.0) AND GPL-2.0+",
            "Apache-2.0 WITH LLVM-exception",
            "DocumentRef-a:LicenseRef-b",
        ] {
            assert!(check_license(text).is_ok(), "{text}");
        }
        for text in ["Not SPDX!!", "MIT Apache-2.0", "OR", "MIT OR", "()", "a/b"] {
            assert!(check_license(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_source_is_an_address_without_secrets() {
        for url in ["https://git.example/acme/billing", "http://h:8080/x@y"] {
            assert!(check_source(url).is_ok(), "{url}");
        }
        for url in [
            "not a url token=hunter2",
            "git@h:acme/billing",
            "https://",
            "https://ann:hunter2@h/x",
            "https://h/x?token=hunter2",
            "https://h/x#hunter2",
            "https://h/x hunter2",
        ] {
            let error = check_source(url).expect_err(url).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
