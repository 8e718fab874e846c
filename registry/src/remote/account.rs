//! Finds the account for a registry where `docker login` and `podman login`
//! keep it, so that no password is ever given to this program.
//!
//! Errors say nothing of what a configuration or a credential helper says:
//! either may hold a secret.

use std::env;
use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::Value;

use super::helper;

/// What a registry can be convinced with. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Account {
    Password {
        user: String,
        password: String,
    },
    /// What a token can be had for.
    Identity(String),
}

/// The files that accounts are looked for in, the first one first: docker's
/// own (`$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`), then
/// podman's (`$REGISTRY_AUTH_FILE`, else
/// `$XDG_RUNTIME_DIR/containers/auth.json` and
/// `~/.config/containers/auth.json`).
pub fn account_files() -> Vec<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let home = |path: &str| set("HOME").map(|home| home.join(path));
    let docker = match set("DOCKER_CONFIG") {
        Some(folder) => Some(folder),
        None => home(".docker"),
    };
    let docker = docker.map(|folder| folder.join("config.json"));
    let podman = match set("REGISTRY_AUTH_FILE") {
        Some(file) => [Some(file), None],
        None => [
            set("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            home(".config/containers/auth.json"),
        ],
    };
    [docker].into_iter().chain(podman).flatten().collect()
}

/// The account for the registry at `authority`; none where no file has one.
/// A credential helper may take `limit` for its answer.
///
/// # Errors
/// In words, where a file or a helper that should have it fails.
pub(super) fn find(
    files: &[PathBuf],
    authority: &str,
    limit: Duration,
) -> Result<Option<Account>, String> {
    for file in files {
        for key in keys(authority) {
            if let Some(account) = look(file, &key, limit)? {
                return Ok(Some(account));
            }
        }
    }
    Ok(None)
}

/// What docker calls a registry in its configuration: Docker Hub has a name
/// of its own there.
fn keys(authority: &str) -> Vec<String> {
    let mut keys = vec![authority.to_owned()];
    if is_docker_hub(authority) {
        keys.insert(0, "https://index.docker.io/v1/".to_owned());
    }
    keys
}

/// Whether it is one of the names of Docker Hub.
pub(super) fn is_docker_hub(authority: &str) -> bool {
    matches!(
        authority,
        "docker.io" | "index.docker.io" | "registry-1.docker.io"
    )
}

fn look(file: &Path, key: &str, limit: Duration) -> Result<Option<Account>, String> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(format!("`{}`: {}", file.display(), error.kind())),
    };
    let found = match serde_json::from_reader(BufReader::new(opened)) {
        Ok(config) => look_in(config, key, limit),
        Err(_) => Err(NO_CONFIGURATION.to_owned()),
    };
    found.map_err(|words| format!("`{}`: {words}", file.display()))
}

/// What is said of a file that holds something else.
const NO_CONFIGURATION: &str = "it is not a configuration of docker's";

/// Looks where docker looks, in its order: the helper for the registry, what
/// the file itself has, the helper for all others.
fn look_in(mut config: Value, key: &str, limit: Duration) -> Result<Option<Account>, String> {
    let named = |name: Option<Value>| match name {
        Some(Value::String(name)) if !name.is_empty() => Some(name),
        _ => None,
    };
    let own = named(config["credHelpers"].get(key).cloned());
    if let Some(name) = own {
        return helper::ask(&name, key, limit);
    }
    let Some(fields) = config.as_object_mut() else {
        return Err(NO_CONFIGURATION.to_owned());
    };
    fields.remove("credHelpers");
    let for_all = named(fields.remove("credsStore"));
    if let Some(account) = written(&config, key)? {
        return Ok(Some(account));
    }
    match for_all {
        Some(name) => helper::ask(&name, key, limit),
        None => Ok(None),
    }
}

/// The account that stands in a configuration without helpers.
fn written(config: &Value, key: &str) -> Result<Option<Account>, String> {
    let found = docker_credential::get_credential_from_reader(config.to_string().as_bytes(), key);
    let words = match found {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            return Ok(Some(Account::Password { user, password }));
        }
        Ok(DockerCredential::IdentityToken(token)) => return Ok(Some(Account::Identity(token))),
        Err(CredentialRetrievalError::NoCredentialConfigured) => return Ok(None),
        Err(CredentialRetrievalError::CredentialDecodingError) => {
            "`auth` there is not base64 of a name and a password"
        }
        Err(CredentialRetrievalError::CredentialMismatchError) => {
            "`auth` there has another name or password than stand beside it"
        }
        // There is no helper left that could fail.
        Err(_) => NO_CONFIGURATION,
    };
    Err(words.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn found(config: &str, authority: &str) -> Result<Option<Account>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        fs::write(&file, config).unwrap();
        let shown = file.display().to_string();
        let missing = folder.path().join("missing.json");
        find(&[missing, file], authority, Duration::from_secs(30))
            .map_err(|words| words.replace(&shown, "FILE"))
    }

    fn password(user: &str, password: &str) -> Option<Account> {
        Some(Account::Password {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    #[test]
    fn finds_accounts_as_docker_writes_them() {
        let auth = STANDARD.encode("ann:with:colons");
        let config = format!(
            r#"{{"auths":{{"registry.example:5000":{{"auth":"{auth}"}},
                "https://other.example/v1/":{{"auth":"{auth}"}},
                "https://index.docker.io/v1/":{{"auth":"{auth}"}},
                "token.example":{{"auth":"{auth}","identitytoken":"abc"}},
                "plain.example":{{"username":"bob","password":"x"}}}}}}"#
        );
        let ann = password("ann", "with:colons");
        let cases = [
            ("registry.example:5000", ann.clone()),
            ("registry.example", None),
            ("other.example", ann.clone()),
            ("docker.io", ann.clone()),
            ("registry-1.docker.io", ann),
            ("token.example", Some(Account::Identity("abc".to_owned()))),
            ("plain.example", password("bob", "x")),
            ("example", None),
        ];
        for (authority, expected) in cases {
            assert!(found(&config, authority) == Ok(expected), "{authority}");
        }
    }

    #[test]
    fn says_why_there_is_no_account_and_nothing_secret() {
        let decoy = STANDARD.encode("hunter2");
        let cases = [
            (
                "hunter2".to_owned(),
                "it is not a configuration of docker's",
            ),
            (
                format!(r#"{{"auths":{{"r.example":{{"auth":"{decoy}"}}}}}}"#),
                "`auth` there is not base64 of a name and a password",
            ),
            (
                r#"{"credHelpers":{"r.example":"no-such-helper"}}"#.to_owned(),
                "`docker-credential-no-such-helper`, named there, was not found",
            ),
        ];
        for (config, expected) in cases {
            let words = found(&config, "r.example").err().unwrap();
            assert_eq!(words, format!("`FILE`: {expected}"));
        }
    }
}
