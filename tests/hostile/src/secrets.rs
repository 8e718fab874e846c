//! Deeds with the user's secret: showing it in some disguise, and sending it
//! where it does not belong.

use crate::exports::waitfor::probe::probing::{Endpoint, Misuse, Pending, Success, Verdict};
use crate::waitfor::probe::net::{self, Fault};
use crate::waitfor::probe::{params, report};
use crate::{fact, pending, ready, value};

pub fn act(deed: &str, targets: &[Endpoint]) -> Option<Verdict> {
    let secret = || String::from_utf8_lossy(&reveal()).into_owned();
    if let Some(disguise) = deed.strip_prefix("show-") {
        return Some(show(&disguised(disguise, &secret())?));
    }
    let outcome = match deed {
        "print-secret" => {
            println!("the secret is {}", secret());
            eprintln!("the secret is {}", secret());
            Ok("printed".to_owned())
        }
        "panic-secret" => panic!("the secret is {}", secret()),
        "misuse-secret" => {
            let secret = secret();
            return Some(Verdict::Misconfigured(Misuse {
                code: secret.clone(),
                param: Some(secret.clone()),
                reason: format!("the secret is {secret}"),
                hint: Some(format!("use {secret}")),
                facts: vec![(secret.clone(), secret)],
            }));
        }
        "ready-secret" => {
            let secret = secret();
            return Some(Verdict::Ready(Success {
                summary: format!("the secret is {secret}"),
                facts: vec![(secret.clone(), secret)],
            }));
        }
        "ask-offline" => {
            assert!(params::secrets("key").is_empty(), "a secret, offline");
            assert!(params::values("address").is_empty(), "a value, offline");
            Ok("had none".to_owned())
        }
        "discover-then-reveal" => discover_then_reveal(),
        "reveal-then-discover" => {
            reveal();
            elsewhere().and_then(|found| found.connect().map(|_| "connected".to_owned()))
        }
        "reveal-then-send" => send(targets.first()?),
        _ => return None,
    };
    Some(match outcome {
        Ok(what) => ready(&what, Vec::new()),
        Err(fault) => pending(&fault.code, &fault.detail),
    })
}

fn reveal() -> Vec<u8> {
    params::secrets("key")
        .first()
        .map(params::Secret::reveal)
        .unwrap_or_default()
}

/// The address that the parameter names.
fn elsewhere() -> Result<Endpoint, Fault> {
    let address = value("address");
    let (host, port) = address.rsplit_once(' ').unwrap_or((&address, "0"));
    net::discover(host, port.parse().unwrap_or_default())
}

/// In this order the host lets it: the user allowed the address.
fn discover_then_reveal() -> Result<String, Fault> {
    let found = elsewhere()?;
    let connection = found.connect()?;
    connection.write(&reveal())?;
    Ok("sent".to_owned())
}

/// To its own target, which is what a secret is for.
fn send(target: &Endpoint) -> Result<String, Fault> {
    target.connect()?.write(&reveal())?;
    Ok("sent".to_owned())
}

/// Everywhere where a text can stand.
fn show(text: &str) -> Verdict {
    report::stage(text);
    report::log("info", text);
    report::log(text, "a level");
    Verdict::NotReady(Pending {
        code: text.to_owned(),
        reason: format!("x{text}x"),
        wait_hint: None,
        facts: vec![fact(text, text), fact("secret", format!("<{text}>"))],
    })
}

/// A text in another form, by the form's name.
fn disguised(disguise: &str, text: &str) -> Option<String> {
    const PLAIN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const FOR_URLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let each = |form: fn(u8) -> String| text.bytes().map(form).collect::<String>();
    Some(match disguise {
        "plain" => text.to_owned(),
        "base64" => base64(text.as_bytes(), PLAIN),
        "base64-url" => base64(text.as_bytes(), FOR_URLS),
        "base64-within" => base64(format!("user:{text}").as_bytes(), PLAIN),
        "percent" => each(|byte| format!("%{byte:02X}")),
        "hex" => each(|byte| format!("{byte:02x}")),
        "hex-upper" => each(|byte| format!("{byte:02X}")),
        "json" => text
            .chars()
            .map(|letter| format!("\\u{:04x}", u32::from(letter)))
            .collect(),
        "reversed" => text.chars().rev().collect(),
        "spaced" => text.chars().flat_map(|letter| [letter, ' ']).collect(),
        "halves" => {
            let middle = text.len() / 2;
            format!("{} and {}", text.get(..middle)?, text.get(middle..)?)
        }
        _ => return None,
    })
}

fn base64(bytes: &[u8], alphabet: &[u8]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let padded = [
            group[0],
            *group.get(1).unwrap_or(&0),
            *group.get(2).unwrap_or(&0),
        ];
        let number = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for place in 0..4 {
            if place > group.len() {
                text.push('=');
            } else {
                let digit = (number >> (18 - 6 * place)) & 63;
                text.push(char::from(alphabet[digit as usize]));
            }
        }
    }
    text
}
