//! Disks that cannot be written: read-only, or full, under the store and under the project.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;
use waitfor_tests::cli::Outcome;
use waitfor_tests::guests::BillingService;
use waitfor_tests::process::server_user;

use crate::store::project;
use crate::support::{Workspace, tree};

/// A shell in a mount namespace of its own, so that what it mounts is seen by nobody else and is
/// gone when it ends.
pub(crate) struct Namespace {
    shell: Child,
}

impl Namespace {
    /// Runs `script`, which mounts; none where this machine does not allow that.
    pub(crate) fn new(script: &str) -> Option<Self> {
        let own = if server_user().is_some() { "-m" } else { "-rm" };
        let mut shell = Command::new("unshare")
            .args([
                own,
                "sh",
                "-e",
                "-c",
                &format!("{script}\necho ready\nread -r _"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            // An error is an empty line, and that is not the word.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let made = Self { shell };
        if line == "ready\n" {
            return Some(made);
        }
        let required = waitfor_tests::install::all_required();
        assert!(
            !required,
            "cannot mount in a namespace and WAITFOR_TEST_REQUIRE=all"
        );
        eprintln!("skipped: namespace: this machine does not allow mounts");
        None
    }

    /// Runs something of a project in it.
    pub(crate) fn run(&self, project: &Workspace, line: &str) -> Outcome {
        // Entering leaves the folder.
        let enter = ["nsenter", "-t", &self.shell.id().to_string(), "-m"].map(str::to_owned);
        let go = ["sh", "-c", "cd \"$0\" && exec \"$@\""].map(str::to_owned);
        let folder = project.project().display().to_string();
        let cli = project.cli(line.split(' '));
        cli.within(enter.into_iter().chain(go).chain([folder]))
            .run()
    }

    /// Runs it and shows what it printed, and the exit code.
    fn show(&self, project: &Workspace, line: &str) -> String {
        project.shown(&self.run(project, line))
    }

    /// Runs it and wants this exit code.
    #[track_caller]
    fn expect(&self, code: i32, project: &Workspace, line: &str) {
        let found = self.run(project, line);
        assert_eq!(found.code, code, "waitfor {line}: {found:#?}");
    }

    /// Runs a script in it, for its effect.
    #[track_caller]
    pub(crate) fn sh(&self, script: &str) {
        let status = Command::new("nsenter")
            .args([
                "-t",
                &self.shell.id().to_string(),
                "-m",
                "sh",
                "-e",
                "-c",
                script,
            ])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "{script}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // It reads its input, which ends with this.
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[test]
fn a_read_only_store_serves_what_it_has() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1");
    let store = project.store();
    let store = store.display();
    let mounts = format!("mount --bind '{store}' '{store}'; mount -o remount,bind,ro '{store}'");
    let Some(namespace) = Namespace::new(&mounts) else {
        return;
    };
    let before = tree(&project.store());
    let service = BillingService::open();
    let url = service.url();
    namespace.expect(0, &project, &format!("--frozen {url}"));
    namespace.expect(0, &project, &url);
    namespace.expect(0, &project, "plugin verify");
    namespace.expect(0, &project, "plugin fetch");
    let lock = project.read("waitfor.lock");
    assert_snapshot!(namespace.show(&project, "plugin add acme/tax@0.3.0"), @r"
    error: cannot lock `<store>/lock` in the store: Read-only file system (os error 30)
    hint: set WAITFOR_STORE to a folder that this user can write
    exit 4
    ");
    assert_snapshot!(namespace.show(&project, "plugin update acme/billing --precise 1.0.0"), @r"
    error: cannot lock `<store>/lock` in the store: Read-only file system (os error 30)
    hint: set WAITFOR_STORE to a folder that this user can write
    exit 4
    ");
    assert_snapshot!(namespace.show(&project, "plugin gc"), @r"
    error: cannot lock `<store>/lock` in the store: Read-only file system (os error 30)
    hint: set WAITFOR_STORE to a folder that this user can write
    exit 4
    ");
    assert_eq!(project.read("waitfor.lock"), lock);
    assert_eq!(tree(&project.store()), before);
    // Once it can be written, the same works.
    project.expect(0, "plugin add acme/tax@0.3.0");
}

#[test]
fn a_full_disk_loses_nothing() {
    let Some((_registry, project, [one, _, tax])) = project() else {
        return;
    };
    let store = project.store();
    fs::create_dir(&store).expect("a folder");
    let at = store.display();
    let Some(namespace) =
        Namespace::new(&format!("mount -t tmpfs -o size=256k,mode=700 none '{at}'"))
    else {
        return;
    };
    namespace.expect(0, &project, "plugin add acme/billing@1.0.0");
    namespace.sh(&format!(
        "cat /dev/zero > '{at}/filled' 2>/dev/null || true"
    ));
    let (config, lock) = (project.read("waitfor.toml"), project.read("waitfor.lock"));
    assert_snapshot!(namespace.show(&project, "plugin add acme/tax@0.3.0"), @r"
    error: cannot write `<store>/blobs/sha256/<tax 0.3.0>` in the store: No space left on device (os error 28)
    hint: make room there, or set WAITFOR_STORE to a folder with more of it; nothing that was kept is lost
    exit 4
    ");
    assert_eq!(project.read("waitfor.toml"), config);
    assert_eq!(project.read("waitfor.lock"), lock);
    let service = BillingService::open();
    namespace.expect(0, &project, &format!("--frozen {}", service.url()));
    namespace.expect(0, &project, "plugin verify");
    namespace.sh(&format!("test -f '{at}/blobs/sha256/{}'", one.hex()));
    namespace.sh(&format!("test ! -e '{at}/blobs/sha256/{}'", tax.hex()));
    // With room, the same works.
    namespace.sh(&format!("rm '{at}/filled'"));
    namespace.expect(0, &project, "plugin add acme/tax@0.3.0");
    namespace.expect(0, &project, "plugin verify");
}

#[test]
fn a_full_disk_under_the_project_loses_nothing() {
    let Some((_registry, project, _)) = project() else {
        return;
    };
    project.expect(0, "plugin add acme/billing@1.0.0");
    let before = project.folder().join("before");
    let folder = project.project();
    let script = format!(
        "cp -r '{0}' '{1}'; mount -t tmpfs -o size=64k none '{0}'; cp '{1}'/* '{0}'; \
         cat /dev/zero > '{0}/filled' 2>/dev/null || true",
        folder.display(),
        before.display()
    );
    let Some(namespace) = Namespace::new(&script) else {
        return;
    };
    assert_snapshot!(namespace.show(&project, "plugin add acme/tax@0.3.0"), @r"
    warning: the locked plugin acme/billing answers to billing:// too: give `--plugin acme/tax` where acme/tax is meant
    error: cannot write `<project>/waitfor.toml`: No space left on device (os error 28)
    hint: make room there and run the same command again; what was there before still is
    exit 4
    ");
    for file in ["waitfor.toml", "waitfor.lock"] {
        namespace.sh(&format!(
            "cmp '{0}/{file}' '{1}/{file}'",
            folder.display(),
            before.display()
        ));
    }
    namespace.sh(&format!("test $(ls -A '{}' | wc -l) = 3", folder.display()));
    namespace.sh(&format!("rm '{}/filled'", folder.display()));
    namespace.expect(0, &project, "plugin add acme/tax@0.3.0");
    namespace.expect(0, &project, "plugin lock --locked");
}
