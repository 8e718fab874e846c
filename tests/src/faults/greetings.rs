//! The first bytes of other protocols' servers: the wrong port is the most frequent mistake.

use super::script::Step;

/// How a kind of server begins.
#[derive(Clone, Copy, Debug)]
pub struct Greeting {
    /// The protocol, in one word.
    pub name: &'static str,
    /// Whether the server speaks before it has heard anything.
    pub first: bool,
    /// What it says.
    pub bytes: &'static [u8],
    /// Whether it hangs up after that, or waits for the client.
    pub closes: bool,
}

impl Greeting {
    /// The steps of such a server.
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.first {
            steps.push(Step::Hear(None));
        }
        steps.push(Step::Say(self.bytes.to_vec()));
        if !self.closes {
            steps.push(Step::Hold);
        }
        steps
    }
}

/// Those that a client is likely to meet. The texts are ours; their form is that of the protocols'
/// specifications.
pub const GREETINGS: [Greeting; 13] = [
    Greeting {
        name: "http",
        first: false,
        bytes: b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nno\n",
        closes: true,
    },
    Greeting {
        name: "tls",
        first: false,
        // A fatal alert, unexpected_message, in a record of version 1.2.
        bytes: b"\x15\x03\x03\x00\x02\x02\x0a",
        closes: true,
    },
    Greeting {
        name: "postgresql",
        first: false,
        bytes: b"E\0\0\0\x51SFATAL\0VFATAL\0C0A000\0Munsupported frontend protocol 18245.8239: none of 3.0\0\0",
        closes: true,
    },
    Greeting {
        name: "redis",
        first: false,
        bytes: b"-ERR Protocol error: unauthenticated multibulk length\r\n",
        closes: true,
    },
    Greeting {
        name: "mysql",
        first: true,
        bytes: b"\x43\0\0\0\x0a8.0.36\0\x0b\0\0\0abcdefgh\0\xff\xf7\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0mysql_native_p\0",
        closes: false,
    },
    Greeting {
        name: "amqp",
        first: false,
        bytes: b"AMQP\0\0\x09\x01",
        closes: true,
    },
    Greeting {
        name: "nats",
        first: true,
        bytes: b"INFO {\"server_id\":\"NA\",\"version\":\"2.10.0\",\"max_payload\":1048576}\r\n",
        closes: false,
    },
    Greeting {
        name: "ssh",
        first: true,
        bytes: b"SSH-2.0-OpenSSH_9.2\r\n",
        closes: false,
    },
    Greeting {
        name: "smtp",
        first: true,
        bytes: b"220 mail.example ESMTP\r\n",
        closes: false,
    },
    Greeting {
        name: "http2",
        first: true,
        // SETTINGS with three settings, on stream 0.
        bytes: b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff",
        closes: false,
    },
    Greeting {
        name: "ldap",
        first: false,
        // A notice of disconnection (RFC 4511, section 4.4.1): protocolError.
        bytes: b"\x30\x24\x02\x01\0\x78\x1f\x0a\x01\x02\x04\0\x04\0\x8a\x161.3.6.1.4.1.1466.20036",
        closes: true,
    },
    Greeting {
        name: "vnc",
        first: true,
        bytes: b"RFB 003.008\n",
        closes: false,
    },
    Greeting {
        name: "memcached",
        first: false,
        bytes: b"ERROR\r\n",
        closes: false,
    },
];
