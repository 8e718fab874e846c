//! A published version never changes, so what its publisher says of it
//! afterwards stands beside it: a manifest of its own whose `subject` is the
//! version's manifest, as OCI's referrers are.
//!
//! A statement has a sequence and no time: the highest sequence counts, the
//! same statement has the same bytes on every machine, and where two
//! publishers spoke at the same moment the graver word stands.

use crate::oci::{self, Annotations, Descriptor, Manifest};
use crate::{Digest, Error, Result, Standing, text};

/// The type of artifact that a statement is.
pub const ARTIFACT: &str = "application/vnd.waitfor.statement.v1+json";

/// Keys of a statement's annotations.
pub mod annotation {
    /// `good`, `deprecated` or `yanked`; readers pass over other words.
    pub const STANDING: &str = "dev.waitfor.standing";
    /// Why, one line.
    pub const REASON: &str = "dev.waitfor.reason";
    /// 1, 2, …: the highest counts.
    pub const SEQUENCE: &str = "dev.waitfor.sequence";
}

/// What a publisher said of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Which of the statements about that version it is, from 1.
    pub sequence: u64,
    /// What was said.
    pub standing: Standing,
}

impl Statement {
    /// The statement that says `standing` after all of `before`.
    ///
    /// # Errors
    /// Where the reason is empty or more than one line.
    pub fn after(before: &[Self], standing: &Standing) -> Result<Self> {
        if let Some(problem) = standing.reason().and_then(text::line_problem) {
            return Err(Error::Reason { problem });
        }
        let last = before.iter().map(|statement| statement.sequence).max();
        Ok(Self {
            sequence: last.unwrap_or(0).saturating_add(1),
            standing: standing.clone(),
        })
    }

    /// The bytes of the manifest that says this of `subject`, the descriptor
    /// of a version's manifest. Its one blob is [`oci::EMPTY_BYTES`].
    ///
    /// # Errors
    /// None that is known: the document can always be written.
    pub fn manifest(&self, subject: &Descriptor) -> Result<Vec<u8>> {
        let empty = Descriptor::of(oci::EMPTY, oci::EMPTY_BYTES);
        let mut subject = subject.clone();
        // What a place notes beside the descriptor, such as a tag, is not
        // part of what is spoken of.
        subject.artifact_type = None;
        subject.annotations.clear();
        subject.unknown.clear();
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(oci::MANIFEST.to_owned()),
            artifact_type: Some(ARTIFACT.to_owned()),
            config: empty.clone(),
            layers: vec![empty],
            subject: Some(subject),
            annotations: self.annotations(),
        };
        oci::write(&manifest, "the statement", "this program")
    }

    /// The descriptor of [`manifest`](Self::manifest)'s bytes for an index of
    /// referrers, with the annotations that the OCI specification wants there.
    pub fn descriptor(&self, manifest: &[u8]) -> Descriptor {
        Descriptor {
            artifact_type: Some(ARTIFACT.to_owned()),
            annotations: self.annotations(),
            ..Descriptor::of(oci::MANIFEST, manifest)
        }
    }

    /// Reads what `manifest` says of the version whose manifest is `subject`;
    /// none where it is no statement, is about another version, or has a word
    /// that this program does not know.
    pub fn read(manifest: &Manifest, subject: &Digest) -> Option<Self> {
        let about = manifest.subject.as_ref()?;
        let is_statement = manifest.artifact_type.as_deref() == Some(ARTIFACT);
        if !is_statement || about.digest != *subject {
            return None;
        }
        Self::from_annotations(&manifest.annotations)
    }

    fn from_annotations(annotations: &Annotations) -> Option<Self> {
        let reason = || {
            let reason = annotations.get(annotation::REASON).map(String::as_str);
            text::one_line(reason.unwrap_or("no reason is given"))
        };
        let standing = match annotations.get(annotation::STANDING)?.as_str() {
            "good" => Standing::Good,
            "deprecated" => Standing::Deprecated { reason: reason() },
            "yanked" => Standing::Yanked { reason: reason() },
            _ => return None,
        };
        let sequence = annotations.get(annotation::SEQUENCE)?.parse().ok()?;
        Some(Self { sequence, standing })
    }

    fn annotations(&self) -> Annotations {
        let mut annotations = Annotations::from([
            (
                annotation::STANDING.to_owned(),
                self.standing.word().to_owned(),
            ),
            (annotation::SEQUENCE.to_owned(), self.sequence.to_string()),
        ]);
        if let Some(reason) = self.standing.reason() {
            annotations.insert(annotation::REASON.to_owned(), reason.to_owned());
        }
        annotations
    }
}

/// How a version stands after `statements`, in whatever order they come.
pub fn standing(statements: impl IntoIterator<Item = Statement>) -> Standing {
    let gravity = |standing: &Standing| match standing {
        Standing::Good => 0,
        Standing::Deprecated { .. } => 1,
        Standing::Yanked { .. } => 2,
    };
    statements
        .into_iter()
        .max_by(|a, b| {
            let key = |one: &Statement| (one.sequence, gravity(&one.standing));
            // The reason decides last, so that every reader shows the same.
            key(a)
                .cmp(&key(b))
                .then_with(|| a.standing.reason().cmp(&b.standing.reason()))
        })
        .map(|statement| statement.standing)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn yanked(reason: &str) -> Standing {
        Standing::Yanked {
            reason: reason.to_owned(),
        }
    }

    fn deprecated(reason: &str) -> Standing {
        Standing::Deprecated {
            reason: reason.to_owned(),
        }
    }

    fn statement(sequence: u64, standing: &Standing) -> Statement {
        Statement {
            sequence,
            standing: standing.clone(),
        }
    }

    fn subject() -> Descriptor {
        let mut subject = Descriptor::of(oci::MANIFEST, b"the manifest");
        subject.annotations.insert("a".to_owned(), "tag".to_owned());
        subject
    }

    fn manifest(statement: &Statement) -> Manifest {
        let bytes = statement.manifest(&subject()).unwrap();
        oci::parse(&bytes, "the statement", "here").unwrap()
    }

    /// As OCI's image specification 1.1 wants an artifact without content.
    #[test]
    fn a_statement_is_a_manifest_with_a_subject() {
        let one = statement(2, &yanked("says ready too early"));
        let bytes = one.manifest(&subject()).unwrap();
        let empty = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;
        let annotations = r#""annotations":{"dev.waitfor.reason":"says ready too early","dev.waitfor.sequence":"2","dev.waitfor.standing":"yanked"}"#;
        let expected = format!(
            concat!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
                r#""artifactType":"application/vnd.waitfor.statement.v1+json","config":{empty},"layers":[{empty}],"#,
                r#""subject":{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":12}},"#,
                "{annotations}}}"
            ),
            empty = empty,
            digest = subject().digest,
            annotations = annotations,
        );
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        let descriptor = serde_json::to_string(&one.descriptor(&bytes)).unwrap();
        let expected = format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":{},"artifactType":"application/vnd.waitfor.statement.v1+json",{annotations}}}"#,
            Digest::of(&bytes),
            bytes.len()
        );
        assert_eq!(descriptor, expected);
    }

    #[test]
    fn the_last_statement_counts() {
        let (good, old, bad) = (Standing::Good, deprecated("old"), yanked("bad"));
        let cases: [(&[(u64, &Standing)], &Standing); 6] = [
            (&[], &good),
            (&[(1, &bad)], &bad),
            (&[(2, &good), (1, &bad)], &good),
            (&[(3, &old), (2, &good), (1, &bad)], &old),
            (&[(2, &old), (2, &good)], &old),
            (&[(2, &bad), (2, &old), (1, &good)], &bad),
        ];
        for (said, expected) in cases {
            let said = said.iter().map(|(at, standing)| statement(*at, standing));
            assert_eq!(standing(said), *expected);
        }
    }

    #[test]
    fn passes_over_what_is_no_statement_about_it() {
        let one = manifest(&statement(1, &yanked("bad")));
        let subject = subject().digest;
        assert!(Statement::read(&one, &subject).is_some());
        assert_eq!(Statement::read(&one, &Digest::of(b"another")), None);
        let changed = |change: &dyn Fn(&mut Manifest)| {
            let mut manifest = one.clone();
            change(&mut manifest);
            Statement::read(&manifest, &subject)
        };
        let noted = |key: &str, value: &str| {
            changed(&|manifest| {
                let (key, value) = (key.to_owned(), value.to_owned());
                manifest.annotations.insert(key, value);
            })
        };
        assert_eq!(changed(&|manifest| manifest.subject = None), None);
        assert_eq!(changed(&|manifest| manifest.artifact_type = None), None);
        assert_eq!(noted(annotation::STANDING, "praised"), None);
        assert_eq!(noted(annotation::SEQUENCE, "-1"), None);
        let said = noted(annotation::REASON, "bad\u{1b}[2J\nand more").unwrap();
        assert_eq!(said.standing, yanked("bad[2J"));
        let silent = changed(&|manifest| {
            manifest.annotations.remove(annotation::REASON);
        });
        assert_eq!(silent.unwrap().standing, yanked("no reason is given"));
    }

    #[test]
    fn a_reason_is_one_line() {
        for (reason, problem) in [
            ("", "the reason is empty"),
            ("a\nb", "the reason is more than one line"),
        ] {
            let error = Statement::after(&[], &yanked(reason)).unwrap_err();
            assert_eq!(error.to_string(), problem);
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(word in 0_u8..3, reason in "[a-z][ -~]{0,40}[a-z]", before in prop::collection::vec(1_u64..9, 0..4)) {
            let standing = match word {
                0 => Standing::Good,
                1 => deprecated(&reason),
                _ => yanked(&reason),
            };
            let before: Vec<Statement> = before.iter().map(|at| statement(*at, &yanked("x"))).collect();
            let one = Statement::after(&before, &standing).unwrap();
            prop_assert_eq!(Statement::read(&manifest(&one), &subject().digest), Some(one.clone()));
            let all = before.into_iter().chain([one]);
            prop_assert_eq!(super::standing(all), standing);
        }
    }
}
