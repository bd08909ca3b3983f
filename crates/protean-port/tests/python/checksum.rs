//! Random JSON has the checksum that Python gives it.

use proptest::collection::vec;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{TestCaseError, TestRunner};
use protean_port::message::Checksum;
use protean_test_servers::Python;

use crate::interpreter::Interpreter;

const CASES: u32 = 5_000;

fn asked() -> Interpreter {
    Interpreter::run(&Python::plain().unwrap(), include_str!("checksum.py"))
}

fn compare(python: &mut Interpreter, json: &str) -> Result<(), String> {
    let answer = python.ask(json);
    let (expected, text) = answer.split_once(' ').unwrap();
    match Checksum::of(json) {
        Ok(checksum) if checksum.as_str() == expected => Ok(()),
        Ok(_) => Err(format!("another checksum than Python's for {json}\nPython prints {text}")),
        Err(unreadable) => Err(format!("{unreadable}: {json}\nPython prints {text}")),
    }
}

/// Letters as they may stand in a text, one or an escape of one.
fn letters() -> impl Strategy<Value = String> {
    let short = select(vec!["\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"]);
    let edges = select(vec!['\u{7f}', '\u{80}', '\u{7ff}', '\u{e000}', '\u{ffff}', '\u{10000}']);
    let wild = any::<char>().prop_map(|letter| match letter {
        '"' | '\\' => "".to_owned(),
        control if control.is_ascii_control() => format!("\\u{:04x}", u32::from(control)),
        letter => letter.to_string(),
    });
    prop_oneof![
        8 => select(vec!["a", "b", "Z", "_", " ", "~", "\u{e9}"]).prop_map(str::to_owned),
        2 => short.prop_map(str::to_owned),
        1 => edges.prop_map(String::from),
        2 => wild,
        1 => any::<u16>().prop_map(|unit| format!("\\u{unit:04x}")),
        1 => (0xd800_u16..0xe000).prop_map(|surrogate| format!("\\u{surrogate:04X}")),
        1 => (0_u16..0x80).prop_map(|unit| format!("\\u{unit:04X}")),
    ]
}

/// Short ones are often equal, so that objects have equal keys.
fn text() -> impl Strategy<Value = String> {
    let long = vec(letters(), 0..24);
    prop_oneof![vec(letters(), 0..3), long].prop_map(|letters| format!("\"{}\"", letters.concat()))
}

fn digits(most: usize) -> impl Strategy<Value = String> {
    let zeros = prop_oneof![Just(0), Just(0), 0..most];
    (zeros, vec(0_u8..10, 1..=most), 0..3_usize).prop_map(|(zeros, digits, after)| {
        let digits: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        format!("{}{digits}{}", "0".repeat(zeros), "0".repeat(after))
    })
}

fn whole() -> impl Strategy<Value = String> {
    (select(vec!["", "-"]), prop_oneof![digits(3), digits(40)]).prop_map(|(sign, digits)| {
        let digits = digits.trim_start_matches('0');
        format!("{sign}{}", if digits.is_empty() { "0" } else { digits })
    })
}

fn number() -> impl Strategy<Value = String> {
    let finite =
        any::<u64>().prop_map(f64::from_bits).prop_map(|f| if f.is_finite() { f } else { 0.1 });
    let raised = (select(vec!["e", "E", "e+", "e-", "E-"]), 0..400_u32);
    let fraction = prop_oneof![digits(6), digits(20)];
    // Many of these lie just between two that are as short.
    let halves = ((1_i64 << 44)..(1 << 54), -6..12_i32);
    prop_oneof![
        whole(),
        (whole(), fraction).prop_map(|(whole, fraction)| format!("{whole}.{fraction}")),
        (whole(), digits(20), raised.clone()).prop_map(|(whole, fraction, (e, exponent))| format!(
            "{whole}.{fraction}{e}{exponent}"
        )),
        (whole(), raised).prop_map(|(whole, (e, exponent))| format!("{whole}{e}{exponent}")),
        finite.prop_map(|float| format!("{float:e}")),
        (-1e20..1e20).prop_map(|float: f64| format!("{float:?}")),
        halves.prop_map(|(odd, exponent)| format!("{:?}", odd as f64 * f64::powi(2.0, exponent))),
        (-2.0..2.0).prop_map(|float: f64| format!("{:?}", float.powi(40))),
    ]
}

fn json() -> impl Strategy<Value = String> {
    let words = select(vec!["null", "true", "false"]).prop_map(str::to_owned);
    let leaf = prop_oneof![1 => words, 3 => text(), 4 => number()];
    let space = || select(vec!["", "", "", " ", "\t", "  "]);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let list = (vec(inner.clone(), 0..6), space()).prop_map(|(values, space)| {
            format!("[{space}{}{space}]", values.join(&format!("{space},")))
        });
        let member = (text(), space(), inner)
            .prop_map(|(name, s, value)| format!("{name}{s}:{s}{value}{s}"));
        let object = (vec(member, 0..8), space())
            .prop_map(|(members, space)| format!("{{{space}{}}}", members.join(",")));
        prop_oneof![1 => list, 2 => object]
    })
}

#[test]
#[ignore = "needs Python: cargo xtask test"]
fn random_json_has_the_checksum_that_python_gives_it() {
    let mut python = asked();
    let python = std::cell::RefCell::new(&mut python);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) };
    let compared = TestRunner::new(config)
        .run(&json(), |json| compare(&mut python.borrow_mut(), &json).map_err(TestCaseError::fail));
    compared.unwrap();
}

#[test]
#[ignore = "needs Python: cargo xtask test"]
fn every_power_of_two_and_ten_and_its_neighbours_print_as_in_python() {
    let mut python = asked();
    let twos = (-1074..1024).map(|exponent| f64::powi(2.0, exponent));
    let tens = (-323..309).map(|exponent| format!("1e{exponent}").parse().unwrap());
    for float in twos.chain(tens).flat_map(|float| [float.next_down(), float, float.next_up()]) {
        let float = float.abs();
        if float.is_finite() {
            compare(&mut python, &format!("[{float:e},{float}, -{float:?}]")).unwrap();
        }
    }
}

#[test]
#[ignore = "needs Python: cargo xtask test"]
fn numbers_at_the_edges_print_as_in_python() {
    let mut python = asked();
    let edges = [
        "-0",
        "-0.0",
        "0e0",
        "1.0",
        "1e0",
        "9999999999999998.0",
        "1e16",
        "1e15",
        "123456789012345.6",
        "12345678901234.50",
        "0.0001",
        "0.00001",
        "0.00012300",
        "1e22",
        "1e23",
        "5e-324",
        "2e-324",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "-1e400",
        "1e-400",
        "9007199254740993",
        "9007199254740993.0",
        "18446744073709551616",
        "-9223372036854775809",
        "0.1000000000000000055",
        "600000000000000.2",
        "5.684341886080802e-14",
    ];
    for number in edges {
        compare(&mut python, number).unwrap();
    }
    compare(&mut python, &"9".repeat(4300)).unwrap();
    compare(&mut python, &format!("0.{}1", "0".repeat(2000))).unwrap();
}
