//! A plugin that does what its parameter `do` says, however bad, and tells in
//! its verdict's facts what came of it: what the engine promises of WASI, of
//! its limits and of its policy is tested with it.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "probe",
    generate_all,
});

mod deeds;

use exports::waitfor::probe::probing::{
    Description, Endpoint, Guest, Misuse, Param, Scheme, Success, Verdict,
};
use waitfor::probe::params;

struct WithStd;

impl Guest for WithStd {
    fn describe() -> Description {
        let param = |name: &str, kind: &str, summary: &str| Param {
            name: name.to_owned(),
            kind: kind.to_owned(),
            summary: summary.to_owned(),
            required: false,
            default: None,
            more: Vec::new(),
        };
        Description {
            summary: "the deed was done".to_owned(),
            schemes: vec![Scheme {
                name: "deed".to_owned(),
                default_port: None,
                more: Vec::new(),
            }],
            params: vec![
                param("do", "text", "the deed"),
                param("address", "text", "an address for the deed"),
                param("key", "secret", "a secret for the deed"),
            ],
            examples: Vec::new(),
            more: Vec::new(),
        }
    }

    fn validate() -> Option<Misuse> {
        match deeds::value("do").as_str() {
            "panic" => panic!("told to panic in validate"),
            "sleep" => std::thread::sleep(std::time::Duration::from_secs(60)),
            _ => {}
        }
        None
    }

    fn check(targets: Vec<Endpoint>) -> Verdict {
        let deed = params::values("do").into_iter().next().unwrap_or_default();
        Verdict::Ready(Success {
            facts: deeds::perform(&deed, &targets),
            summary: deed,
        })
    }
}

export!(WithStd);
