//! The program carries the official probes, so that there is nothing to
//! install, and nothing to compile or to ask when it runs: this writes the
//! published layout's blobs into its source as `OFFICIAL`, and what was made
//! of the components among them as `READY`. What code that is compiled at run
//! time depends on becomes `WAITFOR_BUILD`.

use std::error::Error;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use waitfor_native::{Use, ask, settings};
use wasmtime::Engine;

/// How the bytes of every component begin.
const WASM: &[u8] = b"\0asm";

fn main() {
    if let Err(error) = name_build() {
        println!("cargo::error=cannot tell this build from others: {error}");
    }
    if let Err(error) = embed() {
        println!("cargo::error=cannot embed the official probes: {error}");
        println!(
            "cargo::error=hint: registry/official belongs to the repository; `make probes` writes it"
        );
    }
}

/// Names what decides how a plugin is compiled, beside what the engine says of
/// itself: its version is one among many, and the crates that it consists of
/// are patched on their own. A build that differs in none of it compiles the
/// same.
fn name_build() -> Result<(), Box<dyn Error>> {
    let manifest_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut hasher = DefaultHasher::new();
    for file in ["../Cargo.lock", "native/src/settings.rs"] {
        let path = manifest_dir.join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read(&path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        text.hash(&mut hasher);
    }
    for variable in ["CARGO_PKG_VERSION", "TARGET", "PROFILE", "OPT_LEVEL"] {
        env::var(variable)?.hash(&mut hasher);
    }
    let compiler = Command::new(env::var("RUSTC")?).arg("-vV").output()?;
    compiler.stdout.hash(&mut hasher);
    println!("cargo::rustc-env=WAITFOR_BUILD={:016x}", hasher.finish());
    Ok(())
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
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let source = carried(&index, &blobs)? + &ready(&blobs, &out)?;
    fs::write(out.join("official.rs"), source)?;
    Ok(())
}

/// The layout, as `OFFICIAL`.
fn carried(index: &Path, blobs: &[(String, PathBuf)]) -> Result<String, Box<dyn Error>> {
    let mut source = String::from(
        "/// The official probes, as published in `registry/official`.\n\
         pub static OFFICIAL: waitfor_registry::Embedded = waitfor_registry::Embedded::new(\n",
    );
    writeln!(source, "    include_bytes!({}),\n    &[", literal(index)?)?;
    for (digest, path) in blobs {
        writeln!(
            source,
            "        (\"{digest}\", include_bytes!({})),",
            literal(path)?
        )?;
    }
    source.push_str("    ],\n);\n");
    Ok(source)
}

/// What was made of each component, as `READY`: its code for the platform that
/// the program is built for, where the engine can compile for that, and what
/// it says of itself.
fn ready(blobs: &[(String, PathBuf)], out: &Path) -> Result<String, Box<dyn Error>> {
    let target = env::var("TARGET")?;
    let compiler = settings(Use::Ahead(&target)).and_then(|settings| Engine::new(&settings));
    if let Err(error) = &compiler {
        println!(
            "cargo::warning=the official probes are not compiled ahead of time for {target}: {error}"
        );
    }
    let mut source = String::from(
        "/// Bytes that begin where a page does.\n\
         #[repr(C, align(4096))]\n\
         struct Page<const N: usize>([u8; N]);\n\
         /// What was made of the official components when the program was built,\n\
         /// by the digits of their digests.\n\
         static READY: &[Ready] = &[\n",
    );
    for (digest, path) in blobs {
        let component = fs::read(path)?;
        if !component.starts_with(WASM) {
            continue;
        }
        let description = out.join(format!("{digest}.said"));
        let said = ask(&component).map_err(|error| format!("{digest} does not say: {error}"))?;
        fs::write(&description, postcard::to_allocvec(&said)?)?;
        let mut code = String::from("None");
        if let Ok(compiler) = &compiler {
            let file = out.join(format!("{digest}.native"));
            fs::write(&file, compiler.precompile_component(&component)?)?;
            code = format!(
                "Some({{\n            static CODE: Page<{{ include_bytes!({0}).len() }}> = Page(*include_bytes!({0}));\n            &CODE.0\n        }})",
                literal(&file)?
            );
        }
        writeln!(
            source,
            "    Ready {{\n        component: \"{digest}\",\n        description: include_bytes!({}),\n        code: {code},\n    }},",
            literal(&description)?
        )?;
    }
    source.push_str("];\n");
    Ok(source)
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
