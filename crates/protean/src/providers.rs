//! The databases that a domain can be configured for.

use protean_core::domain::DomainBuilder;

/// Declares a domain by this name, ready for every database this crate was
/// built with: `memory`, and `sqlite` with the feature of that name (default).
///
/// ```
/// let fidelis = protean::domain("fidelis").build()?;
/// assert_eq!(fidelis.name(), "fidelis");
/// # Ok::<(), protean::BuildError>(())
/// ```
pub fn domain(name: &str) -> DomainBuilder {
    let builder = DomainBuilder::new(name);
    #[cfg(feature = "sqlite")]
    let builder = builder.provider(protean_sqlite::Sqlite);
    builder
}
