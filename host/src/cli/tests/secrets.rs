//! Where secrets come from, and that no error and no debug text shows one.

use super::*;

#[test]
fn secrets_come_from_everywhere() {
    let one = Surroundings::default;
    let files = one()
        .file("/run/secrets/db", "file hunter2\n")
        .file("/empty", "\n")
        .file("/dos", "x\r\n")
        .file("/two", "x\n\n");
    let cases: [(Surroundings, &[&str], &str); 10] = [
        (one(), &["postgres://h", "--password", "p w"], "p w"),
        (
            files.clone(),
            &["postgres://u:url@h", "--password-file", "/run/secrets/db"],
            "file hunter2",
        ),
        (files.clone(), &["postgres", "--password-file=/dos"], "x"),
        (files.clone(), &["postgres", "--password-file=/two"], "x\n"),
        (
            one().var("PGPASSWORD", "env"),
            &["postgres://u:url@h"],
            "url",
        ),
        (one().var("PGPASSWORD", "env"), &["postgres://h"], "env"),
        (
            one()
                .var("PGPASSWORD", "env")
                .var("WAITFOR_POSTGRES_PASSWORD", "own"),
            &["postgres://h"],
            "own",
        ),
        (
            files
                .clone()
                .var("WAITFOR_POSTGRES_PASSWORD_FILE", "/run/secrets/db"),
            &["postgres://h"],
            "file hunter2",
        ),
        (
            files
                .clone()
                .var("PGPASSWORD", "x")
                .var("WAITFOR_POSTGRES_PASSWORD_FILE", "/dos"),
            &["postgres://h"],
            "x",
        ),
        (one(), &["postgres", "host=h password='k w'"], "k w"),
    ];
    for (surroundings, args, expected) in cases {
        let job = surroundings.job(args);
        assert_eq!(secret(&job, "password"), Some(expected), "{args:?}");
        assert!(!job.values.contains_key("password"), "{args:?}");
    }
    let wrong: [(&[&str], &str); 3] = [
        (
            &["postgres", "--password-file", "/empty"],
            "the file of `--password-file` is empty: `/empty`",
        ),
        (
            &["postgres", "--password-file", "/none"],
            "cannot read the file of `--password-file`, `/none`: no such file",
        ),
        (
            &[
                "postgres",
                "--password",
                "hunter2",
                "--password-file",
                "/dos",
            ],
            "cannot be used together",
        ),
    ];
    for (args, part) in wrong {
        let error = files.error(args);
        assert!(
            error.contains(part) && !error.contains("hunter2"),
            "{args:?}: {error}"
        );
    }
}

#[test]
fn a_secret_on_the_command_line_is_warned_about_once() {
    let plan = Surroundings::default()
        .plan(&["postgres://a", "postgres://b", "--password", "hunter2"])
        .unwrap();
    assert_eq!(plan.warnings.len(), 1);
    let warning = &plan.warnings[0];
    assert!(
        warning.contains("--password-file") && warning.contains("WAITFOR_POSTGRES_PASSWORD"),
        "{warning}"
    );
    assert!(!warning.contains("hunter2"));
    let quiet = Surroundings::default().file("/f", "hunter2").plan(&[
        "postgres://a",
        "--password-file",
        "/f",
    ]);
    assert!(quiet.unwrap().warnings.is_empty());
}

#[test]
fn a_file_that_gives_its_content_once_serves_several_targets() {
    use std::cell::RefCell;
    struct Pipe(RefCell<Vec<u8>>);
    impl Environment for Pipe {
        fn var(&self, _: &str) -> Option<OsString> {
            None
        }
        fn os_user(&self) -> Option<String> {
            None
        }
        fn home(&self) -> Option<PathBuf> {
            None
        }
        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Ok(self.0.take())
        }
        fn is_private(&self, _: &Path) -> io::Result<bool> {
            Ok(true)
        }
    }
    let pipe = Pipe(RefCell::new(b"hunter2\n".to_vec()));
    let args = ["redis://a", "redis://b", "--password-file", "/dev/fd/63"].map(OsString::from);
    let Ok(Invocation::Wait(request)) = crate::cli::parse(args, &pipe) else {
        panic!("not a request to wait");
    };
    let plan = request.plan(shelf(), &pipe).unwrap();
    let found: Vec<_> = plan
        .jobs
        .iter()
        .map(|job| secret(job, "password"))
        .collect();
    assert_eq!(found, [Some("hunter2"), Some("hunter2")]);
    assert_eq!(plan.secrets().count(), 2);
}

#[test]
fn the_password_file_is_libpqs() {
    let content = "db:5432:shop:app:right\nlocalhost:*:*:app:socket\ndb.example:*:*:*:named\n";
    let home = Surroundings::default().file("/home/me/.pgpass", content);
    let cases: [(&[&str], Option<&str>); 8] = [
        (&["postgres://app@db/shop"], Some("right")),
        (&["postgres://app@other,db/shop"], Some("right")),
        (&["postgres://app@db:5433/shop"], None),
        (&["postgres://db/shop"], None),
        (&["postgres:///shop?host=/run/pg&user=app"], Some("socket")),
        (
            &["postgres", "host=db.example hostaddr=10.0.0.7"],
            Some("named"),
        ),
        (&["postgres://app:url@db/shop"], Some("url")),
        (&["redis://db:5432"], None),
    ];
    for (args, expected) in cases {
        assert_eq!(secret(&home.job(args), "password"), expected, "{args:?}");
    }
    let elsewhere = home
        .clone()
        .file("/pw", "*:*:*:*:elsewhere")
        .var("PGPASSFILE", "/pw");
    assert_eq!(
        secret(&elsewhere.job(&["postgres://app@db/shop"]), "password"),
        Some("elsewhere")
    );
    let open = Surroundings::default().open_file("/home/me/.pgpass", content);
    let plan = open
        .plan(&["postgres://app@db/shop", "postgres://app@db/x"])
        .unwrap();
    assert_eq!(secret(&plan.jobs[0], "password"), None);
    assert_eq!(
        plan.warnings,
        [
            "the password file `/home/me/.pgpass` is not used: group or others may use it; `chmod 0600` it",
        ]
    );
    let absent = Surroundings::default()
        .var("PGPASSFILE", "/no")
        .plan(&["postgres://app@db/shop"])
        .unwrap();
    assert!(absent.warnings.is_empty());
}

#[test]
fn no_error_shows_a_secret() {
    let secret = "hunter2";
    let wrong: [&[&str]; 29] = [
        &["postgres://app:hunter2@db:x/shop"],
        &["postgres://app:hunter2@db/shop?nosuch=1"],
        &["postgres://app:hunter2@db/shop?pasword=hunter2"],
        &["postgres://app:hun/ter2hunter2@db/shop"],
        &["postgres://app:12/hunter2@db/shop"],
        &["postgres://app:12?hunter2@db/shop"],
        &["postgres://app:p?hunter2=1@db/shop"],
        &["postgres://app:p#hunter2@db/shop"],
        &["postgres://app:%hunter2@db/shop"],
        &["postgres://app:hunter2"],
        &["postgres://app:hunter2/shop"],
        &["kafka://app:hunter2@h"],
        &["app:hunter2@db:5432"],
        &["vault://token:hunter2@h"],
        &["tcp://app:hunter2@h:1"],
        &["postgres://db/x?password=hunter2&password=hunter2"],
        &["postgres://db/x?password=hunter2%00"],
        &["postgres://db/x?password=hunter2&sslmode=bad"],
        &["--url", "app:hunter2@db"],
        &["--host", "app:hunter2@db", "--port", "1"],
        &["--plugin", "redis", "redis://:hunter2@a,b"],
        &["postgres://db", "redis://c", "--password", "hunter2"],
        &["postgres://db", "--pasword", "hunter2"],
        &["postgres://db", "--pasword=hunter2"],
        &["postgres://db", "--passwordhunter2"],
        &["postgres://db", "--password:hunter2"],
        &["postgres://db", "--pw:hunter2"],
        &[
            "postgres://db",
            "--password",
            "hunter2",
            "--password",
            "hunter2",
        ],
        &["redis://a", "--allow", "app:hunter2@h"],
    ];
    for args in wrong {
        let shown = error(args);
        assert!(
            !shown.contains(secret) && !shown.contains("hunter"),
            "{args:?}: {shown}"
        );
    }
}

#[test]
fn no_debug_text_shows_a_secret() {
    let surroundings = Surroundings::default()
        .file("/pw", "hunter2")
        .var("VAULT_TOKEN", "hunter2")
        .var("WAITFOR_REDIS_PASSWORD_FILE", "/pw");
    let args: [&[&str]; 6] = [
        &["postgres://app:hunter2@db/shop?password_x=1&schema=hunter2"],
        &[
            "postgres://app@db/shop?password=hunter2",
            "redis://c",
            "vault://v",
        ],
        &["postgres", "host=db password=hunter2"],
        &["postgres", "--password", "hunter2"],
        &["postgres", "--password-file", "/pw"],
        &["http://h/x?token=hunter2"],
    ];
    for args in args {
        let request = super::super::parse(args.iter().map(OsString::from), &surroundings).unwrap();
        assert!(!format!("{request:?}").contains("hunter2"), "{args:?}");
        let Invocation::Wait(request) = request else {
            panic!("not a request to wait: {args:?}");
        };
        match request.plan(shelf(), &surroundings) {
            Ok(mut plan) => {
                // The path of an HTTP request is what the probe must know.
                for job in &mut plan.jobs {
                    job.values.remove("target");
                }
                assert!(!format!("{plan:?}").contains("hunter2"), "{plan:?}");
            }
            Err(error) => assert!(!error.to_string().contains("hunter2"), "{error}"),
        }
    }
}
