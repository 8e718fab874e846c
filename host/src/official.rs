//! The official probes inside the program: their components, which are their
//! identity, and what was made of them when the program was built, so that a
//! run neither compiles them nor asks them what they take.

use waitfor_native::RawDescription;
use waitfor_registry::Digest;

use crate::description::Description;

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
    fn said(&self) -> Option<RawDescription> {
        postcard::from_bytes(self.description).ok()
    }

    /// The description that it gave when the program was built: that it holds
    /// was looked at then.
    pub fn description(&self) -> Option<Description> {
        self.said().map(Description::known)
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
            let said = ready.said().expect("readable");
            let checked = Description::from_raw(one.name.as_str(), said).expect("sound");
            assert_eq!(ready.description(), Some(checked.clone()));
            let schemes: Vec<_> = checked
                .schemes
                .iter()
                .map(|scheme| scheme.name.clone())
                .collect();
            assert_eq!(schemes, one.schemes, "{} {}", one.name, one.version);
        }
    }
}
