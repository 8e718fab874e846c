//! Names, versions, and places that nobody can mean.

use insta::assert_snapshot;

use crate::support::Workspace;

#[test]
fn names() {
    let project = Workspace::bound("names", "127.0.0.1:1/probes");
    let shown = |name: &str| project.show(&format!("plugin add {name}"));
    assert_snapshot!(shown("../billing"), @r"
    error: `../billing` is not a plugin's name: only lower-case letters, digits and `-` may stand in it
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/../billing"), @r"
    error: `acme/../billing` is not a plugin's name: it has more than one `/`
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/.."), @r"
    error: `acme/..` is not a plugin's name: only lower-case letters, digits and `-` may stand in it
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/team/billing"), @r"
    error: `acme/team/billing` is not a plugin's name: it has more than one `/`
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme//billing"), @r"
    error: `acme//billing` is not a plugin's name: it has more than one `/`
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("/billing"), @r"
    error: `/billing` is not a plugin's name: it has an empty part
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/"), @r"
    error: `acme/` is not a plugin's name: it has an empty part
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/Billing"), @r"
    error: `acme/Billing` is not a plugin's name: only lower-case letters, digits and `-` may stand in it
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown(&format!("acme/{}", "b".repeat(65))), @r"
    error: `acme/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb` is not a plugin's name: a part is longer than 64 characters
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("plugin"), @r"
    error: `plugin` is not a plugin's name: the word is reserved for the command line
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/billing_2"), @r"
    error: `acme/billing_2` is not a plugin's name: only lower-case letters, digits and `-` may stand in it
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("acme/billing\u{202e}"), @r"
    error: `acme/billing\u{202e}` is not a plugin's name: only lower-case letters, digits and `-` may stand in it
    hint: a name is NAME or TEAM/NAME, each of lower-case letters, digits and `-`, as in `redis` or `acme/billing`
    exit 2
    ");
    assert_snapshot!(shown("--locked"), @r"
    error: `NAME[@REQ]` is missing
    exit 2
    ");
    assert_snapshot!(shown("--timeout"), @r"
    error: there is no option `--timeout`
    hint: see `waitfor --help`, and `waitfor NAME --help` for the options of a probe
    exit 2
    ");
    assert!(!project.project().join("waitfor.lock").exists());
}

#[test]
fn versions() {
    let project = Workspace::bound("versions", "127.0.0.1:1/probes");
    project.write("billing.wasm", "not looked at");
    let shown = |what: &str| project.show(&format!("plugin {what}"));
    assert_snapshot!(shown("add acme/billing@one"), @r"
    error: `one` does not say which version is wanted: a version starts with a digit
    hint: write 1 for any 1.x.y, 1.2 for any 1.2.y, 1.2.3 for that one, or ^, ~ or >= before a version
    exit 2
    ");
    assert_snapshot!(shown("add acme/billing@"), @r"
    error: `` does not say which version is wanted: a version starts with a digit
    hint: write 1 for any 1.x.y, 1.2 for any 1.2.y, 1.2.3 for that one, or ^, ~ or >= before a version
    exit 2
    ");
    assert_snapshot!(shown("add acme/billing@=1.2.3"), @r"
    error: `=` behind `acme/billing@` does not say which version is wanted
    hint: a whole version takes that one alone, as in acme/billing@1.0.0
    exit 2
    ");
    assert_snapshot!(shown("add acme/billing@1.2.3.4"), @r"
    error: `1.2.3.4` does not say which version is wanted: unexpected character '.' after patch version number
    hint: write 1 for any 1.x.y, 1.2 for any 1.2.y, 1.2.3 for that one, or ^, ~ or >= before a version
    exit 2
    ");
    assert_snapshot!(shown("add acme/billing@sha256:12"), @r"
    error: `sha256:12` is not a digest: it has not 64 hexadecimal digits
    hint: write sha256: and 64 lower-case hexadecimal digits
    exit 2
    ");
    assert_snapshot!(shown("publish acme/billing billing.wasm"), @r"
    error: `acme/billing` stands without a version
    hint: write it behind the name, as in acme/billing@1.0.0
    exit 2
    ");
    assert_snapshot!(shown("publish acme/billing@1.0 billing.wasm"), @r"
    error: `1.0` is not a version: unexpected end of input while parsing minor version number
    hint: write it as MAJOR.MINOR.PATCH, as in 1.2.3
    exit 2
    ");
    assert_snapshot!(shown("publish acme/billing@^1.0.0 billing.wasm"), @r"
    error: `^1.0.0` is not a version: unexpected character '^' while parsing major version number
    hint: write it as MAJOR.MINOR.PATCH, as in 1.2.3
    exit 2
    ");
    assert_snapshot!(shown("yank acme/billing@1 --reason why"), @r"
    error: `1` is not a version: unexpected end of input while parsing major version number
    hint: write it as MAJOR.MINOR.PATCH, as in 1.2.3
    exit 2
    ");
    assert_snapshot!(shown("yank acme/billing@1.0.0"), @r"
    error: `--reason` is missing
    hint: say why in one line: those who use the version see it
    exit 2
    ");
    assert_snapshot!(shown("yank acme/billing@1.0.0 --undo --reason why"), @r"
    error: `--reason` and `--undo` cannot be used together
    exit 2
    ");
    assert_snapshot!(shown("update --precise 1.0.0"), @r"
    error: `--precise` goes with one name
    hint: write `waitfor plugin update NAME --precise VERSION`
    exit 2
    ");
    assert_snapshot!(shown("update acme/billing --precise 1"), @r"
    error: `1` is not a version: unexpected end of input while parsing major version number
    hint: write it as MAJOR.MINOR.PATCH, as in 1.2.3
    exit 2
    ");
}

#[test]
fn places() {
    let project = Workspace::new("places");
    let shown = |place: &str| project.show(&format!("plugin add acme/billing --registry {place}"));
    assert_snapshot!(shown("https://h.example/probes"), @r"
    error: `https://h.example/probes` does not say where plugins are kept: the scheme has no place in it
    hint: write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official
    exit 2
    ");
    assert_snapshot!(shown("probes"), @r"
    error: there is no key `probes` under [registries]
    hint: write HOST/PATH for a registry, or oci:FOLDER for a folder
    exit 2
    ");
    assert_snapshot!(shown("ann:hunter2@h.example/probes"), @r"
    error: `…@h.example/probes` does not say where plugins are kept: accounts have no place in it
    hint: write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official
    exit 2
    ");
    assert_snapshot!(shown("oci:/srv/probes"), @r"
    error: `oci:/srv/probes` does not say where plugins are kept: the folder's path is not a relative one
    hint: write HOST/PATH for a registry, as in registry.example.com/ci/probes, oci:FOLDER for a folder beside waitfor.toml, or official
    exit 2
    ");
    assert_snapshot!(shown("oci:nosuch"), @r"
    error: there is no OCI image layout in `nosuch`
    hint: check the path, which is relative to waitfor.toml; `waitfor plugin publish --to oci:FOLDER` makes such a folder
    exit 4
    ");
    assert_snapshot!(shown("official"), @r"
    error: there is no plugin `acme/billing`
    hint: there are http, postgres, redis, tcp, vault, vertica
    exit 4
    ");
    assert_snapshot!(project.show("plugin add acme/billing"), @r#"
    error: no registry is bound to the team of `acme/billing` in waitfor.toml
    hint: write `acme = "HOST/PATH"` under [registries], or give --registry
    exit 4
    "#);
    assert_snapshot!(project.show("plugin add nosuch"), @r"
    error: there is no plugin `nosuch`
    hint: there are http, postgres, redis, tcp, vault, vertica
    exit 4
    ");
    assert!(!project.project().join("waitfor.toml").exists());
}

#[test]
fn commands() {
    let project = Workspace::new("words");
    let shown = |what: &str| project.show(&format!("plugin {what}"));
    assert_snapshot!(shown("ad acme/billing"), @r"
    error: there is no command `ad`
    hint: did you mean `add`?
    exit 2
    ");
    assert_eq!(shown("help"), shown("--help"));
    assert_snapshot!(shown("yank redis@1.0.0 --reason why"), @r"
    error: nothing can be published in this program: the official probes belong to the program
    hint: name another registry with --registry
    exit 4
    ");
    assert_snapshot!(shown("add"), @r"
    error: `NAME[@REQ]` is missing
    exit 2
    ");
    assert_snapshot!(shown("remove"), @r"
    error: `NAME` is missing
    exit 2
    ");
    assert_snapshot!(shown("remove acme/billing"), @r"
    error: acme/billing is neither in waitfor.toml nor locked
    hint: see `waitfor plugin list` for what is locked
    exit 4
    ");
    assert_snapshot!(shown("update acme/billing"), @r"
    error: there is no waitfor.lock, neither here nor in a folder above
    hint: `waitfor plugin add NAME` writes it
    exit 2
    ");
    assert_snapshot!(shown("lock extra"), @r"
    error: there is a word too many: `extra`
    hint: see `waitfor plugin lock --help`
    exit 2
    ");
    assert_snapshot!(shown("publish acme/billing@1.0.0"), @r"
    error: `FILE` is missing
    exit 2
    ");
    assert_snapshot!(shown("publish acme/billing@1.0.0 nosuch.wasm --to oci:probes"), @r"
    error: cannot read `nosuch.wasm`: there is no such file
    exit 2
    ");
    assert_snapshot!(shown("fetch"), @r"
    error: there is no waitfor.lock, neither here nor in a folder above
    hint: `waitfor plugin add NAME` writes it
    exit 2
    ");
    assert_snapshot!(shown("fetch --config nosuch.toml"), @r"
    error: there is no file `nosuch.toml`
    hint: look at --config and --lock-file, also as WAITFOR_CONFIG and WAITFOR_LOCK_FILE
    exit 2
    ");
    assert_snapshot!(shown("verify"), @r"
    error: there is no waitfor.lock, neither here nor in a folder above
    hint: `waitfor plugin add NAME` writes it
    exit 2
    ");
    assert_snapshot!(shown("gc --precise 1"), @r"
    error: there is no option `--precise`
    hint: see `waitfor --help`, and `waitfor NAME --help` for the options of a probe
    exit 2
    ");
}
