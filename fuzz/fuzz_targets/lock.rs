//! Whatever can be read as a `waitfor.lock` prints as what it was, and an
//! edit changes nothing else.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use waitfor_registry::{Lock, Locked};

fn read(text: &str) -> Option<Lock> {
    match Lock::parse(Path::new("waitfor.lock"), text) {
        Ok(lock) => Some(lock),
        Err(error) => {
            let _ = (error.to_string(), error.hint());
            None
        }
    }
}

fn reread(text: &str, why: &str) -> Lock {
    match Lock::parse(Path::new("waitfor.lock"), text) {
        Ok(lock) => lock,
        Err(error) => panic!("{why}: {error}\n{text}"),
    }
}

fuzz_target!(|text: &str| {
    let Some(lock) = read(text) else { return };
    let printed = lock.to_string();
    let again = reread(&printed, "printed");
    assert!(
        lock.plugins().eq(again.plugins()),
        "it means something else\n{printed}"
    );
    assert_eq!(
        again.to_string(),
        printed,
        "it prints otherwise the second time"
    );
    let before: Vec<Locked> = lock.plugins().cloned().collect();
    let Some(one) = before.first() else { return };

    let mut moved = one.clone();
    moved.size = if moved.size == 1 { 2 } else { 1 };
    let mut changed = lock.clone();
    assert!(changed.set(moved.clone()));
    let text = changed.to_string();
    let changed = reread(&text, "changed");
    assert_eq!(changed.get(&moved.name), Some(&moved));
    assert!(
        changed.plugins().skip(1).eq(&before[1..]),
        "another block changed\n{text}"
    );

    let mut added = one.clone();
    let Ok(name) = "zz/added".parse() else { return };
    added.name = name;
    let mut longer = lock.clone();
    if longer.set(added.clone()) && lock.get(&added.name).is_none() {
        let text = longer.to_string();
        let longer = reread(&text, "longer");
        assert_eq!(longer.plugins().len(), before.len() + 1, "{text}");
        let mut shorter = longer;
        assert!(shorter.remove(&added.name));
        assert_eq!(shorter.to_string(), printed, "added and removed again");
    }

    let mut shorter = lock.clone();
    assert!(shorter.remove(&one.name));
    let text = shorter.to_string();
    assert!(
        reread(&text, "shorter").plugins().eq(&before[1..]),
        "another block went\n{text}"
    );
});
