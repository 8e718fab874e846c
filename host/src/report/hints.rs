//! The next step, for states in which the probe itself names none.

use x509_parser::time::ASN1Time;

use crate::model::Verdict;
use crate::wait::TargetInfo;

/// What the user can do about this state of the target: the probe's own hint,
/// else one for the code.
pub(super) fn hint(verdict: &Verdict, target: &TargetInfo) -> Option<String> {
    if let Some(hint) = verdict.hint() {
        return Some(hint.to_owned());
    }
    match verdict {
        Verdict::Ready { .. } => None,
        Verdict::NotReady { code, .. } => not_ready(code).map(str::to_owned),
        Verdict::Misconfigured {
            param: Some(param), ..
        } => Some(format!("look at --{param}")),
        Verdict::Misconfigured { code, reason, .. } if is_of_dates(code, reason) => Some(format!(
            "a certificate has its dates: is this machine's clock right? it says {}",
            ASN1Time::now()
        )),
        Verdict::Misconfigured { code, .. } => misconfigured(code).map(str::to_owned),
        Verdict::Broken { .. } => Some(format!(
            "this is a fault of the plugin, not of the service: tell its author, or pin another version with `--plugin {}@VERSION`",
            target.plugin
        )),
    }
}

/// Whether a certificate is refused for its dates, which the words of
/// `net::verifier` tell.
fn is_of_dates(code: &str, reason: &str) -> bool {
    let words = [" expired on ", " is not valid before "];
    code == "tls-certificate" && words.iter().any(|words| reason.contains(words))
}

fn not_ready(code: &str) -> Option<&'static str> {
    Some(match code {
        "refused" => "nothing listens there: is the service started, and is this its port?",
        "no-socket" => {
            "there is no socket at this path: is the service started, and is this its directory?"
        }
        "name-unknown" => {
            "is the name spelt right, and is the service on the same network? \
             in compose it is the service's name, and only in containers"
        }
        "closed" | "reset" => {
            "something accepts connections and drops them: a port that docker publishes does so \
             while nothing listens in the container; see the service's own log"
        }
        "unreachable" => {
            "there is no way to that address: see the network, the VPN, the address itself"
        }
        "timed-out" => {
            "either a firewall swallows the packets, or the service hangs; \
             `--attempt-timeout D` gives every attempt more time"
        }
        "starting-up" | "loading" | "recovering" | "replica-not-synced" | "unsealing" => {
            "the service was on its way: `--timeout D` waits longer, and its own log tells what takes so long"
        }
        "shutting-down" => "the service is going down: see its own log for who stopped it",
        "too-many-connections" => {
            "all of the service's connections are taken: see who holds them, or raise its limit"
        }
        "standby" | "replica" | "read-only" => {
            "this node answers but does not do the asked work: is another the primary?"
        }
        "no-quorum" | "cluster-down" => {
            "the node is up but its cluster is not: are the other nodes started?"
        }
        "sealed" => "the service must be unsealed, or its auto-unseal looked at",
        "uninitialized" => "the service must be initialised first",
        "tls-handshake" => {
            "the peer did not go through with TLS: is this its TLS port, or does it speak plain text?"
        }
        "not-permitted" => {
            "this user may not connect there: see the permissions of the socket and the firewall's rules"
        }
        "io" | "quota" => {
            "this machine or the plugin ran out of something: see its limits (`ulimit -n`)"
        }
        "busy" | "server-error" => "see the service's own log",
        _ => return None,
    })
}

fn misconfigured(code: &str) -> Option<&'static str> {
    Some(match code {
        "wrong-protocol" => {
            "something else answers at this address: is this the right port and scheme?"
        }
        "tls-required" => "the service takes only TLS: see the probe's own options for it",
        "tls-unsupported" => {
            "the service does not speak TLS on this port: see the probe's own options for it"
        }
        "tls-certificate" => {
            "`--tls-ca FILE` names the roots to trust, `--tls-server-name NAME` the name to expect"
        }
        "tls-config" => "see --tls-ca, --tls-cert and --tls-key",
        "policy-denied" => {
            "`--allow HOST:PORT` lets a probe follow the service to a further address"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> TargetInfo {
        TargetInfo {
            label: "redis://cache".to_owned(),
            plugin: "redis".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "00".to_owned(),
            local: false,
        }
    }

    fn misconfigured(param: Option<&str>, hint: Option<&str>) -> Verdict {
        Verdict::Misconfigured {
            code: "tls-certificate".to_owned(),
            param: param.map(str::to_owned),
            reason: String::new(),
            hint: hint.map(str::to_owned),
            facts: Vec::new(),
        }
    }

    #[test]
    fn the_probe_knows_best_then_the_parameter_then_the_code() {
        let target = target();
        let given = |verdict: &Verdict| hint(verdict, &target).unwrap_or_default();
        assert_eq!(
            given(&misconfigured(Some("user"), Some("ask Bob"))),
            "ask Bob"
        );
        assert_eq!(given(&misconfigured(Some("user"), None)), "look at --user");
        assert!(given(&misconfigured(None, None)).contains("--tls-ca"));
    }

    #[test]
    fn a_date_is_also_a_question_of_the_clock() {
        let mut verdict = misconfigured(None, None);
        if let Verdict::Misconfigured { reason, .. } = &mut verdict {
            *reason = "db: the certificate `CN=db` expired on Dec 31 00:00:00 2020 +00:00".into();
        }
        assert!(hint(&verdict, &target()).is_some_and(|hint| hint.contains("clock")));
    }

    #[test]
    fn a_broken_plugin_is_not_blamed_on_the_service() {
        let broken = Verdict::Broken {
            code: "trap".to_owned(),
            reason: String::new(),
        };
        assert!(
            hint(&broken, &target()).is_some_and(|hint| hint.contains("--plugin redis@VERSION"))
        );
    }

    #[test]
    fn unknown_codes_have_no_hint() {
        assert_eq!(not_ready("warming-the-cache"), None);
    }
}
