//! What all forms of the probe share: the question to the billing service, and
//! how its answer is read. The forms differ in what they declare.
#![no_std]
extern crate alloc;

use alloc::format;
use alloc::string::String;

use waitfor_sdk::{Context, Pending, Ready, Unready};

/// Where the service listens.
pub const PORT: u16 = 7411;

/// The longest line that is read.
const MAX_LINE: usize = 256;

/// Asks for the state of a ledger: `STATE NAME` is answered by `OPEN NAME`, or
/// by a line that says why not.
///
/// # Errors
/// Where the service does not answer, or the ledger is not open.
pub fn ask(context: &Context<'_>, ledger: &str) -> Result<Ready, Unready> {
    context.stage("connecting");
    let mut connection = context.target().connect()?;
    context.stage("asking");
    connection.write(format!("STATE {ledger}\n").as_bytes())?;
    let line = connection.read_line(MAX_LINE)?;
    let line = String::from_utf8_lossy(&line);
    match line.trim_end().strip_prefix("OPEN ") {
        Some(open) => Ok(Ready::new("the ledger is open").fact("ledger", open)),
        None => Err(Pending::new("ledger-closed", format!("it says `{}`", line.trim_end())).into()),
    }
}

/// Declares one form of the probe: its schemes, then its parameters, then the
/// ledger that it asks for.
#[macro_export]
macro_rules! form {
    ([$($scheme:expr),+], { $($params:tt)* }, |$given:ident| $ledger:expr) => {
        waitfor_sdk::params! {
            /// What the user can tell the probe.
            pub struct Params { $($params)* }
        }

        /// The probe.
        pub struct Billing;

        impl waitfor_sdk::Probe for Billing {
            type Params = Params;

            const ABOUT: waitfor_sdk::About = waitfor_sdk::About {
                summary: "the ledger is open",
                schemes: &[$($scheme),+],
                examples: &["billing://ledgers/2026"],
                more: &[],
            };

            fn check(
                context: &waitfor_sdk::Context<'_>,
                $given: &Params,
            ) -> Result<waitfor_sdk::Ready, waitfor_sdk::Unready> {
                $crate::ask(context, $ledger)
            }
        }

        waitfor_sdk::export!(Billing);
    };
}
