//! The mouse and the keyboard.

use serde_json::{Value, json};

use super::page::{Page, query};

/// A key that does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// To the next control.
    Tab,
    /// To the one before.
    BackTab,
    /// Follows a link, presses a button.
    Enter,
    /// Presses a button, ticks a box.
    Space,
    /// Leaves a dialog.
    Escape,
}

/// The description of a key that the browser's protocol takes.
struct Stroke {
    key: &'static str,
    code: &'static str,
    number: u32,
    text: &'static str,
    shift: u32,
}

/// A point to click on, or why there is none.
const POINT: &str = "(element => {
    if (!element) return 'there is no such element';
    element.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    // Of a link that goes on in the next line, the part in the first one.
    const box = element.getClientRects()[0];
    if (!box?.width || !box.height) return 'it takes no room';
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const top = document.elementFromPoint(x, y);
    if (!element.contains(top)) return 'it is behind ' + (top?.outerHTML.slice(0, 200) ?? 'the edge');
    return { x, y };
})";

impl Page {
    /// Clicks in the middle of the first element that the selector finds, after scrolling to it.
    ///
    /// # Panics
    /// When it is not there, takes no room, or is behind another element.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        // Until its style is there, everything moves.
        self.wait_until("document.readyState === 'complete'");
        let point = self.evaluate(&format!("{POINT}({})", query(selector)));
        if let Some(why) = point.as_str() {
            panic!("{selector} cannot be clicked: {why}");
        }
        for what in ["mousePressed", "mouseReleased"] {
            let at = (&point["x"], &point["y"]);
            let event =
                json!({ "type": what, "x": at.0, "y": at.1, "button": "left", "clickCount": 1 });
            self.must("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key and lets it go.
    ///
    /// # Panics
    /// When the browser has ended.
    pub fn press(&self, key: Key) {
        let Stroke { key, code, number, text, shift } = key.stroke();
        for what in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": what, "key": key, "code": code, "modifiers": shift,
                                    "windowsVirtualKeyCode": number });
            if what == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.must("Input.dispatchKeyEvent", event);
        }
    }

    /// Types text where the focus is.
    ///
    /// # Panics
    /// When the browser has ended.
    pub fn type_text(&self, text: &str) {
        self.must("Input.insertText", json!({ "text": text }));
    }

    /// Gives the page the focus of the keyboard, as if its window were the one in use.
    ///
    /// # Panics
    /// When the browser has ended.
    pub fn take_the_keyboard(&self) {
        self.must("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
    }

    /// Puts a text into a field, in place of what it held.
    ///
    /// # Panics
    /// When there is no such field.
    #[track_caller]
    pub fn fill(&self, selector: &str, text: &str) {
        let field = query(selector);
        let found =
            self.evaluate(&format!("({field}?.focus(), {field}?.select(), {field} !== null)"));
        assert_eq!(found, Value::Bool(true), "no {selector}");
        self.type_text(text);
    }
}

impl Key {
    fn stroke(self) -> Stroke {
        let (key, code, number, text) = match self {
            Self::Tab | Self::BackTab => ("Tab", "Tab", 9, ""),
            Self::Enter => ("Enter", "Enter", 13, "\r"),
            Self::Space => (" ", "Space", 32, " "),
            Self::Escape => ("Escape", "Escape", 27, ""),
        };
        let shift = if self == Self::BackTab { 8 } else { 0 };
        Stroke { key, code, number, text, shift }
    }
}
