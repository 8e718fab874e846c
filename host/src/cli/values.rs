//! The one form in which a probe gets each kind of value, whatever the user
//! wrote.

use super::{duration, suggest};
use crate::description::{Kind, Param};

/// The value in the contract's form for the parameter's kind; for an unusable
/// one, what it should have been, without the value itself: it may be a
/// secret that ended up in the wrong place.
pub(crate) fn canonical(param: &Param, text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("it holds a NUL".to_owned());
    }
    match param.kind {
        Kind::Text | Kind::Path | Kind::Secret => Ok(text.to_owned()),
        Kind::Integer => integer(param, text),
        Kind::Switch => match switch(text) {
            Some(on) => Ok(on.to_string()),
            None => Err("it must be true or false".to_owned()),
        },
        Kind::Duration => {
            match duration::parse(text).map(|length| u32::try_from(length.as_millis())) {
                Some(Ok(millis)) => Ok(millis.to_string()),
                Some(Err(_)) => Err("it must be less than 49 days".to_owned()),
                None => Err(duration::FORM.to_owned()),
            }
        }
        Kind::Choice => {
            if param.choices.iter().any(|choice| choice == text) {
                return Ok(text.to_owned());
            }
            let near = suggest::near(text, param.choices.iter().map(String::as_str));
            let choices = param.choices.join(", ");
            Err(match near.first() {
                Some(near) => format!("did you mean `{near}`? it must be one of {choices}"),
                None => format!("it must be one of {choices}"),
            })
        }
    }
}

fn integer(param: &Param, text: &str) -> Result<String, String> {
    let Ok(number) = text.trim().parse::<i64>() else {
        return Err("it must be a whole number".to_owned());
    };
    match (param.min, param.max) {
        (Some(min), Some(max)) if number < min || number > max => {
            Err(format!("it must be from {min} to {max}"))
        }
        (Some(min), _) if number < min => Err(format!("it must be at least {min}")),
        (_, Some(max)) if number > max => Err(format!("it must be at most {max}")),
        _ => Ok(number.to_string()),
    }
}

/// Whether the word means on or off.
pub(crate) fn switch(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(kind: &str, more: &[(&str, &str)]) -> Param {
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Param::from_parts("x".into(), kind, String::new(), false, None, &more)
    }

    #[test]
    fn writes_each_kind_in_one_form() {
        let plain = |kind| param(kind, &[]);
        let choice = param("choice", &[("choice", "any"), ("choice", "primary")]);
        let port = param("integer", &[("min", "1"), ("max", "9")]);
        let cases = [
            (plain("text"), " as is ", " as is "),
            (
                plain("colour"),
                "an unknown kind is text",
                "an unknown kind is text",
            ),
            (plain("integer"), "+007", "7"),
            (plain("integer"), "-3", "-3"),
            (port.clone(), "9", "9"),
            (plain("switch"), "On", "true"),
            (plain("switch"), "0", "false"),
            (plain("duration"), "1m30s", "90000"),
            (plain("duration"), "10", "10000"),
            (choice.clone(), "primary", "primary"),
        ];
        for (param, text, form) in cases {
            assert_eq!(canonical(&param, text).as_deref(), Ok(form), "{text}");
        }
        let wrong = [
            (plain("text"), "a\0b", "it holds a NUL"),
            (plain("integer"), "1.5", "it must be a whole number"),
            (
                plain("integer"),
                "99999999999999999999",
                "it must be a whole number",
            ),
            (port.clone(), "0", "it must be from 1 to 9"),
            (port, "10", "it must be from 1 to 9"),
            (plain("switch"), "maybe", "it must be true or false"),
            (plain("switch"), "", "it must be true or false"),
            (plain("duration"), "60d", "it must be less than 49 days"),
            (plain("duration"), "soon", duration::FORM),
            (
                choice.clone(),
                "primery",
                "did you mean `primary`? it must be one of any, primary",
            ),
            (choice, "", "it must be one of any, primary"),
        ];
        for (param, text, message) in wrong {
            assert_eq!(canonical(&param, text), Err(message.to_owned()), "{text}");
        }
    }
}
