//! What cargo and rustc say of this checkout and this machine: versions of
//! the probes, folders that must leave no trace in a component, and whether
//! the toolchain is the one that gives the published bytes.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::{Failure, Result};

/// What the probes are compiled for.
pub const TARGET: &str = "wasm32-wasip2";

/// The compiler whose output is published; another one gives other bytes.
pub const TOOLCHAIN: &str = "1.95.0";

/// The part of `cargo metadata` that is used here.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    /// The checkout.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    #[serde(rename = "target_directory")]
    pub target: PathBuf,
    packages: Vec<Package>,
}

/// One package, of the checkout or of a dependency.
#[derive(Debug, Deserialize)]
pub struct Package {
    name: String,
    /// Its version.
    pub version: String,
    /// An SPDX expression.
    pub license: Option<String>,
    /// Where its source lives.
    pub repository: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

impl Workspace {
    /// Asks cargo about the checkout that this program was built from.
    ///
    /// # Errors
    /// Where cargo cannot be run, or finds the lock file out of date.
    pub fn load() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let mut command = Command::new(cargo());
        command
            .args(["metadata", "--format-version=1", "--locked"])
            .args(["--filter-platform", TARGET, "--manifest-path"])
            .arg(manifest);
        let answer = output(&mut command)?;
        serde_json::from_str(&answer)
            .map_err(|error| Failure::new(format!("cannot read what cargo metadata says: {error}")))
    }

    /// A package of the checkout.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn member(&self, name: &str) -> Result<&Package> {
        self.packages
            .iter()
            .find(|package| package.source.is_none() && package.name == name)
            .ok_or_else(|| Failure::new(format!("the workspace has no package `{name}`")))
    }

    /// The folders that hold the sources of dependencies.
    pub fn sources(&self) -> BTreeSet<&Path> {
        self.packages
            .iter()
            .filter(|package| package.source.is_some())
            .filter_map(|package| package.manifest_path.parent()?.parent())
            .collect()
    }
}

/// The compiler in use.
#[derive(Debug)]
pub struct Compiler {
    /// Its folder.
    pub sysroot: PathBuf,
    /// The revision it was built from, which its own paths are named by.
    pub commit: String,
}

impl Compiler {
    /// Asks rustc.
    ///
    /// # Errors
    /// Where it is not [`TOOLCHAIN`], or cannot compile for [`TARGET`].
    pub fn load() -> Result<Self> {
        let about = output(Command::new(rustc()).arg("-vV"))?;
        let fact = |name: &str| {
            about
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .unwrap_or_default()
        };
        let release = fact("release");
        if release != TOOLCHAIN {
            return Err(Failure::new(format!(
                "rustc is {release}, and gives other bytes than {TOOLCHAIN}, which the official probes are built with"
            ))
            .hint(format!(
                "rustup toolchain install {TOOLCHAIN} --target {TARGET}, then set RUSTUP_TOOLCHAIN={TOOLCHAIN}"
            )));
        }
        let sysroot = output(Command::new(rustc()).args(["--print", "sysroot"]))?;
        let sysroot = PathBuf::from(sysroot.trim_end());
        if !sysroot.join("lib/rustlib").join(TARGET).is_dir() {
            return Err(Failure::new(format!(
                "rustc in `{}` cannot compile for {TARGET}",
                sysroot.display()
            ))
            .hint(format!("rustup target add {TARGET}")));
        }
        Ok(Self {
            sysroot,
            commit: fact("commit-hash").to_owned(),
        })
    }
}

/// The cargo that runs this program, else the one in the path.
pub fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn rustc() -> OsString {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| Failure::new(format!("cannot run `{program}`: {error}")))?;
    let text = |bytes| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if !output.status.success() {
        return Err(Failure::new(format!(
            "`{program}` failed ({}): {}",
            output.status,
            text(&output.stderr)
        )));
    }
    Ok(text(&output.stdout))
}
