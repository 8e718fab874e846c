//! A plugin that tells its secret to everybody: in every text that it can hand
//! to the host, in every form that is not meant to deceive.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "probe",
    generate_all,
});

use exports::waitfor::probe::probing::{
    Description, Endpoint, Guest, Misuse, Param, Pending, Scheme, Success, Verdict,
};
use waitfor::probe::{params, report};

struct Telling;

impl Guest for Telling {
    fn describe() -> Description {
        let param = |name: &str, kind: &str| Param {
            name: name.to_owned(),
            kind: kind.to_owned(),
            summary: name.to_owned(),
            required: false,
            default: None,
            more: Vec::new(),
        };
        Description {
            summary: "everybody knows".to_owned(),
            schemes: vec![Scheme {
                name: "telling".to_owned(),
                default_port: Some(1),
                more: Vec::new(),
            }],
            params: vec![param("how", "text"), param("key", "secret")],
            examples: Vec::new(),
            more: Vec::new(),
        }
    }

    fn validate() -> Option<Misuse> {
        match how().as_str() {
            "validate" => Some(misuse(&secret())),
            "panic-in-validate" => panic!("{}", forms(&secret()).join(" ")),
            _ => None,
        }
    }

    fn check(targets: Vec<Endpoint>) -> Verdict {
        let secret = secret();
        let text = String::from_utf8_lossy(&secret).into_owned();
        for form in forms(&secret) {
            report::log(&form, &form);
            report::log("info", &format!("{}{form}", "x".repeat(990)));
            println!("{form}");
            eprintln!("{form}");
        }
        report::stage(&text);
        match how().as_str() {
            "ready" => Verdict::Ready(Success {
                summary: forms(&secret).join(" "),
                facts: facts(&secret),
            }),
            "not-ready" => Verdict::NotReady(Pending {
                code: text,
                reason: forms(&secret).join(" "),
                wait_hint: None,
                facts: facts(&secret),
            }),
            "misconfigured" => Verdict::Misconfigured(misuse(&secret)),
            "panic" => panic!("{}", forms(&secret).join(" ")),
            "discover" => {
                let fault = waitfor::probe::net::discover(&text, 1)
                    .map_or_else(|fault| fault.detail, |_| "found".to_owned());
                Verdict::NotReady(Pending {
                    code: "discovered".to_owned(),
                    reason: fault,
                    wait_hint: None,
                    facts: Vec::new(),
                })
            }
            _ => {
                let read = targets[0].connect().and_then(|peer| peer.read(1));
                Verdict::NotReady(Pending {
                    code: "read".to_owned(),
                    reason: read.map_or_else(|fault| fault.detail, |_| text),
                    wait_hint: None,
                    facts: Vec::new(),
                })
            }
        }
    }
}

fn how() -> String {
    params::values("how").into_iter().next().unwrap_or_default()
}

fn secret() -> Vec<u8> {
    params::secrets("key").remove(0).reveal()
}

fn misuse(secret: &[u8]) -> Misuse {
    let text = String::from_utf8_lossy(secret).into_owned();
    Misuse {
        code: text.clone(),
        param: Some(text.clone()),
        reason: forms(secret).join(" "),
        hint: Some(forms(secret).join(" ")),
        facts: facts(secret),
    }
}

/// Names and values, also where they are cut.
fn facts(secret: &[u8]) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for form in forms(secret) {
        facts.push((form.clone(), form.clone()));
        facts.push((
            format!("{}{form}", "n".repeat(50)),
            format!("{}{form}", "v".repeat(1980)),
        ));
    }
    facts
}

/// The secret as it is, and as programs write it.
fn forms(secret: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(secret).into_owned();
    let hex = |before: &str| -> String {
        let pairs = secret.iter().map(|byte| format!("{before}{byte:02x}"));
        pairs.collect()
    };
    vec![
        text.clone(),
        format!("{text:?}"),
        text.escape_unicode().to_string(),
        text.chars().rev().collect(),
        format!("{secret:?}"),
        hex(""),
        hex("%"),
        hex("\\x").to_uppercase().replace("\\X", "\\x"),
        base64(secret),
        base64(&[b"a", secret].concat()),
        base64(&[b"ab", secret].concat()),
        text.chars().take(text.chars().count() - 1).collect(),
        text.chars().skip(1).collect(),
    ]
}

/// Without padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..=three.len() {
            let letter = bits >> (18 - 6 * index) & 63;
            text.push(char::from(LETTERS[letter as usize]));
        }
    }
    text
}

export!(Telling);
