//! Whatever a server answers, the SDK's HTTP client gives an answer of the
//! size that was asked for, or a failure.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waitfor_fuzz::conversation;
use waitfor_sdk::http::{self, Location, Origin};
use waitfor_sdk::{About, Context, Probe, Ready, Scheme, Unready, params};

/// The longest body that is read.
const MOST: usize = 1000;

params! {
    /// How the request is made.
    pub struct Params {
        /// whether over TLS
        tls: bool {}
        /// the method
        method: String { default: "GET" }
    }
}

struct Client;

impl Probe for Client {
    type Params = Params;

    const ABOUT: About = About {
        summary: "an answer",
        schemes: &[Scheme::new("http", 80, "")],
        examples: &[],
        more: &[],
    };

    fn check(context: &Context<'_>, params: &Params) -> Result<Ready, Unready> {
        let endpoint = context.target();
        let connection = http::open(endpoint, params.tls)?;
        let request = http::Request::new(&params.method, "/");
        let host = http::authority(endpoint, params.tls);
        let mut response = http::send(connection, &host, &request)?;
        let _ = (response.retry_after(), response.status_line());
        if let Some(location) = response.header("location") {
            let start = Location {
                origin: Origin::of(endpoint, params.tls),
                target: "/".to_owned(),
            };
            if let Some(next) = start.join(location) {
                assert!(!next.target.contains(['\r', '\n', ' ']), "{}", next.target);
                assert!(!next.origin.host.is_empty(), "a redirect to nowhere");
                let _ = next.origin.address();
                // A place that leads to itself must not wander.
                let _ = next.join(location);
            }
        }
        let body = response.body(MOST)?;
        assert!(body.bytes.len() <= MOST, "a longer body than asked for");
        assert!(response.body(MOST)?.bytes.is_empty(), "a body twice");
        let _ = http::is_plain_to_tls(response.status, &body.bytes);
        Ok(Ready::new("answered"))
    }
}

fuzz_target!(|input: &[u8]| {
    conversation::attempt::<Client>(input);
    let _ = http::protocol_of(input);
});
