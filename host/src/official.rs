//! The official probes inside the program: their components, which are their
//! identity, and what was made of them when the program was built, so that a
//! run neither compiles them nor asks them what they take.

use waitfor_native::RawDescription;
use waitfor_registry::Digest;

/// What was made of a component when the program was built.
pub struct Ready {
    component: &'static str,
    description: &'static [u8],
    code: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/official.rs"));

/// What was made of the component with this digest; none where the program
/// does not carry it.
pub fn ready(component: &Digest) -> Option<&'static Ready> {
    let digits = component.hex();
    READY.iter().find(|ready| ready.component == digits)
}

impl Ready {
    /// What the component says of itself; none where the data cannot be read,
    /// which would be a fault of the build.
    pub fn description(&self) -> Option<RawDescription> {
        serde_json::from_slice(self.description).ok()
    }

    /// The component's code, for an engine that accepts it; none on platforms
    /// that the build could not compile for.
    pub fn code(&self) -> Option<&'static [u8]> {
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_official_component_is_ready() {
        let published = OFFICIAL.published().expect("a sound layout");
        assert!(!published.is_empty());
        for one in published {
            let ready = ready(&one.component).expect("made when the program was built");
            assert!(ready.code().is_some_and(|code| !code.is_empty()));
            let description = ready.description().expect("readable");
            let schemes: Vec<_> = description
                .schemes
                .iter()
                .map(|scheme| scheme.name.clone())
                .collect();
            assert_eq!(schemes, one.schemes, "{} {}", one.name, one.version);
        }
    }
}
