//! Prints numbers as Python does.

/// The number of decimal digits that survive a conversion to `f64` and back.
const EXACT_DIGITS: usize = 15;

/// Prints the number at the start of `json` and returns its length; `None` if there is none.
pub(super) fn print(json: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let sign = usize::from(json.first() == Some(&b'-'));
    let whole = digits(json, sign);
    if whole == 0 || (whole > 1 && json[sign] == b'0') {
        return None;
    }
    let point = sign + whole;
    let (fraction, mut end) = match json.get(point) {
        Some(b'.') => (some_digits(json, point + 1)?, point + 1),
        _ => (0, point),
    };
    end += fraction;
    let raised = matches!(json.get(end), Some(b'e' | b'E'));
    if raised {
        let signed = usize::from(matches!(json.get(end + 1), Some(b'+' | b'-')));
        end += 1 + signed + some_digits(json, end + 1 + signed)?;
    }
    let number = &json[..end];
    match (fraction, raised) {
        // An integer has no negative zero.
        (0, false) if number == b"-0" => out.push(b'0'),
        (0, false) => out.extend_from_slice(number),
        (_, false) if is_shortest(&json[sign..point], &json[point + 1..end]) => {
            out.extend_from_slice(number);
        }
        _ => repr(str::from_utf8(number).ok()?.parse().ok()?, out),
    }
    Some(end)
}

/// How many digits stand at a place.
fn digits(json: &[u8], at: usize) -> usize {
    json.iter().skip(at).take_while(|byte| byte.is_ascii_digit()).count()
}

fn some_digits(json: &[u8], at: usize) -> Option<usize> {
    Some(digits(json, at)).filter(|count| *count > 0)
}

/// Whether Python prints these digits around a point as they are: few enough to
/// survive, with no zero too many, and not so small that it takes an exponent.
fn is_shortest(whole: &[u8], fraction: &[u8]) -> bool {
    whole.len() + fraction.len() <= EXACT_DIGITS
        && (fraction == b"0" || !fraction.ends_with(b"0"))
        && (whole != b"0" || fraction == b"0" || !fraction.starts_with(b"0000"))
}

/// Prints a float as `repr` of Python does.
fn repr(number: f64, out: &mut Vec<u8>) {
    if number.is_sign_negative() {
        out.push(b'-');
    }
    // What is too large to hold is infinite, and Python says so in JSON too.
    if number.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    let (digits, exponent) = shortest(number.abs());
    match exponent {
        0..=15 => {
            let point = usize::from(exponent.unsigned_abs()) + 1;
            let (whole, fraction) = digits.split_at(point.min(digits.len()));
            out.extend_from_slice(whole);
            out.resize(out.len() + point - whole.len(), b'0');
            out.push(b'.');
            out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
        }
        -4..0 => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + usize::from(exponent.unsigned_abs()) - 1, b'0');
            out.extend_from_slice(&digits);
        }
        _ => print_raised(&digits, exponent, out),
    }
}

/// The fewest digits that give the float back, and the power of ten of the first.
fn shortest(number: f64) -> (Vec<u8>, i16) {
    // Of two that are equally near Python takes the even one, as `serde_json`
    // does; `format!` takes the larger.
    let text = serde_json::to_string(&number).unwrap_or_default();
    let (mantissa, raised) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return (b"0".to_vec(), 0);
    }
    let places = |count: usize| i16::try_from(count).unwrap_or_default();
    let raised: i16 = raised.parse().unwrap_or_default();
    (digits.into(), raised + places(whole.len()) - 1 - places(zeros))
}

/// `1.5e-05`: the exponent has a sign and at least two digits.
fn print_raised(digits: &[u8], exponent: i16, out: &mut Vec<u8>) {
    out.extend_from_slice(&digits[..1]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
}
