//! What one client sent, kept so that tests can assert on the bytes and not only on the outcome.

/// A request that a client sends before its start-up message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreMessage {
    /// `04d30000`: which node shall I talk to?
    LoadBalance,
    /// `04d2162f`: do you speak TLS?
    Tls,
    /// `04d2162e`: cancel a running statement.
    Cancel,
}

/// Everything that one connection brought.
#[derive(Clone, Debug, Default)]
pub struct ClientRecord {
    /// The requests before the start-up message, in their order.
    pub pre_messages: Vec<PreMessage>,
    /// Whether TLS was established.
    pub tls: bool,
    /// The start-up message as it came, with its length.
    pub startup: Vec<u8>,
    /// The start-up message's parameters, in their order; the value of `protocol_version` is four raw bytes.
    pub parameters: Vec<(String, Vec<u8>)>,
    /// Each further message: its type and its body.
    pub messages: Vec<(u8, Vec<u8>)>,
    /// Whether the client said goodbye (`X`).
    pub terminated: bool,
    /// Whether the connection is over.
    pub ended: bool,
}

impl ClientRecord {
    /// The text of a start-up parameter.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The texts of the queries that it sent.
    pub fn queries(&self) -> Vec<String> {
        self.messages
            .iter()
            .filter(|(kind, _)| *kind == b'Q')
            .map(|(_, body)| {
                let text = body.strip_suffix(b"\0").unwrap_or(body);
                String::from_utf8_lossy(text).into_owned()
            })
            .collect()
    }

    /// The bodies of the password messages that it sent.
    pub fn password_answers(&self) -> Vec<Vec<u8>> {
        self.messages
            .iter()
            .filter(|(kind, _)| *kind == b'p')
            .map(|(_, body)| body.clone())
            .collect()
    }
}
