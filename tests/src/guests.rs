//! A team's own probe, built from `tests/guests/billing`, components that must be refused, and the
//! plugin of `tests/hostile`: what is published, pinned and tampered with in the tests.

use std::fmt;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;

use crate::install::all_required;

/// The target that probes are built for.
const TARGET: &str = "wasm32-wasip2";

/// The forms of the probe `billing`; what each declares is in `tests/guests/billing/variants`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What the team published first: `billing://`, `--ledger`, `--region`, `--max-lag`, `--token`.
    First,
    /// With `--currency` beside them.
    WithMore,
    /// Without `--region`.
    WithoutRegion,
    /// `--max-lag` is a text and no longer an integer.
    WithTextLag,
    /// It answers to `ledger://` too.
    WithScheme,
    /// `--ledger` must be given.
    WithNeededLedger,
    /// It answers to `redis://`, as an official probe does.
    AsRedis,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::First => "billing",
            Form::WithMore => "billing_with_more",
            Form::WithoutRegion => "billing_without_region",
            Form::WithTextLag => "billing_with_text_lag",
            Form::WithScheme => "billing_with_scheme",
            Form::WithNeededLedger => "billing_with_needed_ledger",
            Form::AsRedis => "billing_as_redis",
        })
    }
}

/// The component of a form, built from source on first use.
///
/// `None` means that the target is not installed: one line `skipped: …` was printed, and the test
/// should return at once. With `WAITFOR_TEST_REQUIRE=all` it panics instead.
pub fn billing(form: Form) -> Option<Vec<u8>> {
    component(&format!("examples/{form}.wasm"))
}

/// A probe that declares an option of the host as a parameter of its own; see [`billing`].
pub fn with_host_option() -> Option<Vec<u8>> {
    component("guest_lying.wasm")
}

/// The plugin of `tests/hostile`, told to do this deed in this of its functions; see [`billing`].
///
/// It stands in the component's own data, so that each deed is a component of its own.
pub fn hostile(function: &str, deed: &str) -> Option<Vec<u8>> {
    static BUILT: LazyLock<Option<Vec<u8>>> = LazyLock::new(|| {
        let folder = build("hostile", &["--lib"])?;
        Some(read(&folder.join("hostile.wasm")))
    });
    const PLACE: usize = 64;
    let mut component = BUILT.as_ref()?.clone();
    let told = format!("hostile-deed={function}:{deed}");
    assert!(told.len() <= PLACE, "{told} has more than {PLACE} bytes");
    let found: Vec<usize> = component
        .windows(PLACE)
        .enumerate()
        .filter(|(_, window)| window.starts_with(b"hostile-deed=") && window.ends_with(b"...."))
        .map(|(at, _)| at)
        .collect();
    let [at] = found[..] else {
        panic!("the hostile plugin has {} places for its deed", found.len());
    };
    component[at..at + PLACE].copy_from_slice(format!("{told:.<PLACE$}").as_bytes());
    Some(component)
}

/// A probe that tells its secret in every text that it hands to the host; see [`billing`].
pub fn telling() -> Option<Vec<u8>> {
    component("examples/telling.wasm")
}

fn component(file: &str) -> Option<Vec<u8>> {
    static BUILT: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let packages = ["--package", "guest-billing", "--package", "guest-lying"];
        build(
            "guests",
            &[&packages[..], &["--lib", "--examples"]].concat(),
        )
    });
    Some(read(&BUILT.as_ref()?.join(file)))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Builds what `what` selects of the workspace in this folder; gives the folder of the components.
fn build(workspace: &str, what: &[&str]) -> Option<PathBuf> {
    let printed = crate::process::run(Command::new("rustc").args(["--print", "sysroot"]));
    let library = Path::new(printed.trim()).join(format!("lib/rustlib/{TARGET}/lib"));
    if !library.is_dir() {
        let why = format!("{workspace}: {TARGET} is not installed");
        assert!(!all_required(), "{why} and WAITFOR_TEST_REQUIRE=all");
        // Not `println!`: what a passing test prints that way is kept from the user.
        let _ = writeln!(io::stderr(), "skipped: {why}");
        return None;
    }
    // Beside the other artifacts: a test is <target>/<profile>/deps/NAME, another program
    // <target>/<profile>/NAME.
    let own = std::env::current_exe().expect("the path of this program");
    let depth = if own.parent().is_some_and(|folder| folder.ends_with("deps")) {
        3
    } else {
        2
    };
    let target = own
        .ancestors()
        .nth(depth)
        .expect("it lies in a target folder");
    let target = target.join("guests");
    // Cargo waits where another test binary builds the same.
    let status = Command::new(env!("CARGO"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(workspace))
        .args(["build", "--release", "--locked", "--quiet"])
        .args(what)
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .status()
        .unwrap_or_else(|e| panic!("cannot run {}: {e}", env!("CARGO")));
    assert!(
        status.success(),
        "the plugins in {workspace} do not build ({status})"
    );
    Some(target.join(TARGET).join("release"))
}

/// The same component with other bytes, by a custom section at its end: another version of it
/// without another build.
pub fn versioned(component: &[u8], version: &str) -> Vec<u8> {
    with_section(component, "version", version.as_bytes())
}

/// The same component, this many bytes larger (or a few more).
pub fn padded(component: &[u8], more: usize) -> Vec<u8> {
    with_section(component, "padding", &vec![0; more])
}

/// Appends a custom section: its id 0, its length, and in it a name and the content.
fn with_section(component: &[u8], name: &str, content: &[u8]) -> Vec<u8> {
    let mut section = leb128(name.len());
    section.extend(name.as_bytes());
    section.extend(content);
    let mut bytes = component.to_vec();
    bytes.push(0);
    bytes.extend(leb128(section.len()));
    bytes.extend(section);
    bytes
}

/// An unsigned number as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A core module where a component should be.
pub fn core_module() -> Vec<u8> {
    parse("(module (func (export \"check\")))")
}

/// A component for another world.
pub fn other_world() -> Vec<u8> {
    parse(
        r#"(component
            (instance $greeter)
            (export "acme:tools/greeter@1.0.0" (instance $greeter)))"#,
    )
}

/// A component that exports the contract, and wants to speak HTTP by itself.
pub fn with_http() -> Vec<u8> {
    parse(
        r#"(component
            (import "wasi:http/outgoing-handler@0.2.0" (instance (export "handle" (func))))
            (instance $probing)
            (export "waitfor:probe/probing@1.0.0" (instance $probing)))"#,
    )
}

/// A component that wants something of the host that is neither WASI nor the contract.
pub fn with_foreign_import() -> Vec<u8> {
    parse(
        r#"(component
            (import "acme:secrets/store@0.1.0" (instance (export "get" (func (result string)))))
            (instance $probing)
            (export "waitfor:probe/probing@1.0.0" (instance $probing)))"#,
    )
}

/// A component that needs a function which the contract has since 1.9.
pub fn with_abi_1_9() -> Vec<u8> {
    parse(
        r#"(component
            (import "waitfor:probe/report@1.9.0" (instance
                (export "gauge" (func (param "name" string) (param "value" u64)))))
            (instance $probing)
            (export "waitfor:probe/probing@1.9.0" (instance $probing)))"#,
    )
}

/// A component for the contract's next major version.
pub fn with_abi_2() -> Vec<u8> {
    parse(
        r#"(component
            (instance $probing)
            (export "waitfor:probe/probing@2.0.0" (instance $probing)))"#,
    )
}

/// A component that exports the contract's interface, but none of its functions.
pub fn without_functions() -> Vec<u8> {
    parse(
        r#"(component
            (instance $probing)
            (export "waitfor:probe/probing@1.0.0" (instance $probing)))"#,
    )
}

fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|e| panic!("{e}"))
}

/// The service that the probe `billing` asks; it serves while the test binary runs.
pub struct BillingService {
    /// Its port on `127.0.0.1`.
    pub port: u16,
}

impl BillingService {
    /// Every ledger is open.
    pub fn open() -> Self {
        Self::answering("OPEN")
    }

    /// No ledger is open yet.
    pub fn closed() -> Self {
        Self::answering("CLOSED")
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("billing://127.0.0.1:{}", self.port)
    }

    fn answering(word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A peer that leaves early ends its own conversation only.
                thread::spawn(move || answer(stream, word));
            }
        });
        Self { port }
    }
}

fn answer(stream: TcpStream, word: &str) -> io::Result<()> {
    let mut answers = stream.try_clone()?;
    for line in BufReader::new(stream).lines() {
        if let Some(ledger) = line?.strip_prefix("STATE ") {
            writeln!(answers, "{word} {ledger}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use waitfor_registry::component::inspect;

    use super::*;

    #[test]
    fn a_version_is_the_same_component_with_other_bytes() {
        let Some(first) = billing(Form::First) else {
            return;
        };
        let probe = inspect(&first).expect("a probe");
        for other in [versioned(&first, "1.0.1"), padded(&first, 300_000)] {
            assert_ne!(first, other);
            assert_eq!(inspect(&other).expect("a probe"), probe);
        }
    }

    #[test]
    fn every_form_is_a_probe() {
        for form in [
            Form::First,
            Form::WithMore,
            Form::WithoutRegion,
            Form::WithTextLag,
            Form::WithScheme,
            Form::WithNeededLedger,
            Form::AsRedis,
        ] {
            let Some(bytes) = billing(form) else { return };
            let probe = inspect(&bytes).unwrap_or_else(|e| panic!("{form}: {e}"));
            let foreign = |name: &&String| !name.starts_with("waitfor:probe/");
            let imports = &probe.interfaces.imports;
            assert_eq!(imports.iter().find(foreign), None, "{form}");
        }
    }

    #[test]
    fn a_deed_is_written_into_the_component() {
        let Some(bytes) = hostile("check", "spin") else {
            return;
        };
        inspect(&bytes).expect("a probe");
        let told = b"hostile-deed=check:spin.....";
        assert!(bytes.windows(told.len()).any(|window| window == told));
    }

    #[test]
    fn the_service_answers_lines() {
        for (service, answer) in [
            (BillingService::open(), "OPEN main\n"),
            (BillingService::closed(), "CLOSED main\n"),
        ] {
            let mut stream = TcpStream::connect(("127.0.0.1", service.port)).expect("it listens");
            stream.write_all(b"STATE main\n").expect("it reads");
            let mut line = String::new();
            BufReader::new(stream)
                .read_line(&mut line)
                .expect("it answers");
            assert_eq!(line, answer);
        }
    }
}
