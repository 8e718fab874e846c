//! Every way to give a secret, and everything that can come of it: what was printed is searched.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use waitfor_tests::cli::{Cli, Outcome};

use crate::canary::{self, shown_by};
use crate::routes::{Given, Kind, ROUTES, Route};
use crate::scenes::{SCENES, Scene, Servers};

/// The forms of the report; the last is drawn on a terminal.
const REPORTS: [&[&str]; 5] = [
    &["-vv", "--output", "json"],
    &["-vv"],
    &[],
    &["--quiet"],
    TERMINAL,
];

const TERMINAL: &[&str] = &["-v", "--color", "always"];

/// Runs the program on a terminal of its own, made by `script`, which wants one text for a shell.
const ON_TERMINAL: &str = r#"
line=
for word; do
    line="$line '$(printf '%s.' "$word" | sed "s/'/'\\\\''/g")"
    line="${line%.}'"
done
exec script --quiet --return --flush --command "$line" /dev/null
"#;

/// One run of a cell.
fn run(
    route: &Route,
    given: &Given,
    servers: &Servers,
    scene: &Scene,
    report: &[&str],
) -> Option<Outcome> {
    let place = servers.place(route.kind, scene)?;
    let timeout = if scene.exits == [0] || scene.exits == [127] || scene.exits == [3] {
        "20s"
    } else {
        "300ms"
    };
    // The command stands last.
    let cli = route.cli(given, &place).args(report);
    let cli = cli.args(["--grace", "0s"]);
    let cli = match scene.more {
        ["--timeout", ..] => cli,
        _ => cli.args(["--timeout", timeout]),
    };
    let cli: Cli = cli.args(scene.more);
    Some(if std::ptr::eq(report, TERMINAL) {
        cli.within(["bash", "-c", ON_TERMINAL, "terminal"]).run()
    } else {
        cli.run()
    })
}

/// Whether a secret can be given by a route at all.
fn fits(route: &Route, secret: &str) -> bool {
    let one_line = !secret.contains('\n');
    match route.name {
        "a `.pgpass` file" => one_line,
        _ if route.kind == Kind::Http || route.kind == Kind::Vault => {
            // A header takes no more; in a URL everything is encoded.
            route.name == "a value in an HTTP query"
                || route.name == "the password of an HTTP URL"
                || one_line
        }
        _ => true,
    }
}

/// A row of the table, the forms of the report taken in turn where there are `turns`.
fn row(
    route: &Route,
    given: &Given,
    servers: &Servers,
    at: usize,
    wrong: &mut Vec<String>,
) -> Vec<&'static str> {
    let cells = SCENES.iter().enumerate().map(|(column, scene)| {
        // Another form for each cell: all of them for each route and each scene.
        let report = REPORTS[(at + column) % 5];
        let Some(found) = run(route, given, servers, scene, report) else {
            return "–";
        };
        let what = format!("{}, {}, {report:?}", route.name, scene.name);
        if !scene.exits.contains(&found.code) {
            wrong.push(format!("{what}: exit code {}: {found:#?}", found.code));
        }
        match shown_by(&given.secret, &found) {
            None => "not seen",
            Some(form) => {
                wrong.push(format!("{what}: shown {form}: {found:#?}"));
                "**seen**"
            }
        }
    });
    cells.collect()
}

/// The table as the documentation has it.
fn table(rows: &[Vec<&'static str>]) -> String {
    let mut text = String::from("| given by | ");
    let names: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
    text.push_str(&names.join(" | "));
    text.push_str(" |\n|---|");
    text.push_str(&"---|".repeat(names.len()));
    for (route, cells) in ROUTES.iter().zip(rows) {
        text.push_str(&format!("\n| {} | {} |", route.name, cells.join(" | ")));
    }
    text.push('\n');
    text
}

const BEGIN: &str = "<!-- begin: what was found -->\n";
const END: &str = "<!-- end: what was found -->";

#[test]
fn no_route_shows_it_whatever_comes_of_it() {
    let given = Given::new(canary::AWKWARD);
    let Some(servers) = Servers::start(&given.secret) else {
        return;
    };
    let mut wrong = Vec::new();
    let rows: Vec<_> = ROUTES
        .iter()
        .enumerate()
        .map(|(at, route)| row(route, &given, &servers, at, &mut wrong))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/secrets.md");
    let text = fs::read_to_string(&page).expect("the documentation");
    let (before, rest) = text.split_once(BEGIN).expect("where the table begins");
    let (documented, after) = rest.split_once(END).expect("where the table ends");
    let found = table(&rows);
    if std::env::var_os("WAITFOR_DOCS").is_some_and(|value| value == "write") {
        fs::write(&page, format!("{before}{BEGIN}{found}{END}{after}")).expect("it is written");
    } else {
        assert_eq!(documented, found, "WAITFOR_DOCS=write writes it anew");
    }
}

#[test]
fn other_secrets_are_not_shown_either() {
    let long = canary::long();
    for secret in [canary::FOREIGN, canary::LINES, &long] {
        let given = Given::new(secret);
        let Some(servers) = Servers::start(secret) else {
            return;
        };
        let scenes: BTreeSet<&str> =
            ["ready", "refused by the service", "repeated by the service"].into();
        for (at, route) in ROUTES.iter().enumerate() {
            if !fits(route, secret) {
                continue;
            }
            for scene in SCENES.iter().filter(|scene| scenes.contains(scene.name)) {
                let Some(found) = run(route, &given, &servers, scene, REPORTS[at % 5]) else {
                    continue;
                };
                let what = format!("{}, {}", route.name, scene.name);
                assert_eq!(shown_by(secret, &found), None, "{what}: {found:#?}");
            }
        }
    }
}

#[test]
fn commands_about_plugins_show_nothing_of_the_environment() {
    let names = [
        "REDISCLI_AUTH",
        "PGPASSWORD",
        "VAULT_TOKEN",
        "WAITFOR_REDIS_PASSWORD",
        "WAITFOR_HTTP_BEARER_TOKEN",
    ];
    for line in [
        "plugin list",
        "plugin info redis",
        "plugin info redis --output json",
        "plugin outdated",
        "--help",
        "redis --help",
        "postgres --help",
        "--version",
        "demo --nosuch",
        "plugin nosuch",
    ] {
        let mut cli = Cli::new().args(line.split(' '));
        for name in names {
            cli = cli.env(name, canary::AWKWARD);
        }
        let url = format!("redis://:{}@h", canary::in_url(canary::AWKWARD));
        let found = cli.env("REDIS_URL", &url).env("WAITFOR_URL", &url).run();
        assert_eq!(
            shown_by(canary::AWKWARD, &found),
            None,
            "{line}: {found:#?}"
        );
        assert!(
            !format!("{}{}", found.stdout, found.stderr).is_empty(),
            "{line}"
        );
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let secret = canary::AWKWARD;
    let bare = "p@ss:w/rd?#&";
    let encoded = canary::in_url(secret);
    let cases: [&[&str]; 16] = [
        &[&format!("redis://:{secret}@127.0.0.1:1")],
        &[&format!("redis://app:{bare}@127.0.0.1:1")],
        &[&format!("redis//:{encoded}@127.0.0.1:1")],
        &[&format!("rdis://:{encoded}@127.0.0.1:1")],
        &[&format!("redis:://:{encoded}@127.0.0.1:1")],
        &[&format!("redis://127.0.0.1:{encoded}")],
        &[&format!("redis://127.0.0.1:1?pasword={encoded}")],
        &[&format!("redis://127.0.0.1:1#{encoded}")],
        &["redis", "--pasword", secret],
        &["redis", &format!("--pasword={secret}")],
        &["redis", &format!("--password{secret}")],
        &["redis", "--host", &format!("app:{bare}@127.0.0.1")],
        &[
            "redis://127.0.0.1:1",
            "--password",
            secret,
            "--password-file",
            "/no/such",
        ],
        &[
            "redis://127.0.0.1:1",
            "--password",
            secret,
            "--password",
            secret,
        ],
        &["postgres", &format!("host=h password={secret}")],
        &["postgres", &format!("host=h password='{bare}")],
    ];
    for args in cases {
        for report in [REPORTS[0], REPORTS[2]] {
            let found = Cli::new()
                .args(args)
                .args(report)
                .args(["--timeout", "200ms", "--grace", "0s"])
                .run();
            assert_eq!(found.code, 2, "{args:?}: {found:#?}");
            let shown = shown_by(secret, &found).or_else(|| shown_by(bare, &found));
            assert_eq!(shown, None, "{args:?}: {found:#?}");
        }
    }
}

#[test]
fn a_password_that_is_a_common_word_leaves_the_report_readable() {
    for word in [
        "wrong",
        "redis",
        "connection",
        "refused",
        "password",
        "secret",
        "postgres",
        "default",
        "server",
        "127.0.0.1",
    ] {
        let url = format!("redis://:{word}@127.0.0.1:1");
        let found = Cli::new()
            .args([url.as_str(), "-vv", "--timeout", "100ms", "--grace", "0s"])
            .run();
        assert_eq!(found.code, 124, "{found:#?}");
        assert!(found.stderr.contains("not ready"), "{found:#?}");
        assert!(
            found.stderr.contains("127.0.0.1:1 refused the connection"),
            "{found:#?}"
        );
        assert!(!found.stderr.contains("(secret)"), "{word}: {found:#?}");
    }
}
