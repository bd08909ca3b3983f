//! `[server.health]`: the port that tells whether the server is well.

use super::section::Section;

/// The health endpoint of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it is served.
    pub enabled: bool,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 lets the system choose.
    pub port: u16,
    /// Whether the next free port is taken when this one is not.
    pub port_auto_increment: bool,
}

impl Health {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            enabled: section.flag("enabled").unwrap_or(true),
            host: section.text("host").unwrap_or("127.0.0.1".into()),
            port: section.whole("port", 0..=u16::MAX.into()).unwrap_or(8080),
            port_auto_increment: section.flag("port_auto_increment").unwrap_or(false),
        }
    }
}
