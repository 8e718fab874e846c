//! The list of the official probes. They are linked natively to read what
//! they declare; what is published are their components.

use waitfor_sdk::params::Spec;
use waitfor_sdk::{About, Probe};

/// An official probe.
#[derive(Debug, Clone, Copy)]
pub struct Official {
    /// The plugin's name.
    pub name: &'static str,
    /// What it says of itself.
    pub about: &'static About,
    /// The parameters that it declares, in order.
    pub specs: fn() -> Vec<Spec>,
}

impl Official {
    const fn of<P: Probe>(name: &'static str) -> Self {
        Self {
            name,
            about: &P::ABOUT,
            specs: waitfor_sdk::specs::<P>,
        }
    }

    /// The package that it is built from.
    pub fn package(&self) -> String {
        format!("waitfor-probe-{}", self.name)
    }
}

/// Every official probe, by name.
pub const ALL: &[Official] = &[
    Official::of::<waitfor_probe_http::Http>("http"),
    Official::of::<waitfor_probe_postgres::Postgres>("postgres"),
    Official::of::<waitfor_probe_redis::Redis>("redis"),
    Official::of::<waitfor_probe_tcp::Tcp>("tcp"),
    Official::of::<waitfor_probe_vault::Vault>("vault"),
    Official::of::<waitfor_probe_vertica::Vertica>("vertica"),
];
