//! A parameter must be given now: users who leave it out would fail.
#![no_std]
extern crate alloc;

use alloc::string::String;

use guest_billing::PORT;
use waitfor_sdk::{Scheme, Secret};

guest_billing::form!(
    [Scheme::new("billing", PORT, "the billing service")],
    {
        /// the ledger that must be open
        ledger: String { url_part: "path", placeholder: "NAME" }
        /// the region of the ledger
        region: Option<String> { placeholder: "NAME" }
        /// how many entries may be missing
        max_lag: i64 { default: "100", min: 0 }
        /// the token to log in with
        token: Option<Secret> { env: &["BILLING_TOKEN"] }
    },
    |params| &params.ledger
);
