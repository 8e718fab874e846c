//! Whatever a user writes on the command line, into variables and into
//! files, it becomes a plan or an error, and neither shows a password.
//!
//! An input is lines: an argument each, or, behind `$`, a variable
//! (`$NAME=VALUE`), or, behind `<`, a file (`<NAME=CONTENT`). The first line
//! is one of [`ROUTES`] and what is put around the password there.
#![no_main]

use std::ffi::OsString;

use libfuzzer_sys::fuzz_target;
use waitfor::fuzzing::{self, Given};
use waitfor_fuzz::CANARY;

/// The ways in which a password comes, where `1`, `2`, … stand for the
/// line's words and `!` for the password.
const ROUTES: &[(char, &[&str])] = &[
    ('u', &["1://2:3!4@5"]),
    ('p', &["1://:!2@3"]),
    ('q', &["1://2?password=3!4"]),
    ('o', &["1", "--password", "2!3"]),
    ('e', &["1", "--password=2!3"]),
    ('k', &["postgres", "host=1 password=2!3 4"]),
    ('b', &["1:2!3@4"]),
    ('h', &["--host", "1:!2@3", "--port", "4"]),
    ('U', &["--url", "1://2:!3@4"]),
    ('t', &["1", "--token", "!"]),
    ('s', &["1", "--secret-header", "2!3"]),
    ('f', &["1", "--password-file", "/pw"]),
    ('n', &[]),
];

fn line<'a>(lines: &mut impl Iterator<Item = &'a str>, given: &mut Given) -> Option<()> {
    let head = lines.next()?;
    let mut words = head.split('\t');
    let route = words.next()?.chars().next()?;
    let words: Vec<&str> = words.collect();
    let (_, templates) = ROUTES.iter().find(|(letter, _)| *letter == route)?;
    for template in *templates {
        let mut argument = String::new();
        for letter in template.chars() {
            match letter.to_digit(10) {
                Some(at) => argument += words.get(at as usize - 1).copied().unwrap_or_default(),
                None if letter == '!' => argument += CANARY,
                None => argument.push(letter),
            }
        }
        given.arguments.push(argument.into());
    }
    Some(())
}

fuzz_target!(init: fuzzing::prepare(), |text: &str| {
    // Only the routes put the password into an argument.
    if text.contains(CANARY) {
        return;
    }
    let mut given = Given::default();
    given.files.insert("/pw".into(), CANARY.into());
    given
        .variables
        .insert("PGPASSWORD".to_owned(), CANARY.into());
    let mut lines = text.split('\n');
    if line(&mut lines, &mut given).is_none() {
        return;
    }
    for line in lines {
        if let Some((name, value)) = line.strip_prefix('$').and_then(|rest| rest.split_once('=')) {
            given
                .variables
                .insert(name.to_owned(), OsString::from(value));
        } else if let Some((name, content)) =
            line.strip_prefix('<').and_then(|rest| rest.split_once('='))
        {
            given
                .files
                .insert(name.into(), content.replace('\t', "\n").into());
        } else {
            given.arguments.push(line.into());
        }
    }
    for shown in fuzzing::command_line(&given) {
        assert!(!shown.contains(CANARY), "{:?}: {shown}", given.arguments);
    }
});
