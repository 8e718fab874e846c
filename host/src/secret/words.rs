//! The words that a report would say without knowing any secret. A password
//! that is such a word is not blanked: that would hide nothing, make the
//! report unreadable, and betray the password by the places of the blanks.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::known::fold;

/// The bytes of a component.
pub type Component = Arc<Cow<'static, [u8]>>;

/// What is public in a run.
#[derive(Clone, Default)]
pub struct Public {
    components: Vec<Component>,
    shown: Vec<Vec<u8>>,
    named: Vec<Vec<u8>>,
}

impl fmt::Debug for Public {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Public").finish_non_exhaustive()
    }
}

impl Public {
    /// Adds a plugin's component: the texts in it are what it can say of
    /// itself.
    pub fn component(&mut self, component: Component) {
        self.components.push(component);
    }

    /// Adds a text that every report shows, as the label of a target is.
    pub fn shown(&mut self, text: &str) {
        self.shown.push(folded(text));
    }

    /// Adds a text that is known to be no secret, such as a user's name.
    pub fn named(&mut self, text: &str) {
        self.named.push(folded(text));
    }

    /// Whether a report may say this without knowing it to be a secret; it is
    /// folded, and at least four bytes long.
    pub(super) fn says(&self, text: &[u8]) -> bool {
        self.named.iter().any(|named| named == text)
            || self.shown.iter().any(|shown| holds(shown, text))
            || (are_words(text)
                && (WORDS.iter().any(|words| holds(words.as_bytes(), text))
                    || self.components.iter().any(|bytes| holds(bytes, text))))
    }
}

/// Only letters, with single `-`, `_`, `.` or spaces between them: a random
/// password hardly ever is, and may stand among a component's bytes by chance.
fn are_words(text: &[u8]) -> bool {
    text.split(|byte| b"-_. ".contains(byte))
        .all(|word| !word.is_empty() && word.iter().all(u8::is_ascii_alphabetic))
}

/// Whether `part`, which is folded, stands in `whole`; capitals make no
/// difference.
fn holds(whole: &[u8], part: &[u8]) -> bool {
    let Some(first) = part.first() else {
        return true;
    };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), whole).any(|at| {
        whole.get(at..at + part.len()).is_some_and(|found| {
            found
                .iter()
                .zip(part)
                .all(|(one, other)| fold(*one) == *other)
        })
    })
}

fn folded(text: &str) -> Vec<u8> {
    text.bytes().map(fold).collect()
}

/// What the host says to a plugin, which passes it on, and what the servers
/// of the official probes say, as they are known to say it.
const WORDS: [&str; 6] = [
    // This system's errors.
    "connection refused, connection reset by peer, connection timed out, connection aborted, \
     broken pipe, no such file or directory, permission denied, no route to host, \
     network is unreachable, network is down, host is unreachable, address not available, \
     cannot assign requested address, address already in use, too many open files, \
     out of memory, resource temporarily unavailable, operation not permitted, \
     invalid argument, input/output error, not a directory, is a directory, unexpected end of file, \
     protocol error, transport endpoint is not connected, operation timed out",
    // What the host says of connections and names.
    "the connection was refused; reset; aborted; closed; does not exist yet; \
     this user may not connect; no local address can reach; did not answer the connection in time; \
     connecting to; the peer closed the stream without saying so; no address could be tried; \
     the name does not resolve: name or service not known, temporary failure in name resolution, \
     no address associated with hostname, non-recoverable failure; the attempt's time is over; \
     an attempt opens at most connections; an attempt receives at most; \
     was discovered after a secret was used; is not an allowed address; \
     the plugin was still computing; no answer within; while",
    // What it says of TLS.
    "the server demands a client certificate; the server refused the client certificate; \
     the tls handshake failed; ended the handshake; does not speak tls on this port; \
     no common cipher; supported protocols; application protocols; version that is still safe; \
     the certificate expired on; is not valid before; names no host at all (no subject alternative name); \
     is for, not for this name; is self-signed and not among the trust roots; was issued by, \
     which is not trusted; was revoked; is not meant for servers; is that of an authority; \
     does not hold; without a subject; trust roots cannot be used; certificate authority; \
     close notify, unexpected message, bad record mac, record overflow, decode error, decrypt error, \
     illegal parameter, internal error, insufficient security, inappropriate fallback, \
     user cancelled, missing extension, unsupported extension, unrecognised name, unknown ca, \
     access denied, export restriction, certificate unknown, unsupported certificate, \
     certificate required, corrupt message, signature, invalid, peer, public, private",
    // What Redis and Valkey say.
    "invalid username-password pair or user is disabled; authentication required; \
     the server is loading the dataset in memory; link with master is down and replica-serve-stale-data \
     is set; the cluster is down; hash slot not served; moved; a write against a read only replica; \
     is running a script, you can only call; command not allowed when used memory; \
     max number of clients reached; running in protected mode; no permissions to run the command; \
     called without any password configured for the default user; value is out of range; \
     unknown command, with args beginning with; wrong number of arguments; standalone, sentinel, \
     cluster, master, slave, replica, valkey, keydb, dragonfly, garnet",
    // What PostgreSQL, its poolers and Vertica say.
    "the database system is starting up; is shutting down; is in recovery mode; \
     is not yet accepting connections; consistent recovery state has not been yet reached; \
     terminating connection due to administrator command; password authentication failed for user; \
     no encryption; no entry for host; pg_hba.conf rejects connection; role does not exist; \
     database does not exist; is not permitted to log in; is not currently accepting connections; \
     permission denied for schema, relation, table, column, function, sequence, view; \
     sorry, too many clients already; remaining connection slots are reserved for superuser; \
     no more connections allowed; server login failed; query wait timeout; pool; statement; \
     cannot execute in a read-only transaction; syntax error at or near; relation does not exist; \
     unsupported frontend protocol; invalid startup packet; node status; cluster; projection; \
     license; account is locked; has expired; client connection limit; public; admin; \
     administrator; superuser; session; password; username; invalid; access denied",
    // What HTTP servers and Vault say.
    "continue, switching protocols, created, accepted, no content, partial content, \
     multiple choices, moved permanently, found, see other, not modified, temporary redirect, \
     permanent redirect, bad request, unauthorized, payment required, forbidden, not found, \
     method not allowed, not acceptable, proxy authentication required, request timeout, conflict, \
     gone, length required, precondition failed, content too large, unsupported media type, \
     misdirected request, unprocessable entity, too early, upgrade required, too many requests, \
     request header fields too large, internal server error, not implemented, bad gateway, \
     service unavailable, gateway timeout, version not supported; content-type; application/json; \
     text/html; text/plain; location; server; nginx; apache; envoy; caddy; traefik; \
     welcome; health; healthy; status; ready; alive; running; active; standby; sealed; \
     initialized; security barrier; server is not yet initialized; permission denied; \
     missing client token; invalid token; token; namespace; performance secondary; \
     local node not active but active cluster node not found; hello, world; test; example; default; \
     true; false; null; none; error; message; warning; failed; success",
];
