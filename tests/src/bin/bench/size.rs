//! How big the binaries are, and what they are made of.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use waitfor_tests::cli;
use waitfor_tests::install::{Component, Installed};
use waitfor_tests::process::temp_dir;

use crate::peers::{have, official_blobs, plugins};
use crate::report::{Report, Unit};

/// The discipline of the sizes.
const WHOLE: &str = "size of the binary";

/// Functions of C and of assembly, and those that the compiler has named.
const NAMELESS: &str = "without a crate's name";

/// How the names of the native code of the official probes end.
const MADE_AHEAD: &str = "official::READY::CODE";

/// How many crates are told apart.
const CRATES_SHOWN: usize = 15;

/// How many sections are.
const SECTIONS_SHOWN: usize = 10;

/// The variable that names a static build, where there is one.
const STATIC: &str = "WAITFOR_STATIC_BIN";

/// What it is called.
pub(crate) const STATIC_NAME: &str = "waitfor, static (musl)";

/// The static build, where there is one.
pub(crate) fn static_build() -> Option<PathBuf> {
    let path = std::env::var_os(STATIC).filter(|path| !path.is_empty());
    path.map(PathBuf::from)
}

/// One of the binaries.
struct Binary {
    /// What it is called in a table of both.
    who: &'static str,
    /// The same in the names of other tables.
    noun: &'static str,
    path: PathBuf,
}

/// Runs the part.
pub(crate) fn run(report: &mut Report) {
    let tools = have(Component::Binutils, report);
    let mut binaries = vec![Binary {
        who: "waitfor",
        noun: "binary",
        path: cli::binary().to_owned(),
    }];
    match static_build() {
        Some(path) => binaries.push(Binary {
            who: STATIC_NAME,
            noun: "static binary",
            path,
        }),
        None => report.skip("size of a static binary", "WAITFOR_STATIC_BIN names none"),
    }
    for Binary { who, path, .. } in &binaries {
        match fs::metadata(path) {
            Ok(found) => report.add(WHOLE, who, Unit::Bytes, found.len() as f64),
            Err(error) => report.skip(&format!("{WHOLE}: {who}"), &error.to_string()),
        }
        let stripped = tools.as_ref().map(|tools| stripped(tools, path));
        match stripped {
            Some(Ok(size)) => report.add(WHOLE, &format!("{who}, stripped"), Unit::Bytes, size),
            Some(Err(why)) => report.skip(&format!("{WHOLE}: {who}, stripped"), &why),
            None => {}
        }
    }
    if let Some(tools) = &tools {
        for binary in &binaries {
            let whole = format!("sections of the {}", binary.noun);
            if let Err(why) = sections(tools, &binary.path, &whole, report) {
                report.skip(&whole, &why);
            }
            let parts = format!("what the {} is made of", binary.noun);
            if let Err(why) = parts_of(tools, &binary.path, &parts, report) {
                report.skip(&parts, &why);
            }
        }
    }
    probes(report);
}

fn said(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|e| format!("it cannot be run: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn stripped(tools: &Installed, binary: &Path) -> Result<f64, String> {
    let folder = temp_dir("stripped");
    let copy = folder.path().join("waitfor");
    said(
        Command::new(tools.program("strip"))
            .arg("-o")
            .arg(&copy)
            .arg(binary),
    )?;
    let found = fs::metadata(&copy).map_err(|e| e.to_string())?;
    Ok(found.len() as f64)
}

/// The largest sections that are loaded, and all others together.
fn sections(
    tools: &Installed,
    binary: &Path,
    what: &str,
    report: &mut Report,
) -> Result<(), String> {
    let listed = said(
        Command::new(tools.program("size"))
            .args(["-A", "-d"])
            .arg(binary),
    )?;
    let lines = listed.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next().filter(|name| name.starts_with('.'))?;
        let size: f64 = words.next()?.parse().ok()?;
        Some((name.to_owned(), size))
    });
    largest(report, what, lines.collect(), SECTIONS_SHOWN);
    Ok(())
}

/// The data, and the crates with the most bytes of code, told by the names of their functions. What
/// the compiler has inlined counts with the function that it went into; what is generic, with the
/// crate that its name begins with.
fn parts_of(
    tools: &Installed,
    binary: &Path,
    what: &str,
    report: &mut Report,
) -> Result<(), String> {
    let listed = said(
        Command::new(tools.program("nm"))
            .args(["-C", "-S", "--defined-only"])
            .arg(binary),
    )?;
    let mut code = BTreeMap::<String, f64>::new();
    let (mut made_ahead, mut data) = (0.0, 0.0);
    for line in listed.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(_), Some(size), Some(kind), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(size) = u64::from_str_radix(size, 16) else {
            continue;
        };
        match kind {
            "t" | "T" => *code.entry(crate_of(name)).or_default() += size as f64,
            "r" | "R" if name.ends_with(MADE_AHEAD) => made_ahead += size as f64,
            "r" | "R" | "d" | "D" => data += size as f64,
            _ => {}
        }
    }
    if code.is_empty() {
        return Err("the binary has no symbols".to_owned());
    }
    let components = components().map_err(|e| format!("the components cannot be read: {e}"))?;
    for (who, size) in [
        ("official probes: native code", made_ahead),
        ("official probes: components", components),
        ("other data that has names", (data - components).max(0.0)),
    ] {
        report.add(what, who, Unit::Bytes, size);
    }
    let code = code.into_iter().map(|(name, size)| match name.as_str() {
        NAMELESS => (format!("code {name}"), size),
        _ => (format!("code of crate {name}"), size),
    });
    largest(report, what, code.collect(), CRATES_SHOWN);
    Ok(())
}

/// The bytes of all components inside the program.
fn components() -> io::Result<f64> {
    let mut sum = 0;
    for blob in fs::read_dir(official_blobs())? {
        let bytes = fs::read(blob?.path())?;
        if bytes.starts_with(b"\0asm") {
            sum += bytes.len();
        }
    }
    Ok(sum as f64)
}

/// The crate that a function's name begins with, as in `<&mut alloc::vec::Vec<T> as …>::f`.
fn crate_of(name: &str) -> String {
    let mut rest = name;
    loop {
        let shorter = rest.trim_start_matches(['<', '&', '*', '(', '[', ' ']);
        let shorter = ["mut ", "dyn ", "const ", "impl "]
            .into_iter()
            .find_map(|word| shorter.strip_prefix(word))
            .unwrap_or(shorter);
        if shorter == rest {
            break;
        }
        rest = shorter;
    }
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let (word, behind) = rest.split_at(end);
    if behind.starts_with("::") {
        word.to_owned()
    } else {
        NAMELESS.to_owned()
    }
}

fn largest(report: &mut Report, what: &str, mut sizes: Vec<(String, f64)>, shown: usize) {
    sizes.sort_by(|one, other| other.1.total_cmp(&one.1));
    let rest: f64 = sizes.iter().skip(shown).map(|(_, size)| size).sum();
    for (who, size) in sizes.iter().take(shown) {
        report.add(what, who, Unit::Bytes, *size);
    }
    if rest > 0.0 {
        report.add(what, "all others", Unit::Bytes, rest);
    }
}

/// The components' sizes, as published.
fn probes(report: &mut Report) {
    const WHAT: &str = "size of a probe's component";
    let plugins = match plugins() {
        Ok(plugins) => plugins,
        Err(why) => return report.skip(WHAT, &why),
    };
    for plugin in plugins {
        let (Some(name), Some(version), Some(size)) = (
            plugin["name"].as_str(),
            plugin["version"].as_str(),
            plugin["size"].as_f64(),
        ) else {
            continue;
        };
        let who = format!("{name}@{version}");
        report.add(WHAT, &who, Unit::Bytes, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_crate_of_a_function() {
        for (name, expected) in [
            ("waitfor::main", "waitfor"),
            (
                "<tokio::time::Sleep as core::future::Future>::poll",
                "tokio",
            ),
            (
                "<&mut alloc::vec::Vec<T> as core::fmt::Debug>::fmt",
                "alloc",
            ),
            ("<dyn wasmtime::Foo as core::any::Any>::type_id", "wasmtime"),
            ("ring_core_0_17_14__x25519_fe_mul", NAMELESS),
            ("memcpy", NAMELESS),
        ] {
            assert_eq!(crate_of(name), expected, "{name}");
        }
    }
}
