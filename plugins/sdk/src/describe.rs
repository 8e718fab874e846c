//! What a probe says of itself apart from its parameters.

/// A URL scheme that the probe answers to.
#[derive(Debug, Clone, Copy)]
pub struct Scheme {
    /// As in `rediss` or `vault+http`.
    pub name: &'static str,
    /// None where the target has no port, or must name one.
    pub default_port: Option<u16>,
    /// What the scheme means, one line.
    pub summary: &'static str,
    /// Whether the URL's path is that of a UNIX socket.
    pub unix: bool,
}

impl Scheme {
    /// A scheme over TCP.
    pub const fn new(name: &'static str, default_port: u16, summary: &'static str) -> Self {
        Self {
            name,
            default_port: Some(default_port),
            summary,
            unix: false,
        }
    }

    /// A scheme over TCP whose URL must name the port.
    pub const fn without_port(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            default_port: None,
            summary,
            unix: false,
        }
    }

    /// A scheme whose path is that of a UNIX socket.
    pub const fn unix(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            default_port: None,
            summary,
            unix: true,
        }
    }
}

/// What the host and the user know about the probe.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// One line: what `ready` means here.
    pub summary: &'static str,
    /// The first is the one for targets that come without a URL.
    pub schemes: &'static [Scheme],
    /// Command lines, without the program's name.
    pub examples: &'static [&'static str],
    /// Further facts of the contract's `description.more`: `url-env`,
    /// `host-env`, `port-env`, `default-host`, `hosts`, `keywords`.
    pub more: &'static [(&'static str, &'static str)],
}
