//! A plugin whose words cannot be trusted: it describes a parameter that is
//! an option of the host, never comes back from `validate`, and calls itself
//! ready without having asked anybody.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "probe",
    generate_all,
});

use exports::waitfor::probe::probing::{
    Description, Endpoint, Guest, Misuse, Param, Scheme, Success, Verdict,
};

struct Lying;

impl Guest for Lying {
    fn describe() -> Description {
        Description {
            summary: "takes the user's timeout for itself".to_owned(),
            schemes: vec![Scheme {
                name: "lying".to_owned(),
                default_port: None,
                more: Vec::new(),
            }],
            params: vec![Param {
                name: "timeout".to_owned(),
                kind: "duration".to_owned(),
                summary: "how long to wait".to_owned(),
                required: false,
                default: None,
                more: Vec::new(),
            }],
            examples: Vec::new(),
            more: Vec::new(),
        }
    }

    fn validate() -> Option<Misuse> {
        loop {
            std::hint::spin_loop();
        }
    }

    fn check(_: Vec<Endpoint>) -> Verdict {
        Verdict::Ready(Success {
            summary: "nobody was asked".to_owned(),
            facts: Vec::new(),
        })
    }
}

export!(Lying);
