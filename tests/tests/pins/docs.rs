//! Every command in `docs/pinning.md` and `docs/publishing.md` is run here, in the order of the
//! page, against a real registry in the place of `registry.acme.example`.

use std::path::Path;
use std::process::Command;

use waitfor_tests::cli::binary;
use waitfor_tests::guests::BillingService;
use waitfor_tests::servers::registry::DockerRegistry;

use crate::support::{Version, Workspace, registry, versions};

/// The registry of the pages.
const HOST: &str = "registry.acme.example";
/// The billing service of the pages.
const SERVICE: &str = "127.0.0.1:7070";

/// One line of a page that begins with `$ `, and what the page shows under it.
struct Step {
    line: usize,
    command: String,
    shown: String,
}

/// The commands of a page's `console` blocks.
fn steps(page: &str) -> Vec<Step> {
    let mut found: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in page.lines().enumerate() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => found.push(Step {
                    line: number + 1,
                    command: command.to_owned(),
                    shown: String::new(),
                }),
                None => {
                    let step = found
                        .last_mut()
                        .expect("a command stands before its output");
                    step.shown.push_str(line);
                    step.shown.push('\n');
                }
            },
            (false, _) => {}
        }
    }
    found
}

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Runs the commands of a page; before each, `before` may do what the page takes for granted.
fn run(name: &str, project: &Workspace, registry: &DockerRegistry, mut before: impl FnMut(&Step)) {
    let service = BillingService::open();
    let here = |text: &str| {
        text.replace(HOST, &registry.authority())
            .replace(SERVICE, &format!("127.0.0.1:{}", service.port))
    };
    let steps = steps(&page(name));
    assert!(!steps.is_empty(), "{name} has no command");
    sh(project, "git init --quiet");
    for step in steps {
        before(&step);
        // The page shows what is in a file that its reader wrote.
        if let Some(file) = step.command.strip_prefix("cat ") {
            project.write(file, here(&step.shown));
        }
        let (code, text) = sh(project, &here(&step.command));
        assert_eq!(
            code,
            Some(0),
            "{name}:{}: {}\n{text}",
            step.line,
            step.command
        );
        for line in here(&step.shown).lines() {
            assert!(
                project.steady(&text).contains(&project.steady(line)),
                "{name}:{}: {} does not print {line:?}:\n{text}",
                step.line,
                step.command
            );
        }
    }
}

/// Runs a line as a user would type it; its exit code, and what it printed.
fn sh(project: &Workspace, line: &str) -> (Option<i32>, String) {
    let own = project.cli([""; 0]).command();
    let mut command = Command::new("sh");
    command.args(["-c", line]).current_dir(project.project());
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let folder = binary().parent().unwrap_or(Path::new("/"));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display()));
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("cannot run a shell: {e}"));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn publish(registry: &DockerRegistry, version: &Version) {
    let publisher = Workspace::bound("docs", &registry.location("ci/probes"));
    publisher.write("billing.wasm", &version.bytes);
    let name = format!("acme/billing@{}", version.version);
    publisher.expect(0, &format!("plugin publish {name} billing.wasm"));
}

#[test]
fn pinning() {
    let (Some(registry), Some([first, next])) = (registry(), versions(["1.0.0", "1.0.1"])) else {
        return;
    };
    publish(&registry, &first);
    let project = Workspace::new("docs");
    run("pinning.md", &project, &registry, |step| {
        // The page comes to updates when there is something to update to.
        if step.command == "waitfor plugin outdated" {
            publish(&registry, &next);
        }
    });
    assert!(project.read("waitfor.lock").contains(&next.hex()));
}

#[test]
fn publishing() {
    let (Some(registry), Some([first, next])) = (registry(), versions(["1.0.0", "1.0.1"])) else {
        return;
    };
    let project = Workspace::bound("docs", &registry.location("ci/probes"));
    project.write("billing.wasm", &first.bytes);
    project.write("billing-1.0.1.wasm", &next.bytes);
    run("publishing.md", &project, &registry, |_| {});
    assert!(project.project().join("probes/index.json").is_file());
}

/// The example of `waitfor.toml` can be used as it stands.
#[test]
fn the_example_configuration() {
    let page = page("pinning.md");
    let block = page
        .split("```toml\n")
        .find(|block| block.starts_with("# waitfor.toml"))
        .and_then(|block| block.split("```").next())
        .expect("an example");
    let project = Workspace::new("docs");
    project.write("waitfor.toml", block);
    project.expect(0, "plugin list");
    let found = project.expect(4, "plugin lock --offline");
    assert!(!found.stderr.contains("waitfor.toml:"), "{found:#?}");
}

/// The two pages name every command of `waitfor plugin` that there is.
#[test]
fn no_command_is_left_out() {
    let help = Workspace::new("docs").expect(0, "plugin --help").stdout;
    let pages = ["pinning.md", "publishing.md"].map(page).concat();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() >= 13, "{commands:?} in:\n{help}");
    for command in commands {
        assert!(
            pages.contains(&format!("waitfor plugin {command}"))
                || pages.contains(&format!("`{command}`")),
            "`waitfor plugin {command}` is in neither page"
        );
    }
}
