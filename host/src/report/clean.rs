//! Makes a text from outside fit to be shown: without power over terminals and
//! CI logs, and not too long. Secrets are blanked where a text comes in, before
//! anything is cut off it or escaped in it.

/// Texts are cut to so many characters.
const LONGEST: usize = 300;

/// Stands where a text was cut.
const CUT: char = '…';

/// The text as one line that is safe to show: line ends and tabs become
/// spaces, other control characters, and those that reorder or hide text, are
/// shown as escapes. `##` is taken apart, since CI systems take commands from
/// log lines that hold `##[` or `##vso[`.
pub fn clean(text: &str) -> String {
    clean_up_to(LONGEST, text)
}

/// Like [`clean`], with another length.
pub fn clean_up_to(longest: usize, text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut previous = ' ';
    for (count, character) in text.trim().chars().enumerate() {
        if count == longest {
            shown.push(CUT);
            break;
        }
        match character {
            '\n' | '\r' | '\t' => shown.push(' '),
            '#' if previous == '#' => shown.push_str(" #"),
            _ if is_treacherous(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
        previous = character;
    }
    shown
}

/// Control characters, and those that change how other text is shown.
pub fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'                     // soft hyphen
            | '\u{61c}'                  // Arabic letter mark
            | '\u{180e}'                 // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'    // zero width, marks of direction
            | '\u{2028}'..='\u{202e}'    // line ends, embeddings, overrides
            | '\u{2060}'..='\u{206f}'    // invisible operators, isolates
            | '\u{feff}'                 // byte order mark
            | '\u{fff9}'..='\u{fffb}'    // annotations
            | '\u{e0000}'..='\u{e007f}') // tags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        clean(text)
    }

    #[test]
    fn terminals_and_readers_are_not_fooled() {
        assert_eq!(
            shown("\u{1b}[2J\u{7}x\u{9b}1m"),
            "\\u{1b}[2J\\u{7}x\\u{9b}1m"
        );
        assert_eq!(shown("a\u{202e}b\u{2066}c"), "a\\u{202e}b\\u{2066}c");
        assert_eq!(shown("nul\0"), "nul\\u{0}");
        assert_eq!(shown(" two\r\nlines\t. "), "two  lines .");
        assert_eq!(shown("größe 日本 🦀"), "größe 日本 🦀");
    }

    #[test]
    fn ci_systems_are_given_no_commands() {
        for command in [
            "##[error]x",
            "##vso[task.setvariable]x",
            "###[set-env name=A]x",
            "####vso[x]",
        ] {
            assert!(!shown(command).contains("##"), "{command}");
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = shown(&"é".repeat(10_000));
        assert_eq!(text.chars().count(), LONGEST + 1);
        assert!(text.ends_with(CUT));
        assert_eq!(shown(&"é".repeat(LONGEST)).chars().count(), LONGEST);
    }
}
