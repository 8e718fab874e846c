//! Descriptions that mislead, crowd out or flood.

use crate::exports::waitfor::probe::probing::{Description, Param};
use crate::output::FOUL;
use crate::waitfor::probe::entropy;
use crate::{fact, param, scheme};

/// The honest description, but for one lie.
pub fn tell(lie: &str, honest: Description) -> Description {
    let mut told = honest;
    if let Some(name) = lie.strip_prefix("param-") {
        told.params
            .push(param(&name_of(name), "text", "a parameter"));
        return told;
    }
    if let Some(name) = lie.strip_prefix("env-") {
        let mut reads = param("reads", "text", "from the environment");
        reads.more.push(fact("env", name));
        told.params.push(reads);
        return told;
    }
    if let Some(name) = lie.strip_prefix("scheme-") {
        told.schemes.push(scheme(&name_of(name)));
        return told;
    }
    if let Some(host) = lie.strip_prefix("default-host-") {
        told.more.push(fact("default-host", host));
        told.schemes[0].default_port = Some(80);
        return told;
    }
    match lie {
        "params-10000" => told.params = numbered(10_000),
        "params-65" => told.params = numbered(65),
        "schemes-17" => told.schemes = (0..17).map(|at| scheme(&format!("deed{at}"))).collect(),
        "schemes-none" => told.schemes.clear(),
        "schemes-twice" => told.schemes = vec![scheme("deed"), scheme("deed")],
        "port-0" => told.schemes[0].default_port = Some(0),
        "about-scheme-foul" => told.schemes[0].more.push(fact("summary", FOUL)),
        "summary-10mb" => told.summary = "x".repeat(10_000_000),
        "summary-100mb" => told.summary = "x".repeat(100_000_000),
        "summary-foul" => told.summary = FOUL.to_owned(),
        "summary-bidi" => told.summary = "safe \u{202e}ylno ton".to_owned(),
        "summary-hidden" => told.summary = "safe\u{200b}\u{feff}\u{ad}\u{e0041}".to_owned(),
        "summary-ci" => told.summary = "##[error]forged ##vso[task.complete]".to_owned(),
        "examples-17" => told.examples = vec!["deed://x".to_owned(); 17],
        "examples-foul" => told.examples = vec![FOUL.to_owned()],
        "facts-129" => told.more = vec![fact("x", "y"); 129],
        "facts-million" => told.more = vec![fact("x", "y"); 1_000_000],
        "facts-foul" => told.more = vec![fact(FOUL, FOUL)],
        "kind-foul" => told.params.push(param("odd", FOUL, "a kind")),
        "alias-timeout" => push(&mut told, "text", None, &[("alias", "timeout")]),
        "alias-other" => push(&mut told, "text", None, &[("alias", "key")]),
        "alias-file" => push(&mut told, "text", None, &[("alias", "key_file")]),
        "alias-foul" => push(&mut told, "text", None, &[("alias", FOUL)]),
        "choice-none" => push(&mut told, "choice", None, &[]),
        "choice-foul" => push(&mut told, "choice", None, &[("choice", FOUL)]),
        "default-unfit" => push(&mut told, "integer", Some("many"), &[]),
        "default-out" => push(&mut told, "integer", Some("9"), &[("max", "3")]),
        "default-secret" => push(&mut told, "secret", Some("letmein"), &[]),
        "default-foul" => push(&mut told, "text", Some(FOUL), &[]),
        "default-self" => push(&mut told, "text", None, &[("default-from", "extra")]),
        "default-nowhere" => push(&mut told, "text", None, &[("default-from", "nowhere")]),
        "default-of-secret" => push(&mut told, "text", None, &[("default-from", "key")]),
        "bounds" => push(&mut told, "integer", None, &[("min", "3"), ("max", "1")]),
        "bounds-odd" => push(&mut told, "integer", None, &[("min", "three")]),
        "url-part-twice" => {
            push(&mut told, "text", None, &[("url-part", "path")]);
            told.params.push(Param {
                more: vec![fact("url-part", "path")],
                ..param("other", "text", "the same part")
            });
        }
        "insecure" => push(
            &mut told,
            "switch",
            Some("true"),
            &[("host", "tls-insecure")],
        ),
        "insecure-from" => {
            push(
                &mut told,
                "switch",
                None,
                &[("host", "tls-insecure"), ("default-from", "other")],
            );
            told.params.push(Param {
                default: Some("true".to_owned()),
                ..param("other", "switch", "on")
            });
        }
        "roots" => push(
            &mut told,
            "path",
            Some("/etc/passwd"),
            &[("host", "tls-ca")],
        ),
        "identity" => push(
            &mut told,
            "path",
            Some("/etc/passwd"),
            &[("host", "tls-cert")],
        ),
        "server-name" => push(
            &mut told,
            "text",
            Some("other"),
            &[("host", "tls-server-name")],
        ),
        "host-kind" => push(&mut told, "text", None, &[("host", "tls-insecure")]),
        "host-unknown" => push(&mut told, "text", Some("x"), &[("host", "sudo")]),
        "url-env" => told.more.push(fact("url-env", "WAITFOR_URL")),
        "host-env" => told.more.push(fact("host-env", "A B=C")),
        "changing" => {
            let odd = u64::from_le_bytes(entropy::bytes(8).try_into().unwrap_or_default());
            told.summary = format!("one of many: {odd}");
            told.params
                .push(param(&format!("p{odd}"), "text", "never the same"));
        }
        "required" => told.params.push(Param {
            required: true,
            ..param("needed", "secret", "give it to me")
        }),
        _ => {}
    }
    told
}

/// A name that does not fit into the bytes that tell the deed.
fn name_of(word: &str) -> String {
    match word {
        "long" => "x".repeat(41),
        "1mb" => "x".repeat(1_000_000),
        "empty" => String::new(),
        "foul" => FOUL.to_owned(),
        "nul" => "a\0b".to_owned(),
        "dashed" => "--timeout".to_owned(),
        "letters" => "Timeout".to_owned(),
        "lookalike" => "tim\u{435}out".to_owned(),
        "space" => "a b".to_owned(),
        other => other.to_owned(),
    }
}

fn numbered(count: u32) -> Vec<Param> {
    (0..count)
        .map(|at| param(&format!("p{at}"), "text", "one of many"))
        .collect()
}

fn push(told: &mut Description, kind: &str, default: Option<&str>, more: &[(&str, &str)]) {
    told.params.push(Param {
        default: default.map(str::to_owned),
        more: more.iter().map(|(name, value)| fact(name, value)).collect(),
        ..param("extra", kind, "one more")
    });
}
