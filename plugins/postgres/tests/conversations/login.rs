//! Start-up, proof of identity, and everything that ends a login.

use waitfor_sdk::native::{Session, Step};
use waitfor_sdk::{Fault, Verdict};

use crate::*;

#[test]
fn a_trusted_user_is_let_in_and_asks() {
    let run = check(|| target().conversation([Step::send(captured!("ready-trust"))]));
    let ready = ready(run.verdict.clone());
    assert_eq!(ready.summary, "answered a query on database `shop`");
    assert_eq!(
        fact(&ready, "version"),
        Some("15.20 (Debian 15.20-0+deb12u1)")
    );
    assert_eq!(fact(&ready, "role"), Some("primary"));
    assert_eq!(fact(&ready, "authentication"), Some("none"));
    assert_eq!(fact(&ready, "tls"), Some("off"));
    let start = b"\0\0\0\x39\0\x03\0\0user\0app\0database\0shop\0application_name\0waitfor\0\0";
    assert!(run.sent(0).starts_with(start));
    assert!(run.sent(0).ends_with(b"X\0\0\0\x04"));
    assert_eq!(run.stages, ["connecting", "authenticating", "querying"]);
}

#[test]
fn a_cleartext_password_is_sent_as_captured() {
    let mut script = captured!("cleartext-ok").to_vec();
    script.extend(rows(&["1"]));
    let run = check(|| {
        let target = encrypted("disable").secret("password", "pw");
        target.conversation([Step::send(&script)])
    });
    assert_eq!(
        fact(&ready(run.verdict.clone()), "authentication"),
        Some("password")
    );
    let captured = include_bytes!("../../captures/cleartext-ok.req.bin");
    let password = &captured[0x25..0x2d];
    assert_eq!(password, b"p\0\0\0\x07pw\0");
    assert!(run.sent(0)[0x39..].starts_with(password));
}

#[test]
fn an_md5_answer_is_the_captured_one() {
    let mut script = captured!("md5-ok").to_vec();
    script.extend(rows(&["1"]));
    let run = check(|| {
        let target = Session::new("postgres", "db", 5432)
            .value("user", "u_md5")
            .value("sslmode", "disable")
            .secret("password", "pw");
        target.conversation([Step::send(&script)])
    });
    assert_eq!(
        fact(&ready(run.verdict.clone()), "authentication"),
        Some("md5")
    );
    let captured = include_bytes!("../../captures/md5-ok.req.bin");
    let at = captured
        .windows(3)
        .position(|bytes| bytes == b"md5")
        .unwrap();
    let at = captured[at..]
        .windows(3)
        .skip(1)
        .position(|bytes| bytes == b"md5")
        .unwrap()
        + at
        + 1;
    let answer = &captured[at..at + 36];
    assert!(run.sent(0).windows(36).any(|bytes| bytes == answer));
}

/// The capture was made with the nonce that the test backend hands out, so
/// the whole exchange must come out the same, byte by byte.
#[test]
fn a_scram_exchange_is_the_captured_one() {
    let run = check(|| target().conversation([Step::send(captured!("scram-fixed-nonce"))]));
    assert_eq!(
        fact(&ready(run.verdict.clone()), "authentication"),
        Some("scram-sha-256")
    );
    let captured = include_bytes!("../../captures/scram-fixed-nonce.req.bin");
    let start = usize::from(captured[3]);
    let proof = &captured[start..captured.len() - "Q....SELECT 1.X....".len()];
    assert!(proof.starts_with(b"p\0\0\0\x36SCRAM-SHA-256\0"));
    assert!(run.sent(0)[0x39..].starts_with(proof));
}

#[test]
fn scram_without_binding_is_chosen_where_both_are_offered() {
    let offer = &captured!("scram-plus-tls")[1..44];
    let run = check(|| target().conversation([Step::send(offer)]));
    assert!(run.sent(0)[0x39..].starts_with(b"p\0\0\0\x36SCRAM-SHA-256\0\0\0\0\x20n,,n=,r="));
    pending(run.verdict, "closed");
}

#[test]
fn wrong_passwords_are_told() {
    for script in [
        captured!("cleartext-wrong"),
        captured!("md5-wrong"),
        captured!("scram-fixed-nonce-wrong"),
        captured!("cleartext-empty"),
        captured!("pgbouncer-wrong-password"),
    ] {
        let misuse = misuse(answer(script), "wrong-password");
        assert_eq!(misuse.param.as_deref(), Some("password"));
        assert!(!misuse.reason.contains("pencil"));
    }
}

#[test]
fn a_missing_password_is_not_sent() {
    for script in [
        captured!("cleartext-ok"),
        captured!("md5-ok"),
        captured!("scram-fixed-nonce"),
    ] {
        for target in [
            encrypted("disable"),
            encrypted("disable").secret("password", ""),
        ] {
            let run = target
                .conversation([Step::send(script)])
                .check::<Postgres>();
            let misuse = misuse(run.verdict.clone(), "password-missing");
            assert_eq!(
                misuse.reason,
                "the server wants a password for user `app`, and none is given"
            );
            assert_eq!(run.sent(0).len(), 0x39);
        }
    }
}

#[test]
fn a_server_that_cannot_prove_itself_is_not_trusted() {
    let genuine = captured!("scram-fixed-nonce");
    let at = genuine.windows(2).position(|bytes| bytes == b"v=").unwrap();
    // Another signature, and none at all.
    let mut other = genuine.to_vec();
    other[at + 2] ^= 1;
    misuse(answer(&other), "server-unproven");
    let mut none = genuine[..at - 9].to_vec();
    none.extend(modern(false, false));
    misuse(answer(&none), "server-unproven");
    // Accepted before it has said anything.
    let offer = 1 + usize::from(genuine[4]);
    let mut early = genuine[..offer].to_vec();
    early.extend(modern(false, false));
    misuse(answer(&early), "server-unproven");
}

#[test]
fn a_nonce_that_is_not_ours_ends_the_exchange() {
    let mut script = captured!("scram-fixed-nonce").to_vec();
    let at = script.windows(2).position(|bytes| bytes == b"r=").unwrap();
    script[at + 2] = b'B';
    misuse(answer(&script), "server-unproven");
}

#[test]
fn too_many_scram_rounds_are_refused_with_their_number() {
    let mut script = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let first = "r=AAECAwQFBgcICQoLDA0ODxARx,s=AAAA,i=5000000";
    script.extend(message(b'R', &[b"\0\0\0\x0b", first.as_bytes()].concat()));
    let misuse = misuse(answer(&script), "auth-unsupported");
    assert!(misuse.reason.contains("5000000"), "{}", misuse.reason);
}

/// The host stops a probe that computes for long without asking for anything.
#[test]
fn many_scram_rounds_are_told_to_the_host() {
    let stages = |rounds: u32| {
        let mut script = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
        let first = format!("r=AAECAwQFBgcICQoLDA0ODxARx,s=AAAA,i={rounds}");
        script.extend(message(b'R', &[b"\0\0\0\x0b", first.as_bytes()].concat()));
        let run = target()
            .conversation([Step::send(script)])
            .check::<waitfor_probe_postgres::Postgres>();
        let told = |stage: &&String| *stage == "authenticating";
        run.stages.iter().filter(told).count()
    };
    let usual = stages(4096);
    assert_eq!(stages(100_000), usual + 6);
}

#[test]
fn methods_that_the_probe_does_not_speak() {
    misuse(answer(captured!("gss")), "auth-unsupported");
    for (code, words) in [(9, "SSPI"), (2, "Kerberos"), (6, "SCM"), (77, "77")] {
        let script = message(b'R', &[0, 0, 0, code]);
        let misuse = misuse(answer(&script), "auth-unsupported");
        assert!(misuse.reason.contains(words), "{}", misuse.reason);
    }
    for (offer, words) in [
        (&b"\0\0\0\x0aOAUTHBEARER\0\0"[..], "OAuth"),
        (b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0", "channel binding"),
        (b"\0\0\0\x0a\0", "without a mechanism"),
        (b"\0\0\0\x0aX\0Y\0\0", "X, Y"),
    ] {
        let misuse = misuse(answer(&message(b'R', offer)), "auth-unsupported");
        assert!(misuse.reason.contains(words), "{}", misuse.reason);
    }
}

#[test]
fn require_auth_rules_methods_out() {
    let run = |required: &str, script: &[u8]| {
        let target = target().value("require-auth", required);
        target
            .conversation([Step::send(script)])
            .check::<Postgres>()
    };
    let refused = run("scram-sha-256", captured!("cleartext-ok"));
    misuse(refused.verdict.clone(), "auth-unsupported");
    assert_eq!(refused.sent(0).len(), 0x39, "no password was sent");
    misuse(
        run("!none", captured!("ready-trust")).verdict,
        "auth-unsupported",
    );
    ready(run("scram-sha-256", captured!("scram-fixed-nonce")).verdict);
}

#[test]
fn states_that_pass() {
    for (script, code, reason) in [
        (
            captured!("starting-up"),
            "starting-up",
            "the database system is starting up",
        ),
        (
            captured!("starting-up-wrong-user"),
            "starting-up",
            "the database system is starting up",
        ),
        (
            captured!("not-yet-consistent"),
            "recovering",
            "the database system is not yet accepting connections (Consistent recovery state has not been yet reached)",
        ),
        (
            captured!("shutting-down-smart"),
            "shutting-down",
            "the database system is shutting down",
        ),
        (
            captured!("too-many-clients"),
            "too-many-connections",
            "sorry, too many clients already",
        ),
        (
            captured!("role-limit"),
            "too-many-connections",
            "too many connections for role \"norows\"",
        ),
        (
            captured!("pgbouncer-dead-never"),
            "server-error",
            "pgbouncer: query_wait_timeout",
        ),
        (
            captured!("pgbouncer-disabled"),
            "server-error",
            "pgbouncer: database \"postgres\" is disabled",
        ),
    ] {
        assert_eq!(pending(answer(script), code).reason, reason);
    }
}

#[test]
fn states_that_could_not_be_captured() {
    for (script, code) in [
        (
            error(
                "FATAL",
                "57P03",
                "the database system is in recovery mode",
                "",
            ),
            "recovering",
        ),
        (
            error(
                "FATAL",
                "57P03",
                "the database system is not accepting connections",
                "Hot standby mode is disabled.",
            ),
            "standby",
        ),
        (
            error(
                "FATAL",
                "57P01",
                "terminating connection due to administrator command",
                "",
            ),
            "shutting-down",
        ),
        (
            error(
                "FATAL",
                "53300",
                "remaining connection slots are reserved",
                "",
            ),
            "too-many-connections",
        ),
        (
            error("FATAL", "58P01", "could not open file", ""),
            "server-error",
        ),
        (
            error("FATAL", "XX000", "Tenant or user not found", ""),
            "server-error",
        ),
    ] {
        let pending = pending(answer(&script), code);
        assert!(pending.reason.len() > 20, "{}", pending.reason);
    }
    let standby = error(
        "FATAL",
        "57P03",
        "x is not accepting connections",
        "Hot standby mode is disabled.",
    );
    assert!(
        answer(&standby)
            .reason()
            .ends_with("(Hot standby mode is disabled)")
    );
}

#[test]
fn mistakes_of_the_user() {
    for (script, code, param) in [
        (captured!("unknown-db"), "unknown-database", "dbname"),
        (
            captured!("pgbouncer-no-such-database"),
            "unknown-database",
            "dbname",
        ),
        (captured!("database-closed"), "database-closed", "dbname"),
        (captured!("database-private"), "not-authorized", "dbname"),
        (captured!("no-such-role"), "not-authorized", "user"),
        (captured!("nologin"), "not-authorized", "user"),
        (captured!("hba-reject"), "not-authorized", "sslmode"),
        (captured!("no-hba-entry"), "not-authorized", "sslmode"),
        (captured!("nossl-but-hostssl"), "not-authorized", "sslmode"),
        (
            captured!("pgbouncer-console-forbidden"),
            "not-authorized",
            "user",
        ),
    ] {
        let misuse = misuse(answer(script), code);
        assert_eq!(misuse.param.as_deref(), Some(param), "{}", misuse.reason);
    }
    misuse(answer(captured!("bad-guc")), "bad-setting");
    let protocol = error("FATAL", "0A000", "unsupported frontend protocol 3.0", "");
    misuse(answer(&protocol), "wrong-protocol");
}

#[test]
fn a_server_that_speaks_no_later_protocol_says_so_in_vain() {
    for script in [captured!("pq-option"), captured!("proto32")] {
        let mut script = script.to_vec();
        script.extend(rows(&["1"]));
        ready(answer(&script));
    }
    // PostgreSQL 18 hands out longer keys.
    let mut script = message(b'N', b"SNOTICE\0C00000\0Mhello\0\0");
    script.extend(message(b'R', &[0, 0, 0, 0]));
    script.extend(message(b'K', &[7; 36]));
    script.extend(idle());
    script.extend(rows(&["1"]));
    ready(answer(&script));
}

#[test]
fn a_peer_that_hangs_up() {
    let at_once = "accepts connections and closes them at once";
    assert_eq!(pending(answer(b""), "closed").reason, at_once);
    let run = target().conversation([Step::reset()]).check::<Postgres>();
    assert_eq!(pending(run.verdict, "closed").reason, at_once);
    let run = encrypted("prefer").conversation([]).check::<Postgres>();
    assert_eq!(pending(run.verdict, "closed").reason, at_once);
    let part = &captured!("starting-up")[..20];
    assert_eq!(
        pending(answer(part), "closed").reason,
        "closed the connection during the login"
    );
    let run = target()
        .unreachable(Fault::retry("refused", "connection refused"))
        .check::<Postgres>();
    pending(run.verdict, "refused");
}

#[test]
fn a_silent_peer_runs_into_the_deadline() {
    let run = target().conversation([Step::Silence]).check::<Postgres>();
    let pending = pending(run.verdict, "timed-out");
    assert!(pending.reason.contains("did not answer the login"));
}

#[test]
fn another_protocol_is_named() {
    for (bytes, word) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"RFB 003.008\n", "VNC"),
        (b"\x4a\0\0\0\x0a8.0.36\0", "MySQL"),
        (b"-ERR unknown command\r\n", "Redis"),
        (b"INFO {\"server_id\":\"x\"}\r\n", "NATS"),
        (b"ERROR\r\n", "memcached"),
        (b"220 mail ESMTP\r\n", "mail"),
        (b"\x01\x02\x03", "01 02 03"),
        (b"R\xff\xff\xff\xff", "52 ff ff ff ff"),
    ] {
        let misuse = misuse(answer(bytes), "wrong-protocol");
        assert!(misuse.reason.contains(word), "{}", misuse.reason);
        // The same to the question for TLS.
        if !bytes.starts_with(b"S") && !bytes.starts_with(b"E") {
            let make = || encrypted("prefer").conversation([Step::send(bytes)]);
            crate::misuse(check(make).verdict, "wrong-protocol");
        }
    }
    misuse(answer(b"\x15\x03\x01\0\x02\x02\x46"), "tls-required");
    // With TLS preferred, `S` of SSH passes for consent; the second try shows.
    let run = encrypted("prefer")
        .conversation([Step::send("S")])
        .conversation([Step::send("SSH-2.0-x\r\n")])
        .check::<Postgres>();
    assert!(misuse(run.verdict, "wrong-protocol").reason.contains("SSH"));
}

#[test]
fn an_error_of_the_time_before_protocol_3() {
    let reason = "could not take up the connection: could not fork new process for connection: out of memory";
    let text = b"Ecould not fork new process for connection: out of memory\n\0";
    assert_eq!(pending(answer(text), "server-error").reason, reason);
    let make = || encrypted("prefer").conversation([Step::send(text)]);
    assert_eq!(pending(check(make).verdict, "server-error").reason, reason);
}

#[test]
fn level_accepts_needs_no_password_and_no_user() {
    let accepts = |script: &[u8]| {
        let make = || {
            Session::new("postgres", "db", 5432)
                .value("sslmode", "disable")
                .value("level", "accepts")
                .conversation([Step::send(script)])
        };
        check(make)
    };
    for script in [
        captured!("cleartext-ok"),
        captured!("md5-ok"),
        captured!("scram-fixed-nonce"),
        captured!("gss"),
        captured!("ready-trust"),
        captured!("no-such-role"),
        captured!("no-hba-entry"),
        captured!("unknown-db"),
        captured!("pgbouncer-no-such-database"),
    ] {
        let ready = ready(accepts(script).verdict);
        assert!(ready.summary.starts_with("accepts connections: "));
    }
    for (script, code) in [
        (captured!("starting-up"), "starting-up"),
        (captured!("not-yet-consistent"), "recovering"),
        (captured!("shutting-down-smart"), "shutting-down"),
        (captured!("too-many-clients"), "too-many-connections"),
        (
            &error("FATAL", "08P01", "pgbouncer cannot connect to server", ""),
            "server-error",
        ),
        (b"", "closed"),
    ] {
        pending(accepts(script).verdict, code);
    }
    misuse(accepts(b"HTTP/1.1 400").verdict, "wrong-protocol");
    assert!(matches!(
        accepts(b"E\0\0\0\x04").verdict,
        Verdict::NotReady(_)
    ));
}
