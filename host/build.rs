//! The program carries the official probes, so that there is nothing to
//! install: this writes the published layout's blobs into its source as
//! `OFFICIAL`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    if let Err(error) = embed() {
        println!("cargo::error=cannot embed the official probes: {error}");
        println!(
            "cargo::error=hint: registry/official belongs to the repository; `make probes` writes it"
        );
    }
}

fn embed() -> Result<(), Box<dyn Error>> {
    let manifest_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let layout = manifest_dir.join("../registry/official");
    println!("cargo::rerun-if-changed={}", layout.display());
    println!("cargo::rerun-if-changed=build.rs");
    let index = layout.join("index.json");
    if !index.is_file() {
        return Err(format!("`{}` is missing", index.display()).into());
    }
    let mut blobs = blobs(&layout.join("blobs/sha256"))?;
    blobs.sort();

    let mut source = String::from(
        "/// The official probes, as published in `registry/official`.\n\
         static OFFICIAL: waitfor_registry::Embedded = waitfor_registry::Embedded::new(\n",
    );
    writeln!(source, "    include_bytes!({}),\n    &[", literal(&index)?)?;
    for (digest, path) in &blobs {
        writeln!(
            source,
            "        (\"{digest}\", include_bytes!({})),",
            literal(path)?
        )?;
    }
    source.push_str("    ],\n);\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("official.rs"), source)?;
    Ok(())
}

/// The blobs by the digits of their digests; a file with another name is
/// none, such as one whose writer was interrupted.
fn blobs(folder: &Path) -> Result<Vec<(String, PathBuf)>, Box<dyn Error>> {
    let mut blobs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.len() == 64 && name.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            blobs.push((name.to_owned(), path));
        }
    }
    Ok(blobs)
}

fn literal(path: &Path) -> Result<String, Box<dyn Error>> {
    let text = path
        .to_str()
        .ok_or_else(|| format!("`{}` is not UTF-8", path.display()))?;
    Ok(format!("\"{}\"", text.escape_default()))
}
