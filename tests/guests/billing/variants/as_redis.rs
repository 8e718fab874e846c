//! It answers to a scheme that an official probe has too.
#![no_std]
extern crate alloc;

use alloc::string::String;

use guest_billing::PORT;
use waitfor_sdk::Scheme;

guest_billing::form!(
    [Scheme::new("redis", PORT, "the billing service")],
    {
        /// the ledger that must be open
        ledger: Option<String> { url_part: "path", placeholder: "NAME" }
    },
    |params| params.ledger.as_deref().unwrap_or("main")
);
