//! One declaration of a probe's parameters, from which its description, typed
//! access and the checks follow.
//!
//! ```
//! use waitfor_sdk::{Secret, choice, params};
//!
//! choice! {
//!     /// The role that the server must have.
//!     pub enum Role { Any = "any", Primary = "primary" }
//! }
//!
//! params! {
//!     /// What the user can tell the probe.
//!     pub struct Params {
//!         /// the user to log in as
//!         user: Option<String> { env: &["DEMO_USER"], url_part: "username" }
//!         /// the user's password
//!         password: Option<Secret> { env: &["DEMO_PASSWORD"], url_part: "password" }
//!         /// the role that the server must have
//!         role: Role { default: "any" }
//!     }
//! }
//! # use waitfor_sdk::params::Declared;
//! # assert_eq!(Params::specs()[2].choices, ["any", "primary"]);
//! ```

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::slice;

use crate::backend::Host;
use crate::verdict::Misuse;

/// One declared parameter; see the contract's `param`.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Kebab-case.
    pub name: String,
    /// `text`, `integer`, `switch`, `duration`, `choice`, `path`, `secret`.
    pub kind: &'static str,
    /// One line.
    pub summary: String,
    /// Whether the user must give it.
    pub required: bool,
    /// As a user would write it.
    pub default: Option<&'static str>,
    /// The words allowed for a choice.
    pub choices: &'static [&'static str],
    /// Whether the user may give several.
    pub multiple: bool,
    /// Further facts of the contract, such as `env` and `url-part`.
    pub more: Vec<(&'static str, String)>,
}

impl Spec {
    /// The spec of a field of type `F`; `field` is its Rust name.
    pub fn of<F: Field>(field: &str, summary: &str) -> Self {
        Self {
            required: F::REQUIRED,
            choices: F::CHOICES,
            multiple: F::MULTIPLE,
            ..Self::new(field, summary, F::KIND)
        }
    }

    /// Apart from `of`, so that its code is there once and not for each type.
    #[inline(never)]
    fn new(field: &str, summary: &str, kind: &'static str) -> Self {
        Self {
            name: field.replace('_', "-"),
            kind,
            summary: summary.trim().to_string(),
            required: false,
            default: None,
            choices: &[],
            multiple: false,
            more: Vec::new(),
        }
    }

    /// The default, as a user would write it.
    #[must_use]
    pub fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self.required = false;
        self
    }

    /// Variables to take the value from; the first that is set wins.
    #[must_use]
    pub fn env(self, names: &[&str]) -> Self {
        names.iter().fold(self, |spec, name| spec.more("env", name))
    }

    /// Other names for it in URLs and in `key=value` strings.
    #[must_use]
    pub fn alias(self, names: &[&str]) -> Self {
        names
            .iter()
            .fold(self, |spec, name| spec.more("alias", name))
    }

    /// Where in the URL it stands: `username`, `password`, `path`,
    /// `request-target`.
    #[must_use]
    pub fn url_part(self, part: &str) -> Self {
        self.more("url-part", part)
    }

    /// What stands in for a missing value: `os-user`, or another parameter.
    #[must_use]
    pub fn default_from(mut self, source: &str) -> Self {
        self.required = false;
        self.more("default-from", source)
    }

    /// The least integer allowed.
    #[must_use]
    pub fn min(self, bound: i64) -> Self {
        self.more("min", &bound.to_string())
    }

    /// The greatest integer allowed.
    #[must_use]
    pub fn max(self, bound: i64) -> Self {
        self.more("max", &bound.to_string())
    }

    /// The option of the host that the value sets.
    #[must_use]
    pub fn host(self, option: &str) -> Self {
        self.more("host", option)
    }

    /// What help shows for the value.
    #[must_use]
    pub fn placeholder(self, text: &str) -> Self {
        self.more("placeholder", text)
    }

    /// The format of a file that may hold the secret: `pgpass`.
    #[must_use]
    pub fn password_file(self, format: &str) -> Self {
        self.more("password-file", format)
    }

    fn more(mut self, name: &'static str, value: &str) -> Self {
        self.more.push((name, value.to_string()));
        self
    }
}

/// A struct of declared parameters; [`params!`](crate::params!) writes it.
pub trait Declared: Sized {
    /// The declarations, in order.
    fn specs() -> Vec<Spec>;

    /// Reads them from the host.
    ///
    /// # Errors
    /// The first parameter whose value is missing or malformed.
    fn read(host: &dyn Host) -> Result<Self, Misuse>;
}

/// A type that one value of a parameter converts to.
pub trait Value: Sized {
    /// The contract's word for the kind.
    const KIND: &'static str;
    /// The words allowed, for a choice.
    const CHOICES: &'static [&'static str] = &[];
    /// From the contract's canonical form.
    fn parse(text: &str) -> Option<Self>;
}

/// A type that a field of a parameter struct may have: a [`Value`] (then it
/// is required unless it has a default), or an `Option` or `Vec` of one.
pub trait Field: Sized {
    /// The contract's word for the kind.
    const KIND: &'static str;
    /// The words allowed, for a choice.
    const CHOICES: &'static [&'static str] = &[];
    /// Whether the user may give several.
    const MULTIPLE: bool = false;
    /// Whether the user must give it where there is no default.
    const REQUIRED: bool = false;

    /// Reads the field from the host.
    ///
    /// # Errors
    /// A value that is missing or malformed; the host checks both before, so
    /// this says that host and probe disagree.
    fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse>;
}

fn malformed(spec: &Spec, text: &str) -> Misuse {
    Misuse::new(
        "bad-parameter",
        format!("`{text}` is not a value for `{}`", spec.name),
    )
    .param(&spec.name)
}

fn missing(spec: &Spec) -> Misuse {
    Misuse::new("missing-parameter", format!("`{}` is not given", spec.name)).param(&spec.name)
}

fn parse<V: Value>(spec: &Spec, text: &str) -> Result<V, Misuse> {
    V::parse(text).ok_or_else(|| malformed(spec, text))
}

/// Reads a single value that must be there.
///
/// # Errors
/// Where it is missing or malformed.
pub fn read_required<V: Value>(host: &dyn Host, spec: &Spec) -> Result<V, Misuse> {
    let values = host.values(&spec.name);
    let text = values.first().ok_or_else(|| missing(spec))?;
    parse(spec, text)
}

/// Reads the field that is declared next; for [`params!`](crate::params!).
///
/// # Errors
/// Where its value is missing or malformed.
#[doc(hidden)]
pub fn next<F: Field>(host: &dyn Host, specs: &mut slice::Iter<'_, Spec>) -> Result<F, Misuse> {
    match specs.next() {
        Some(spec) => F::read(host, spec),
        None => Err(Misuse::new("bad-parameter", "a parameter is not declared")),
    }
}

impl<V: Value> Field for Option<V> {
    const KIND: &'static str = V::KIND;
    const CHOICES: &'static [&'static str] = V::CHOICES;

    fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse> {
        host.values(&spec.name)
            .first()
            .map(|text| parse(spec, text))
            .transpose()
    }
}

impl<V: Value> Field for Vec<V> {
    const KIND: &'static str = V::KIND;
    const CHOICES: &'static [&'static str] = V::CHOICES;
    const MULTIPLE: bool = true;

    fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse> {
        host.values(&spec.name)
            .iter()
            .map(|text| parse(spec, text))
            .collect()
    }
}

macro_rules! required_field {
    ($($type:ty),*) => {$(
        impl Field for $type {
            const KIND: &'static str = <$type as Value>::KIND;
            const REQUIRED: bool = true;

            fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse> {
                read_required(host, spec)
            }
        }
    )*};
}

required_field!(String, i64, Millis, Path);

impl Value for String {
    const KIND: &'static str = "text";
    fn parse(text: &str) -> Option<Self> {
        Some(text.to_string())
    }
}

impl Value for i64 {
    const KIND: &'static str = "integer";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for bool {
    const KIND: &'static str = "switch";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A switch that is not given is off.
impl Field for bool {
    const KIND: &'static str = "switch";

    fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse> {
        Ok(<Option<bool> as Field>::read(host, spec)?.unwrap_or(false))
    }
}

/// A length of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u32);

impl Value for Millis {
    const KIND: &'static str = "duration";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

/// The name of a file, for the host's options; a probe cannot open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(pub String);

impl Value for Path {
    const KIND: &'static str = "path";
    fn parse(text: &str) -> Option<Self> {
        Some(Self(text.to_string()))
    }
}

/// A declared parameter that sets an option of the host, such as the file of
/// trust roots; the probe never sees its value.
pub struct ForHost<V>(PhantomData<V>);

impl<V: Value> Field for ForHost<V> {
    const KIND: &'static str = V::KIND;
    const CHOICES: &'static [&'static str] = V::CHOICES;

    fn read(_: &dyn Host, _: &Spec) -> Result<Self, Misuse> {
        Ok(Self(PhantomData))
    }
}

/// A value that must not be shown; it shows itself as `(secret)`.
pub struct Secret {
    reveal: Box<dyn Fn() -> Vec<u8>>,
}

impl Secret {
    /// A secret whose bytes `reveal` gives.
    pub fn new(reveal: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self {
            reveal: Box::new(reveal),
        }
    }

    /// The bytes. After this the attempt discovers no further endpoint, so
    /// reveal as late as the protocol allows.
    pub fn reveal(&self) -> Vec<u8> {
        (self.reveal)()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(secret)")
    }
}

impl Field for Option<Secret> {
    const KIND: &'static str = "secret";

    fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse> {
        Ok(host.secrets(&spec.name).into_iter().next())
    }
}

impl Field for Vec<Secret> {
    const KIND: &'static str = "secret";
    const MULTIPLE: bool = true;

    fn read(host: &dyn Host, spec: &Spec) -> Result<Self, Misuse> {
        Ok(host.secrets(&spec.name))
    }
}

/// Declares a struct of parameters; see the [module](mod@crate::params).
///
/// A field's documentation is its summary, its name with `-` for `_` its
/// name, its type its kind; what follows in braces are methods of [`Spec`].
#[macro_export]
macro_rules! params {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $(
                #[doc = $summary:literal]
                $field:ident : $type:ty { $($key:ident : $value:expr),* $(,)? }
            )*
        }
    ) => {
        $(#[$meta])*
        $visibility struct $name {
            $(#[doc = $summary] pub $field: $type,)*
        }

        impl $crate::params::Declared for $name {
            fn specs() -> $crate::params::Specs {
                $crate::params::Specs::from([
                    $($crate::params::Spec::of::<$type>(stringify!($field), $summary)$(.$key($value))*),*
                ])
            }

            fn read(host: &dyn $crate::backend::Host) -> ::core::result::Result<Self, $crate::Misuse> {
                let specs = <Self as $crate::params::Declared>::specs();
                let mut specs = specs.iter();
                Ok(Self {
                    $($field: $crate::params::next::<$type>(host, &mut specs)?,)*
                })
            }
        }
    };
}

/// The list that [`params!`](crate::params!) makes.
pub type Specs = Vec<Spec>;

/// Declares an enum whose variants are the words of a `choice`.
#[macro_export]
macro_rules! choice {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name {
            $(#[doc = concat!("`", $word, "`")] $(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word that stands for it.
            $visibility fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl $crate::params::Value for $name {
            const KIND: &'static str = "choice";
            const CHOICES: &'static [&'static str] = &[$($word),+];
            fn parse(text: &str) -> ::core::option::Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl $crate::params::Field for $name {
            const KIND: &'static str = "choice";
            const CHOICES: &'static [&'static str] = <Self as $crate::params::Value>::CHOICES;
            const REQUIRED: bool = true;
            fn read(host: &dyn $crate::backend::Host, spec: &$crate::params::Spec) -> ::core::result::Result<Self, $crate::Misuse> {
                $crate::params::read_required(host, spec)
            }
        }
    };
}
