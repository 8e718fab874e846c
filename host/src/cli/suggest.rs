//! "Did you mean": the known words that a mistyped one may stand for.

/// How alike two words must be, from 0 to 1.
const ALIKE: f64 = 0.8;
/// How many words are proposed.
const MOST: usize = 3;

/// The known words most like `word`, the best first; empty if none is like it.
pub(crate) fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if word.is_empty() {
        return Vec::new();
    }
    let word = word.to_lowercase().replace('_', "-");
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&word, &known.to_lowercase()), known))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by_key(|(_, known)| *known);
    scored.truncate(MOST);
    scored.into_iter().map(|(_, known)| known).collect()
}

/// The words in backticks, with `or` before the last.
pub(crate) fn listed(words: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| format!("`{}`", word.as_ref()))
        .collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let known = ["postgres", "redis", "vault", "vertica", "expect-table"];
        assert_eq!(near("postgers", known), ["postgres"]);
        assert_eq!(near("Redis", known), ["redis"]);
        assert_eq!(near("expect_tabel", known), ["expect-table"]);
        assert!(near("kafka", known).is_empty());
        assert!(near("", known).is_empty());
    }

    #[test]
    fn lists_words_as_a_sentence_does() {
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(listed(&["a"]), "`a`");
        assert_eq!(listed(&[""; 0]), "");
    }
}
