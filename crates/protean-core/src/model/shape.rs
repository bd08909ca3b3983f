//! The form of a value as JSON, for `events lock` and `contracts export`, which write it down.

use serde::Serialize;

use super::rules::Rules;

/// The form of a value as JSON.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A value without parts, such as `text` or `decimal`.
    Plain(String),
    /// One of these names.
    Choice(&'static [&'static str]),
    /// A value or `null`.
    Optional(Box<Shape>),
    /// Any number of values.
    List(Box<Shape>),
    /// Any number of values, each under a key, which is a string.
    Map {
        /// The form of a key.
        key: Box<Shape>,
        /// The form of a value.
        value: Box<Shape>,
    },
    /// A value with limits of its own: a newtype.
    Limited {
        /// The form of the inner value.
        shape: Box<Shape>,
        /// Its limits.
        rules: Rules,
    },
    /// Named values. What they are is asked for when it is needed: an entity may hold others of
    /// its own type.
    Object {
        /// The path of its Rust type, which tells it from others.
        type_path: &'static str,
        /// The documentation of the type.
        doc: &'static str,
        /// Its fields.
        members: fn() -> Vec<Member>,
    },
}

/// A named value of an object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name in JSON.
    pub name: String,
    /// The form of its value.
    pub shape: Shape,
    /// True when JSON without it is read all the same, as if it had a certain value.
    pub has_default: bool,
    /// That value as JSON, when the declaration gives a constant.
    pub default: Option<fn() -> String>,
    /// The limits of its values.
    pub rules: Rules,
    /// The documentation of the field.
    pub doc: &'static str,
}

impl Member {
    /// A field by this name.
    pub fn new(name: &str, shape: Shape, has_default: bool) -> Self {
        let (default, rules, doc) = (None, Rules::named(""), "");
        Self { name: name.to_owned(), shape, has_default, default, rules, doc }
    }

    /// With these limits and this documentation.
    #[must_use]
    pub fn described(self, rules: Rules, doc: &'static str) -> Self {
        Self { rules, doc, ..self }
    }

    /// A constant default as JSON; what JSON cannot hold is `null`.
    pub fn json_of(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
    }

    /// With a default that is constant.
    #[must_use]
    pub fn defaulting_to(self, default: fn() -> String) -> Self {
        Self { default: Some(default), ..self }
    }
}

impl Shape {
    /// A value of this form with limits of its own.
    pub fn limited(self, rules: Rules) -> Self {
        Self::Limited { shape: Box::new(self), rules }
    }

    /// A value of a type that says nothing of its form: the name of the type.
    pub fn of_type<T>() -> Self {
        let path = std::any::type_name::<T>();
        Self::Plain(path.rsplit("::").next().unwrap_or(path).to_owned())
    }
}
