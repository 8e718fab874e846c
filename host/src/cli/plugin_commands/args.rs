//! The commands about plugins as clap knows them; their help comes from here.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, value_parser};

/// What help says of `NAME[@REQ]`.
const WANTED: &str =
    "The probe, and which versions of it: 1, 1.2, 1.2.3, ^1.2, ~1.2, >=1.2 or sha256:…";

/// The subcommands; help shows them too.
pub(crate) fn subcommands() -> Vec<Command> {
    vec![
        subcommand(
            "list",
            "Lists the probes at hand: official, locked, in the store",
        ),
        subcommand("info", "Shows one probe with all its parameters").arg(word(
            "name",
            "NAME[@REQ]",
            WANTED,
        )),
        subcommand(
            "add",
            "Takes a probe into waitfor.toml and waitfor.lock\n\n\
             Without a requirement the newest release is taken, and `^` and its version written.",
        )
        .arg(word("name", "NAME[@REQ]", WANTED))
        .arg(registry("registry", "Where it comes from")),
        subcommand(
            "remove",
            "Takes probes out of waitfor.toml and waitfor.lock",
        )
        .arg(names().required(true)),
        subcommand(
            "lock",
            "Makes waitfor.lock fit waitfor.toml\n\nWhat is locked and still fits stays as it is.",
        ),
        subcommand(
            "update",
            "Moves locked probes to the newest version that waitfor.toml allows\n\n\
             Without a name all are moved.",
        )
        .arg(names())
        .arg(value(
            "precise",
            "VERSION",
            "Go to that very version, also backwards",
        ))
        .arg(switch(
            "dry-run",
            "Say what would change, and change nothing",
        )),
        subcommand(
            "fetch",
            "Downloads what is locked, and mends what was altered",
        ),
        subcommand(
            "verify",
            "Compares the lock with the bytes at hand and with the registries\n\n\
             Every copy is hashed: in the binary, the vendored folder and the store. Unless \
             --offline is given, registries are asked for yanked versions and for versions \
             whose bytes were exchanged.",
        ),
        subcommand("outdated", "Shows which locked probes have newer versions"),
        subcommand(
            "publish",
            "Checks a component and publishes it as a version\n\n\
             A published version never changes: give each change a new version.",
        )
        .arg(word(
            "name",
            "NAME@VERSION",
            "The probe and its whole version",
        ))
        .arg(word("file", "FILE", "The component"))
        .arg(registry("to", "Where to"))
        .arg(value(
            "source",
            "URL",
            "Where the source is [default: the CI pipeline's]",
        ))
        .arg(value(
            "revision",
            "REV",
            "Which state of the source it is [default: the CI pipeline's]",
        ))
        .arg(value(
            "license",
            "SPDX",
            "Its licence, as in `MIT OR Apache-2.0`",
        ))
        .arg(switch("dry-run", "Check everything, and send nothing")),
        subcommand(
            "yank",
            "Marks a published version as one not to be taken up\n\n\
             It stays where it is; those who locked it are warned and run on.",
        )
        .arg(word(
            "name",
            "NAME@VERSION",
            "The probe and its whole version",
        ))
        .arg(value("reason", "TEXT", "Why, one line; users see it"))
        .arg(switch(
            "deprecate",
            "Only warn: new resolutions still take it",
        ))
        .arg(switch("undo", "Take back what was said"))
        .arg(registry("registry", "Where it is published")),
        subcommand(
            "vendor",
            "Copies what is locked into a folder to be committed",
        )
        .arg(
            word(
                "folder",
                "DIR",
                "An OCI image layout [default: vendor/waitfor]",
            )
            .required(false),
        ),
        subcommand(
            "gc",
            "Removes from the store what no lock on this machine names",
        )
        .arg(switch(
            "dry-run",
            "Say what would be removed, and remove nothing",
        )),
    ]
}

/// A subcommand; what follows the first paragraph stands at the end of its own
/// help.
fn subcommand(name: &'static str, about: &'static str) -> Command {
    let (first, rest) = about.split_once("\n\n").unwrap_or((about, ""));
    Command::new(name)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .about(first)
        .after_help(rest)
}

fn word(id: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    Arg::new(id)
        .value_name(placeholder)
        .required(true)
        .value_parser(value_parser!(OsString))
        .help(help)
}

fn names() -> Arg {
    word("names", "NAME", "The probes")
        .required(false)
        .num_args(1..)
        .action(ArgAction::Append)
}

fn value(name: &'static str, placeholder: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(placeholder)
        .value_parser(value_parser!(OsString))
        .help(help)
}

fn registry(name: &'static str, what: &str) -> Arg {
    value(name, "REGISTRY", "").help(format!(
        "{what}: a key of [registries], HOST/PATH or oci:FOLDER [default: the name's]"
    ))
}

fn switch(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}
