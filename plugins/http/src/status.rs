//! The set of statuses that the user wants.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use waitfor_sdk::Misuse;

/// Ranges of status codes.
pub(crate) struct Wanted {
    ranges: Vec<(u16, u16)>,
    text: String,
}

impl Wanted {
    /// Reads `200`, `2xx`, `200-299` and lists of them with commas.
    pub(crate) fn parse(text: &str) -> Result<Self, Misuse> {
        let ranges = text
            .split(',')
            .map(|part| range(part.trim()))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                Misuse::new(
                    "bad-parameter",
                    format!("`{text}` is no set of http statuses"),
                )
                .param("status")
                .hint("write `200`, `2xx`, `200-299`, or several with commas")
            })?;
        Ok(Self {
            ranges,
            text: text.to_string(),
        })
    }

    /// Whether a status is wanted.
    pub(crate) fn has(&self, status: u16) -> bool {
        self.ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// As the user wrote it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

fn range(text: &str) -> Option<(u16, u16)> {
    if let [class @ b'1'..=b'5', b'x' | b'X', b'x' | b'X'] = *text.as_bytes() {
        let first = u16::from(class - b'0') * 100;
        return Some((first, first + 99));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (code(first.trim())?, code(last.trim())?);
    (first <= last).then_some((first, last))
}

fn code(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = text.parse().ok().filter(|_| digits)?;
    (100..=999).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn reads_codes_classes_and_ranges() {
        for (text, yes, no) in [
            ("2xx", &[200, 299][..], &[199, 300][..]),
            ("200", &[200], &[201]),
            ("200-299,401", &[204, 401], &[300, 400]),
            (" 2XX , 301-303 ", &[250, 302], &[304]),
            ("100-999", &[101, 999], &[]),
        ] {
            let wanted = Wanted::parse(text).unwrap();
            assert!(yes.iter().all(|status| wanted.has(*status)), "{text}");
            assert!(!no.iter().any(|status| wanted.has(*status)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "", "ok", "20", "2000", "299-200", "6xx", "200,", "200--299", "+20", "2x", "099",
        ] {
            let misuse = Wanted::parse(text).err().unwrap();
            assert_eq!(misuse.param.as_deref(), Some("status"), "{text}");
        }
    }
}
