//! Prints texts as Python does in JSON: in ASCII, with one way to escape each character.

use std::iter;

/// Prints the text whose opening quote is at `at`, and returns the index after its end.
///
/// # Errors
/// The index of an invalid character.
pub(super) fn print(json: &str, at: usize, out: &mut Vec<u8>) -> Result<usize, usize> {
    let bytes = json.as_bytes();
    let mut at = at + 1;
    out.push(b'"');
    loop {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let plain = rest.iter().position(|byte| !is_plain(*byte)).ok_or(bytes.len())?;
        out.extend_from_slice(&rest[..plain]);
        at += plain;
        match bytes[at] {
            b'"' => break,
            b'\\' => {
                let (unit, length) = escaped(&bytes[at..]).ok_or(at)?;
                print_unit(unit, out);
                at += length;
            }
            ..b' ' => return Err(at),
            _ => {
                let letter = json.get(at..).and_then(|rest| rest.chars().next()).ok_or(at)?;
                letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| print_unit(*unit, out));
                at += letter.len_utf8();
            }
        }
    }
    out.push(b'"');
    Ok(at + 1)
}

/// The code points of a printed text, without its quotes. A surrogate that has
/// no partner, which Python lets through, stands for itself.
pub(super) fn code_points(printed: &[u8]) -> impl Iterator<Item = u32> {
    let mut rest = printed;
    iter::from_fn(move || {
        let first = next_unit(&mut rest)?;
        let mut after = rest;
        match (first, next_unit(&mut after)) {
            (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
                rest = after;
                Some(0x1_0000 + ((u32::from(first) - 0xd800) << 10) + u32::from(second) - 0xdc00)
            }
            _ => Some(u32::from(first)),
        }
    })
}

/// Takes the first UTF-16 unit of a printed text.
fn next_unit(rest: &mut &[u8]) -> Option<u16> {
    let (unit, length) = match *rest.first()? {
        b'\\' => escaped(rest)?,
        byte => (u16::from(byte), 1),
    };
    *rest = rest.get(length..)?;
    Some(unit)
}

/// Bytes that stand for themselves.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// The UTF-16 unit of the escape at the start, and how many bytes it takes.
fn escaped(bytes: &[u8]) -> Option<(u16, usize)> {
    let unit = match *bytes.get(1)? {
        byte @ (b'"' | b'\\' | b'/') => byte,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            let mut digits = bytes.get(2..6)?.iter().map(digit);
            let unit = digits.try_fold(0, |unit, digit| Some(unit * 16 + digit?))?;
            return Some((u16::try_from(unit).ok()?, 6));
        }
        _ => return None,
    };
    Some((u16::from(unit), 2))
}

fn print_unit(unit: u16, out: &mut Vec<u8>) {
    let short = match unit {
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        0x22 => b'"',
        0x5c => b'\\',
        0x20..=0x7e => return out.extend(u8::try_from(unit)),
        _ => {
            let digit = |place: u16| b"0123456789abcdef"[usize::from(unit >> place & 0xf)];
            return out.extend([b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
        }
    };
    out.extend([b'\\', short]);
}
