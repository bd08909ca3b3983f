//! Where an order goes.

use protean::value_object;

/// A postal address. A missing part counts as empty, so that it is
/// reported together with everything else that is wrong.
#[value_object]
#[derive(Default)]
#[serde(default)]
pub struct Address {
    #[field(max_length = 200, blank = false)]
    pub street: String,
    #[field(max_length = 20, blank = false)]
    pub postcode: String,
    #[field(max_length = 100, blank = false)]
    pub city: String,
    #[field(max_length = 60, blank = false)]
    pub country: String,
}
