//! Builds a probe to the same bytes wherever it is built: pinned compiler,
//! locked dependencies, no variable that changes code, and no path of the
//! machine.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::probes::Official;
use crate::workspace::{Compiler, TARGET, Workspace, cargo};
use crate::{Failure, Result};

/// The profile in the workspace's `Cargo.toml`.
const PROFILE: &str = "component";

/// Builds components.
#[derive(Debug)]
pub struct Builder<'a> {
    workspace: &'a Workspace,
    compiler: Compiler,
}

impl<'a> Builder<'a> {
    /// A builder for the checkout.
    ///
    /// # Errors
    /// Where the compiler is not the right one.
    pub fn new(workspace: &'a Workspace) -> Result<Self> {
        let compiler = Compiler::load()?;
        Ok(Self {
            workspace,
            compiler,
        })
    }

    /// The bytes of a probe's component.
    ///
    /// One run of cargo a probe: built together, a feature that one of them
    /// turns on in a dependency would change the bytes of the others.
    ///
    /// # Errors
    /// Where cargo fails; it has told why.
    pub fn component(&self, probe: &Official) -> Result<Vec<u8>> {
        let package = probe.package();
        let target = self.target();
        let mut command = Command::new(cargo());
        command
            .current_dir(&self.workspace.root)
            .args(["build", "--locked", "--lib", "--profile", PROFILE])
            .args(["--target", TARGET, "--package", &package, "--target-dir"])
            .arg(&target)
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags())
            .env_remove("CARGO_INCREMENTAL")
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PROFILE_") || text.starts_with("CARGO_UNSTABLE_") {
                command.env_remove(&name);
            }
        }
        let status = command
            .status()
            .map_err(|error| Failure::new(format!("cannot run cargo: {error}")))?;
        if !status.success() {
            return Err(Failure::new(format!("cannot build {package} ({status})")));
        }
        let path = target
            .join(TARGET)
            .join(PROFILE)
            .join(format!("{}.wasm", package.replace('-', "_")));
        fs::read(&path).map_err(|error| Failure::io("read", &path, &error))
    }

    /// A folder of its own, so that other flags do not make cargo build
    /// everything anew in turns.
    fn target(&self) -> PathBuf {
        self.workspace.target.join("official")
    }

    /// The compiler's flags, with the separator that cargo wants.
    fn flags(&self) -> OsString {
        let library = self.compiler.sysroot.join("lib/rustlib/src/rust");
        let standard = format!("/rustc/{}", self.compiler.commit);
        let mut renamed = vec![
            (self.workspace.root.as_path(), "/waitfor"),
            (&library, &standard),
        ];
        renamed.extend(
            self.workspace
                .sources()
                .into_iter()
                .map(|path| (path, "/deps")),
        );
        // The linker's placeholders for addresses are five bytes each; this
        // writes them as short as they are, a tenth of the code.
        let mut flags = OsString::from("-Clink-arg=--compress-relocations");
        for (path, name) in renamed {
            flags.push("\x1f--remap-path-prefix=");
            flags.push(path);
            flags.push("=");
            flags.push(name);
        }
        flags
    }
}
