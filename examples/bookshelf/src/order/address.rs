//! Where an order goes.

use protean::value_object;

/// A postal address. A missing part counts as empty, so that it is
/// reported together with everything else that is wrong.
#[value_object]
#[derive(Default)]
#[serde(default)]
pub struct Address {
    #[field(max_length = 200)]
    pub street: String,
    #[field(max_length = 20)]
    pub postcode: String,
    #[field(max_length = 100)]
    pub city: String,
    #[field(max_length = 60)]
    pub country: String,
}
