//! Processes that are killed at any moment lose nothing that they reported,
//! and leave nothing broken: two that put, lock and report, beside one that
//! collects, all with SIGKILL, some hundred times.
//!
//! This program starts itself again for each of them, so it has no harness.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use waitfor_registry::{
    Abi, Digest, Disagreement, Error as RegistryError, Location, Locked, Project, Published,
    Record, Reference, Standing, Store, Wanted, write,
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const ROUNDS: u64 = 150;

/// How many rounds one folder lives; locks that only grow are slow to read.
const ROUNDS_EACH: u64 = 10;

/// The longest life of a process, in microseconds.
const LIFE: u64 = 60_000;

const REGISTRY: &str = "registry.acme.example/ci";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = arguments.iter().skip(1).map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["write-until-killed", folder, writer] => write_until_killed(Path::new(folder), writer),
        ["collect-until-killed", folder] => collect_until_killed(Path::new(folder)),
        _ => kill_many(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn store(folder: &Path) -> Store {
    Store::at(folder.join("store"))
}

fn project(folder: &Path) -> Result<Project, RegistryError> {
    Project::at(Some(&folder.join("waitfor.toml")), None)
}

/// The component that a writer puts under a name.
fn component(name: &str) -> Vec<u8> {
    name.repeat(2000).into_bytes()
}

fn locked(name: &str) -> Result<Locked, RegistryError> {
    let component = component(name);
    Ok(Locked {
        name: name.parse()?,
        requirement: Reference::Newest,
        version: "1.0.0".parse()?,
        registry: REGISTRY.parse()?,
        component: Digest::of(&component),
        size: component.len() as u64,
        abi: Abi { major: 1, minor: 0 },
        schemes: Vec::new(),
    })
}

/// What `add` does, over and over; each name is printed once it is there for
/// good.
fn write_until_killed(folder: &Path, writer: &str) -> Outcome {
    let store = store(folder);
    let mut project = project(folder)?;
    for number in 0_u64.. {
        let name = format!("{writer}-{number}");
        let locked = locked(&name)?;
        let held = store.hold()?;
        store.put(&component(&name))?;
        store.remember(&Record {
            registry: REGISTRY.to_owned(),
            published: Published {
                name: locked.name.clone(),
                version: locked.version.clone(),
                component: locked.component,
                size: locked.size,
                manifest: locked.component,
                schemes: Vec::new(),
                abi: locked.abi,
                summary: String::new(),
                annotations: BTreeMap::new(),
                standing: Standing::Good,
            },
        })?;
        project.edit(|project| {
            project.config.set_plugin(&Wanted {
                name: locked.name.clone(),
                reference: Reference::Newest,
                registry: Some(REGISTRY.parse::<Location>()?),
            })?;
            project.lock_mut().set(locked.clone());
            Ok::<_, RegistryError>(())
        })?;
        store.count_on(project.lock_path())?;
        drop(held);
        let mut out = std::io::stdout().lock();
        writeln!(out, "{name}")?;
        out.flush()?;
    }
    Ok(())
}

fn collect_until_killed(folder: &Path) -> Outcome {
    let store = store(folder);
    loop {
        // Something to remove, each time.
        store.put(component("loose").as_slice())?;
        let collected = store.collect(false)?;
        if let Some((_, problem)) = collected.unreadable.first() {
            return Err(problem.clone().into());
        }
    }
}

/// A pseudo-random sequence (xorshift64*); its seed is printed, so that a
/// failure can be looked at again.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> Duration {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        Duration::from_micros(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % LIFE)
    }
}

fn start(words: &[&OsStr]) -> Outcome<Child> {
    Ok(Command::new(std::env::current_exe()?)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?)
}

/// What a process reported until it was killed, line by line.
fn kill_after(mut child: Child, life: Duration) -> Outcome<Vec<String>> {
    thread::sleep(life);
    child.kill()?;
    let output = child.wait_with_output()?;
    if output.status.code().is_some() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("it ended by itself: {said}").into());
    }
    let mut text = String::new();
    output.stdout.as_slice().read_to_string(&mut text)?;
    // Only whole lines count.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    Ok(whole.lines().map(str::to_owned).collect())
}

fn kill_many() -> Outcome {
    let seed = u64::from(std::process::id()) << 20 | 1;
    println!("seed {seed}");
    let mut moments = Moments(seed);
    let mut committed = 0;
    let mut folder = tempfile::tempdir()?;
    let mut names: Vec<String> = Vec::new();
    let (mut unlocked, mut left_over) = (0, 0);
    for round in 0..ROUNDS {
        let at = folder.path();
        let writer = |letter: &str| format!("{letter}-{round}");
        let words = ["write-until-killed", "collect-until-killed"].map(OsStr::new);
        let children = [
            start(&[words[0], at.as_os_str(), writer("a").as_ref()])?,
            start(&[words[0], at.as_os_str(), writer("b").as_ref()])?,
            start(&[words[1], at.as_os_str()])?,
        ];
        let lives = [moments.next(), moments.next(), moments.next()];
        let reports = thread::scope(|scope| {
            let waiting: Vec<_> = children
                .into_iter()
                .zip(lives)
                .map(|(child, life)| {
                    scope.spawn(move || kill_after(child, life).map_err(|error| error.to_string()))
                })
                .collect();
            let joined = waiting.into_iter().map(|thread| match thread.join() {
                Ok(report) => report,
                Err(_) => Err("a thread of this test broke".to_owned()),
            });
            joined.collect::<Result<Vec<_>, String>>()
        })?;
        names.extend(reports.into_iter().flatten());
        check(at, &names).map_err(|error| format!("round {round}: {error}"))?;
        left_over += left_overs(at)?;
        if (round + 1) % ROUNDS_EACH == 0 {
            unlocked += tidy(at, &names)?;
            committed += names.len();
            names.clear();
            folder = tempfile::tempdir()?;
        }
    }
    println!(
        "{} processes killed, {committed} reports kept; half done: {unlocked} edits, {left_over} files",
        3 * ROUNDS
    );
    if committed == 0 || left_over == 0 {
        return Err("no process was killed at a moment that matters".into());
    }
    Ok(())
}

/// Checks that all that was reported is there and nothing is broken; says how
/// many plugins are wanted and not locked.
fn check(folder: &Path, names: &[String]) -> Outcome<usize> {
    let store = store(folder);
    if let Some(problem) = store.verify()?.first() {
        return Err(problem.to_string().into());
    }
    let project = project(folder)?;
    for name in names {
        let expected = locked(name)?;
        let lock = project.lock.as_ref().ok_or("the lock is lost")?;
        if lock.get(&expected.name) != Some(&expected) {
            return Err(format!("{name} is locked no longer").into());
        }
        if project.config.wanted(&expected.name).is_none() {
            return Err(format!("{name} is wanted no longer").into());
        }
        let bytes = store.component(&expected.component, expected.size)?;
        if bytes.as_ref() != Some(&component(name)) {
            return Err(format!("the component of {name} is lost").into());
        }
        let record = store.record(REGISTRY, &expected.name, &expected.version)?;
        if record.is_none() {
            return Err(format!("the record of {name} is lost").into());
        }
    }
    let disagreements = project.disagreements()?;
    let other = disagreements
        .iter()
        .find(|one| !matches!(one, Disagreement::Missing { .. }));
    match other {
        None => Ok(disagreements.len()),
        Some(other) => Err(other.to_string().into()),
    }
}

/// How many files there are that were not put into their place.
fn left_overs(folder: &Path) -> Outcome<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            count += left_overs(&entry.path())?;
        } else if write::is_left_over(&entry.file_name()) {
            count += 1;
        }
    }
    Ok(count)
}

/// The next edit and the next collection leave nothing of the killed ones;
/// says how many plugins are wanted and not locked.
fn tidy(folder: &Path, names: &[String]) -> Outcome<usize> {
    project(folder)?.edit(|_| Ok::<_, RegistryError>(()))?;
    store(folder).collect(false)?;
    match left_overs(folder)? {
        0 => check(folder, names),
        count => Err(format!("{count} files are left over for good").into()),
    }
}
