//! Whatever is read of what names a plugin, prints as something that means
//! the same.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use waitfor_registry::config;
use waitfor_registry::{
    Abi, Digest, Error, Location, Name, PluginRef, Reference, Requirement, Version,
};

fn again<T: FromStr<Err = Error> + Display + Debug + PartialEq>(text: &str) -> Option<T> {
    let read: T = match text.parse() {
        Ok(read) => read,
        Err(error) => {
            let _ = (error.to_string(), error.hint());
            return None;
        }
    };
    let printed = read.to_string();
    match printed.parse::<T>() {
        Ok(same) => assert_eq!(same, read, "`{text}` prints as `{printed}`"),
        Err(error) => panic!("`{text}` prints as `{printed}`: {error}"),
    }
    Some(read)
}

fuzz_target!(|text: &str| {
    let name = again::<Name>(text);
    if let Some(name) = name {
        assert_eq!(name.as_str(), text);
    }
    again::<PluginRef>(text);
    again::<Digest>(text);
    again::<Abi>(text);
    if let Some(Location::Remote(remote)) = again::<Location>(text) {
        let _ = (remote.host(), remote.is_loopback());
    }
    if let Some(version) = again::<Version>(text) {
        assert_eq!(version.to_string(), text, "a version has one form");
        assert!(version.is_in_line_with(&version));
        let exact = again::<Requirement>(text);
        assert!(
            exact.is_some_and(|exact| exact.matches(&version)),
            "`{text}` is not itself"
        );
    }
    if let Some((requirement, version)) = text.split_once(' ')
        && let (Some(requirement), Some(version)) =
            (again::<Requirement>(requirement), again::<Version>(version))
    {
        let _ = requirement.matches(&version);
    }
    if let Ok(reference) = config::parse_requirement(text) {
        let printed = config::requirement(&reference);
        let same = config::parse_requirement(&printed);
        assert_eq!(same.ok(), Some(reference), "`{text}` prints as `{printed}`");
    }
    let _ = text.parse::<Reference>();
});
