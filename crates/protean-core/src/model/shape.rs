//! The form of a value as JSON, for `events lock`, which writes it down.

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
    /// Any number of values, each under a string key.
    Map(Box<Shape>),
    /// Named values. What they are is asked for when it is needed: an entity may hold others of
    /// its own type.
    Object {
        /// The path of its Rust type, which tells it from others.
        type_path: &'static str,
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
}

impl Member {
    /// A field by this name.
    pub fn new(name: &str, shape: Shape, has_default: bool) -> Self {
        Self { name: name.to_owned(), shape, has_default }
    }
}

impl Shape {
    /// A value of a type that says nothing of its form: the name of the type.
    pub fn of_type<T>() -> Self {
        let path = std::any::type_name::<T>();
        Self::Plain(path.rsplit("::").next().unwrap_or(path).to_owned())
    }
}
