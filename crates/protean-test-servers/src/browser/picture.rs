//! Pictures of a page.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::page::Page;

impl Page {
    /// Writes a picture of what is seen, as PNG.
    ///
    /// # Panics
    /// When it cannot be taken or written.
    pub fn photograph(&self, file: &Path) {
        let taken = self.must("Page.captureScreenshot", json!({ "format": "png" }));
        let picture = STANDARD.decode(taken["data"].as_str().unwrap_or_default());
        let picture = picture.unwrap_or_else(|error| panic!("no picture: {error}"));
        let written = std::fs::write(file, picture);
        written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", file.display()));
    }
}
