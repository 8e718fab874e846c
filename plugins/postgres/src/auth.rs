//! The server's requests for proof, one after the other, until it says that
//! the user is who they claim to be.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use md5::{Digest, Md5};
use waitfor_sdk::{Context, Misuse, Pending, Unready};

use crate::options::Params;
use crate::scram::{self, Failure, Proven, Started};
use crate::wire::split_text;

/// How the user proved to be who they claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// No proof was asked for (`trust`, `peer`, a client certificate).
    None,
    /// The password as it is.
    Password,
    /// MD5 with a salt.
    Md5,
    /// SCRAM-SHA-256.
    Scram,
    /// Kerberos.
    Gss,
    /// Windows' own.
    Sspi,
    /// A bearer token.
    OAuth,
}

impl Method {
    /// libpq's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Md5 => "md5",
            Self::Scram => "scram-sha-256",
            Self::Gss => "gss",
            Self::Sspi => "sspi",
            Self::OAuth => "oauth",
        }
    }

    const ALL: [Self; 7] = [
        Self::None,
        Self::Password,
        Self::Md5,
        Self::Scram,
        Self::Gss,
        Self::Sspi,
        Self::OAuth,
    ];
}

/// What `require_auth` lets pass.
#[derive(Debug, Clone)]
pub(crate) struct Required {
    listed: Vec<Method>,
    /// Whether the listed are the forbidden ones.
    negated: bool,
}

impl Required {
    /// Reads libpq's list: methods, or methods each behind a `!`.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Misuse> {
        let text = text.unwrap_or_default().trim();
        if text.is_empty() {
            return Ok(Self {
                listed: Vec::new(),
                negated: true,
            });
        }
        let negated = text.starts_with('!');
        let complaint = |reason: String| {
            Misuse::new("bad-parameter", reason)
                .param("require-auth")
                .hint("methods are none, password, md5, scram-sha-256, gss, sspi, oauth; all or no one behind a `!`")
        };
        let mut listed = Vec::new();
        for word in text.split(',').map(str::trim) {
            let bare = word.strip_prefix('!');
            if bare.is_some() != negated {
                return Err(complaint(format!(
                    "`{text}` mixes methods that are wanted and that are not"
                )));
            }
            let bare = bare.unwrap_or(word).trim();
            match Method::ALL.into_iter().find(|method| method.word() == bare) {
                Some(method) => listed.push(method),
                None => {
                    return Err(complaint(format!(
                        "`{bare}` is not a method of authentication"
                    )));
                }
            }
        }
        Ok(Self { listed, negated })
    }

    fn check(&self, method: Method) -> Result<(), Misuse> {
        if self.listed.contains(&method) != self.negated {
            return Ok(());
        }
        let reason = match method {
            Method::None => "the server let the user in without asking for a proof".to_string(),
            _ => format!("the server asks for authentication by {}", method.word()),
        };
        Err(Misuse::new(
            "auth-unsupported",
            format!("{reason}, which require_auth rules out"),
        )
        .param("require-auth")
        .hint("change the method in pg_hba.conf, or let require_auth name it"))
    }
}

/// What comes of one request.
pub(crate) enum Step {
    /// These bytes answer it, as a message of type `p`.
    Answer(Vec<u8>),
    /// Nothing to say; the server goes on.
    Silent,
    /// The server is satisfied.
    Accepted(Method),
}

enum Exchange {
    Begun,
    Answered(Method),
    Started(Started),
    Proven(Proven),
    Verified,
}

/// One login's exchange.
pub(crate) struct Authentication<'a> {
    context: &'a Context<'a>,
    params: &'a Params,
    required: Required,
    exchange: Exchange,
}

impl<'a> Authentication<'a> {
    /// The exchange before the server's first word.
    pub(crate) fn new(context: &'a Context<'a>, params: &'a Params) -> Result<Self, Misuse> {
        Ok(Self {
            context,
            params,
            required: Required::parse(params.require_auth.as_deref())?,
            exchange: Exchange::Begun,
        })
    }

    /// Answers the body of one `R` message.
    pub(crate) fn step(&mut self, body: &[u8]) -> Result<Step, Unready> {
        let Some((code, rest)) = body.split_first_chunk::<4>() else {
            return Err(malformed("a request for authentication without a code"));
        };
        match u32::from_be_bytes(*code) {
            0 => self.accepted(),
            3 => {
                self.begin(Method::Password)?;
                let mut password = self.password()?;
                password.push(0);
                Ok(Step::Answer(password))
            }
            5 => {
                let salt = rest
                    .get(..4)
                    .ok_or_else(|| malformed("an md5 request without salt"))?;
                self.begin(Method::Md5)?;
                Ok(Step::Answer(md5_answer(
                    &self.password()?,
                    self.params.user(),
                    salt,
                )))
            }
            10 => self.sasl(rest),
            11 => self.continued(rest),
            12 => self.finished(rest),
            7 | 8 => Err(unsupported("Kerberos (GSS)").into()),
            9 => Err(unsupported("SSPI").into()),
            2 => Err(unsupported("Kerberos V5").into()),
            6 => Err(unsupported("SCM credentials").into()),
            code => {
                Err(unsupported(&format!("a method that the probe does not know ({code})")).into())
            }
        }
    }

    fn accepted(&mut self) -> Result<Step, Unready> {
        let method = match &self.exchange {
            Exchange::Begun => {
                self.required.check(Method::None)?;
                Method::None
            }
            Exchange::Answered(method) => *method,
            Exchange::Verified => Method::Scram,
            Exchange::Started(_) | Exchange::Proven(_) => return Err(unproven().into()),
        };
        Ok(Step::Accepted(method))
    }

    fn begin(&mut self, method: Method) -> Result<(), Unready> {
        if !matches!(self.exchange, Exchange::Begun) {
            return Err(malformed("a second request for a password"));
        }
        self.required.check(method)?;
        self.exchange = Exchange::Answered(method);
        Ok(())
    }

    fn sasl(&mut self, offered: &[u8]) -> Result<Step, Unready> {
        let mut names = Vec::new();
        let mut rest = offered;
        while let Some((name, after)) = split_text(rest) {
            if name.is_empty() {
                break;
            }
            names.push(crate::fault::line(name));
            rest = after;
        }
        if !names.iter().any(|name| name == scram::MECHANISM) {
            return Err(without_scram(&names).into());
        }
        self.begin(Method::Scram)?;
        // Asked for now, so that a missing password is not found half way.
        self.password()?;
        let started = scram::start(&self.context.entropy(scram::NONCE_BYTES));
        let message = started.first_message();
        self.exchange = Exchange::Started(started);
        Ok(Step::Answer(message))
    }

    fn continued(&mut self, server: &[u8]) -> Result<Step, Unready> {
        let Exchange::Started(started) = core::mem::replace(&mut self.exchange, Exchange::Begun)
        else {
            return Err(malformed(
                "a continuation of a SASL exchange that was not begun",
            ));
        };
        let breathe = || self.context.stage("authenticating");
        let answered = started.answer(server, &self.password()?, &breathe);
        let (answer, proven) = answered.map_err(refused)?;
        self.exchange = Exchange::Proven(proven);
        Ok(Step::Answer(answer))
    }

    fn finished(&mut self, server: &[u8]) -> Result<Step, Unready> {
        let Exchange::Proven(proven) = &self.exchange else {
            return Err(malformed("the end of a SASL exchange that was not begun"));
        };
        proven.verify(server).map_err(refused)?;
        self.exchange = Exchange::Verified;
        Ok(Step::Silent)
    }

    /// The password; libpq too takes an empty one for none.
    fn password(&self) -> Result<Vec<u8>, Misuse> {
        self.params
            .password
            .as_ref()
            .map(waitfor_sdk::Secret::reveal)
            .filter(|password| !password.is_empty())
            .ok_or_else(|| {
                Misuse::new(
                    "password-missing",
                    format!(
                        "the server wants a password for user `{}`, and none is given",
                        self.params.user()
                    ),
                )
                .param("password")
                .hint("give it in PGPASSWORD, in a file (--password-file) or in ~/.pgpass; or use --level accepts, which needs none")
            })
    }
}

/// `md5` and the hash of the salted hash of password and user, as text.
fn md5_answer(password: &[u8], user: &str, salt: &[u8]) -> Vec<u8> {
    let inner = hex(&Md5::new()
        .chain_update(password)
        .chain_update(user)
        .finalize());
    let outer = hex(&Md5::new().chain_update(inner).chain_update(salt).finalize());
    let mut answer = b"md5".to_vec();
    answer.extend_from_slice(outer.as_bytes());
    answer.push(0);
    answer
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unsupported(what: &str) -> Misuse {
    Misuse::new(
        "auth-unsupported",
        format!("the server asks for {what}, which the probe does not speak"),
    )
    .param("user")
    .hint("check with a user who logs in by password or certificate, or use --level accepts, which ends before the login")
}

fn without_scram(offered: &[String]) -> Misuse {
    match offered {
        [only] if only == "SCRAM-SHA-256-PLUS" => unsupported("SCRAM with channel binding alone"),
        [only] if only == "OAUTHBEARER" => unsupported("an OAuth token"),
        [] => unsupported("SASL without a mechanism"),
        _ => unsupported(&format!("SASL by {}", offered.join(", "))),
    }
}

fn unproven() -> Misuse {
    Misuse::new(
        "server-unproven",
        "the server did not prove that it knows the user's password",
    )
    .param("password")
    .hint(
        "something between may pose as the server: use sslmode=verify-full to be sure of its name",
    )
}

fn refused(failure: Failure) -> Unready {
    match failure {
        Failure::Malformed(complaint) => malformed(&format!("a SCRAM message that is wrong: {complaint}")),
        Failure::Nonce => Misuse::new(
            "server-unproven",
            "the server's SCRAM nonce does not continue the probe's",
        )
        .param("password")
        .hint("something between may pose as the server: use sslmode=verify-full to be sure of its name")
        .into(),
        Failure::Rounds(rounds) => Misuse::new(
            "auth-unsupported",
            format!(
                "the server wants {rounds} SCRAM rounds, more than the {} that the probe will work",
                scram::MOST_ROUNDS
            ),
        )
        .param("user")
        .hint("lower scram_iterations on the server and set the password again, or use --level accepts")
        .into(),
        Failure::Unproven => unproven().into(),
        Failure::Refused(word) => Misuse::new(
            "wrong-password",
            format!("the server ended the SCRAM exchange with `{word}`"),
        )
        .param("password")
        .hint("check user and password")
        .into(),
    }
}

fn malformed(what: &str) -> Unready {
    Pending::new("server-error", format!("the server sent {what}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn require_auth_as_libpq_reads_it() {
        let allowed = |text: Option<&str>| -> Vec<&'static str> {
            let required = Required::parse(text).unwrap();
            Method::ALL
                .into_iter()
                .filter(|method| required.check(*method).is_ok())
                .map(Method::word)
                .collect()
        };
        assert_eq!(allowed(None).len(), 7);
        assert_eq!(allowed(Some("")).len(), 7);
        assert_eq!(
            allowed(Some("md5, scram-sha-256")),
            ["md5", "scram-sha-256"]
        );
        assert_eq!(
            allowed(Some("!password,!none,!gss,!sspi,!oauth")),
            ["md5", "scram-sha-256"]
        );
        for wrong in ["kerberos", "md5,!none", "!md5,none", ","] {
            assert!(Required::parse(Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_captured_md5_answer() {
        let request = include_bytes!("../captures/md5-ok.req.bin");
        let response = include_bytes!("../captures/md5-ok.res.bin");
        let salt = response.get(9..13).unwrap();
        let answer = md5_answer(b"pw", "u_md5", salt);
        assert!(request.windows(answer.len()).any(|window| window == answer));
    }
}
