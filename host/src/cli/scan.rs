//! The first look at the arguments, before any probe has been asked for its
//! options: what stands before and after `--`, whether help is wanted, which
//! probe is named, and which words may be targets.

use std::ffi::{OsStr, OsString};

use super::options::{self, Group};

/// What the first look found.
#[derive(Clone, Default)]
pub(crate) struct Scan {
    /// All arguments before `--`.
    pub(crate) args: Vec<OsString>,
    /// The arguments after `--`, if it stands there.
    pub(crate) command: Option<Vec<OsString>>,
    /// `-h` or `--help`.
    pub(crate) help: bool,
    /// `-V` or `--version`.
    pub(crate) version: bool,
    /// The values of `--plugin`.
    pub(crate) plugins: Vec<OsString>,
    /// The value of `--url`.
    pub(crate) url: Option<OsString>,
    /// The options about where plugins come from, with their values: they are
    /// needed before any plugin can be asked for its own options.
    pub(crate) supply: Vec<OsString>,
    /// Every word that may be a target, with its place in `args`; some may be
    /// values of options that only a probe knows.
    pub(crate) words: Vec<(usize, OsString)>,
    /// Whether the first word surely is no option's value.
    pub(crate) first_is_sure: bool,
}

impl Scan {
    /// Looks at the arguments, without the program's name.
    pub(crate) fn of(args: impl IntoIterator<Item = OsString>) -> Self {
        let mut args: Vec<OsString> = args.into_iter().collect();
        let mut scan = Self::default();
        if let Some(end) = args.iter().position(|arg| arg == "--") {
            scan.command = Some(args.split_off(end).split_off(1));
        }
        let mut at = 0;
        let mut after_unknown = false;
        while let Some(arg) = args.get(at) {
            let next = args
                .get(at + 1)
                .filter(|next| !is_option(next) || is_number(next));
            let step = match Token::of(arg) {
                Token::Word => {
                    scan.first_is_sure |= scan.words.is_empty() && !after_unknown;
                    scan.words.push((at, arg.clone()));
                    after_unknown = false;
                    1
                }
                Token::Long { name, value } => {
                    scan.flag(&name);
                    let known = options::find(&name);
                    let takes = known.is_some_and(options::HostOption::takes_value);
                    if name == "plugin" {
                        scan.plugins.extend(value.clone().or_else(|| next.cloned()));
                    }
                    if name == "url" {
                        scan.url = value.clone().or_else(|| next.cloned());
                    }
                    let flag = name == "help" || name == "version";
                    after_unknown = known.is_none() && value.is_none() && !flag;
                    let step = if takes && value.is_none() && next.is_some() {
                        2
                    } else {
                        1
                    };
                    if known.is_some_and(|option| option.group == Group::Plugins) {
                        scan.supply.extend(args.iter().skip(at).take(step).cloned());
                    }
                    step
                }
                Token::Short { letters } => {
                    let (step, unknown) = scan.letters(&letters, next.is_some());
                    after_unknown = unknown;
                    step
                }
            };
            at += step;
        }
        scan.args = args;
        scan
    }

    fn flag(&mut self, name: &str) {
        self.help |= name == "help";
        self.version |= name == "version";
    }

    /// Walks through `-qt5`: how many arguments it is, and whether it ends
    /// with a letter that is not ours.
    fn letters(&mut self, letters: &str, next: bool) -> (usize, bool) {
        for (at, letter) in letters.char_indices() {
            match letter {
                'h' => self.help = true,
                'V' => self.version = true,
                _ => match options::find_short(letter) {
                    Some(option) if option.takes_value() => {
                        let last = at + letter.len_utf8() == letters.len();
                        return (if last && next { 2 } else { 1 }, false);
                    }
                    Some(_) => {}
                    None => return (1, true),
                },
            }
        }
        (1, false)
    }

    /// The first word, where it surely is one, as text.
    pub(crate) fn first(&self) -> Option<&str> {
        let (_, word) = self.words.first().filter(|_| self.first_is_sure)?;
        word.to_str()
    }

    /// The word at a place among the words, as text.
    pub(crate) fn word(&self, at: usize) -> Option<&str> {
        self.words.get(at).and_then(|(_, word)| word.to_str())
    }

    /// Takes the first word out of the arguments.
    pub(crate) fn drop_first(&mut self) {
        if self.words.is_empty() {
            return;
        }
        let (place, _) = self.words.remove(0);
        self.args.remove(place);
        for (later, _) in &mut self.words {
            *later -= 1;
        }
    }
}

enum Token {
    Word,
    Long {
        name: String,
        value: Option<OsString>,
    },
    Short {
        letters: String,
    },
}

impl Token {
    fn of(arg: &OsStr) -> Self {
        if !is_option(arg) {
            return Self::Word;
        }
        let text = arg.to_string_lossy();
        match text.strip_prefix("--") {
            Some(long) => match long.split_once('=') {
                Some((name, value)) => Self::Long {
                    name: name.to_owned(),
                    value: Some(value.into()),
                },
                None => Self::Long {
                    name: long.to_owned(),
                    value: None,
                },
            },
            None => Self::Short {
                letters: text.trim_start_matches('-').to_owned(),
            },
        }
    }
}

/// A negative number, which is some option's value rather than an option.
fn is_number(arg: &OsStr) -> bool {
    arg.to_str().is_some_and(|text| text.parse::<f64>().is_ok())
}

fn is_option(arg: &OsStr) -> bool {
    arg != "-" && arg.as_encoded_bytes().starts_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(args: &[&str]) -> Scan {
        Scan::of(args.iter().map(OsString::from))
    }

    fn words(scan: &Scan) -> Vec<&str> {
        scan.words
            .iter()
            .filter_map(|(_, word)| word.to_str())
            .collect()
    }

    #[test]
    fn finds_words_and_the_values_that_are_none() {
        // arguments, words, whether the first is sure
        let cases: [(&[&str], &[&str], bool); 11] = [
            (&["redis://h"], &["redis://h"], true),
            (&["-t", "5", "redis://h"], &["redis://h"], true),
            (&["-t5", "a:1", "b:2"], &["a:1", "b:2"], true),
            (&["-qt", "5", "-v", "a:1"], &["a:1"], true),
            (&["--timeout=5", "--any", "a:1"], &["a:1"], true),
            (&["--timeout", "5", "--not", "a:1"], &["a:1"], true),
            (&["--user", "app", "a:1"], &["app", "a:1"], false),
            (&["--user=app", "a:1"], &["a:1"], true),
            (&["-p", "app", "a:1"], &["app", "a:1"], false),
            (&["--timeout", "--any", "a:1"], &["a:1"], true),
            (&["-"], &["-"], true),
        ];
        for (args, expected, sure) in cases {
            let scan = scan(args);
            assert_eq!(words(&scan), expected, "{args:?}");
            assert_eq!(scan.first_is_sure, sure, "{args:?}");
        }
    }

    #[test]
    fn keeps_what_follows_the_dashes() {
        let found = scan(&["a:1", "--", "sh", "-c", "--", "$X --help"]);
        assert_eq!(
            found.command,
            Some(["sh", "-c", "--", "$X --help"].map(OsString::from).to_vec())
        );
        assert!(!found.help);
        assert_eq!(scan(&["a:1"]).command, None);
        assert_eq!(scan(&["a:1", "--"]).command, Some(vec![]));
    }

    #[test]
    fn finds_plugins_help_and_version() {
        let found = scan(&["--plugin", "a@1", "--plugin=b", "-vh"]);
        assert_eq!(found.plugins, ["a@1", "b"]);
        assert!(found.help && !found.version);
        assert!(scan(&["--user", "--help"]).help);
        assert!(scan(&["-V"]).version);
        assert!(!scan(&["-ixh"]).help, "the rest of -i is its value");
    }

    #[test]
    fn finds_where_plugins_come_from() {
        let found = scan(&[
            "--x",
            "--store",
            "/s",
            "a:1",
            "--locked",
            "--config=c",
            "-q",
        ]);
        assert_eq!(found.supply, ["--store", "/s", "--locked", "--config=c"]);
        assert_eq!(words(&found), ["a:1"]);
        assert_eq!(scan(&["--store", "--any"]).supply, ["--store"]);
        assert!(scan(&["a:1", "--", "--locked"]).supply.is_empty());
    }

    #[test]
    fn a_word_can_be_taken_out() {
        let mut found = scan(&["-q", "redis", "--x", "a:1"]);
        found.drop_first();
        assert_eq!(found.args, ["-q", "--x", "a:1"]);
        assert_eq!(found.words, [(2, OsString::from("a:1"))]);
    }
}
