//! The pages of the documentation say what the probes declare.

use std::path::Path;

use waitfor_official::pages;
use waitfor_official::probes::ALL;

#[test]
fn every_page_holds_the_parameters_that_its_probe_declares() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for probe in ALL {
        let (page, filled) = match pages::page(&root, probe) {
            Ok(found) => found,
            Err(failure) => panic!("{failure}"),
        };
        assert!(
            page == filled,
            "docs/probes/{}.md is not up to date; run `cargo run -p waitfor-official -- docs`",
            probe.name
        );
    }
}
