//! A parameter has another kind: users who give a number would fail.
#![no_std]
extern crate alloc;

use alloc::string::String;

use guest_billing::PORT;
use waitfor_sdk::{Scheme, Secret};

guest_billing::form!(
    [Scheme::new("billing", PORT, "the billing service")],
    {
        /// the ledger that must be open
        ledger: Option<String> { url_part: "path", placeholder: "NAME" }
        /// the region of the ledger
        region: Option<String> { placeholder: "NAME" }
        /// how long entries may be missing
        max_lag: Option<String> { placeholder: "TIME" }
        /// the token to log in with
        token: Option<Secret> { env: &["BILLING_TOKEN"] }
    },
    |params| params.ledger.as_deref().unwrap_or("main")
);
