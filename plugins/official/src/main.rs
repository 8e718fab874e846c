//! `waitfor-official`: what `make probes` and `make probes-check` run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use waitfor_official::build::Builder;
use waitfor_official::probes::{ALL, Official};
use waitfor_official::workspace::Workspace;
use waitfor_official::{Failure, Result, pages, publish};

fn main() -> ExitCode {
    match run(&command().get_matches()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell where stderr is gone.
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let out = Arg::new("out")
        .long("out")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .required(true)
        .help("The folder to write NAME.wasm to");
    let replace = Arg::new("replace")
        .long("replace")
        .action(ArgAction::SetTrue)
        .help("Replace versions that nobody can have used yet");
    let check = Arg::new("check")
        .long("check")
        .action(ArgAction::SetTrue)
        .help("Write nothing; fail where a page is not up to date");
    let name = Arg::new("name")
        .value_name("NAME")
        .value_parser(ALL.iter().map(|probe| probe.name).collect::<Vec<_>>())
        .required(true)
        .help("The probe");
    Command::new("waitfor-official")
        .about("Builds the official probes and publishes them to registry/official")
        .subcommand_required(true)
        .subcommands([
            Command::new("build").about("Build the components").arg(out),
            Command::new("publish")
                .about("Build the components and publish the versions in their Cargo.toml")
                .arg(replace),
            Command::new("check").about("Show that the sources give what is published"),
            Command::new("params")
                .about("Print the table of a probe's parameters")
                .arg(name),
            Command::new("docs")
                .about("Write the tables of parameters into docs/probes")
                .arg(check),
        ])
}

fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("build", given)) => given
            .get_one("out")
            .map_or(Ok(()), |folder: &PathBuf| build(folder)),
        Some(("publish", given)) => {
            let workspace = Workspace::load()?;
            publish::publish(&workspace, given.get_flag("replace"), say)
        }
        Some(("check", _)) => publish::check(&Workspace::load()?, say),
        Some(("params", given)) => {
            let name = given.get_one("name").map(String::as_str);
            let probe = ALL.iter().find(|probe| Some(probe.name) == name);
            if let Some(probe) = probe {
                say(pages::table(&(probe.specs)()).trim_end().to_owned());
            }
            Ok(())
        }
        Some(("docs", given)) => docs(&Workspace::load()?.root, given.get_flag("check")),
        _ => Ok(()),
    }
}

fn build(folder: &Path) -> Result<()> {
    let workspace = Workspace::load()?;
    let builder = Builder::new(&workspace)?;
    fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, &error))?;
    for probe in ALL {
        let component = builder.component(probe)?;
        let path = folder.join(format!("{}.wasm", probe.name));
        fs::write(&path, &component).map_err(|error| Failure::io("write", &path, &error))?;
        let digest = waitfor_registry::Digest::of(&component);
        say(format!(
            "{}: {} bytes, {digest}",
            probe.name,
            component.len()
        ));
    }
    Ok(())
}

fn docs(root: &Path, check: bool) -> Result<()> {
    let mut stale: Vec<&Official> = Vec::new();
    for probe in ALL {
        let (page, filled) = pages::page(root, probe)?;
        if page == filled {
            continue;
        }
        stale.push(probe);
        if !check {
            let path = pages::path(root, probe);
            fs::write(&path, filled).map_err(|error| Failure::io("write", &path, &error))?;
            say(format!("docs/probes/{}.md is written", probe.name));
        }
    }
    if check && !stale.is_empty() {
        let names: Vec<_> = stale
            .iter()
            .map(|probe| format!("docs/probes/{}.md", probe.name))
            .collect();
        return Err(
            Failure::new(format!("not up to date: {}", names.join(", ")))
                .hint("run `cargo run -p waitfor-official -- docs`"),
        );
    }
    Ok(())
}

fn say(line: String) {
    // A reader that leaves early has seen what it wanted.
    let _ = writeln!(io::stdout(), "{line}");
}
