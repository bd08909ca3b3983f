//! Parcels of random values of every kind, and the chest that has a column for each of them.

use std::collections::BTreeMap;

use proptest::prelude::{Just, Strategy, any, prop};
use proptest::prop_oneof;
use protean::{
    Date, Decimal, Id, Json, Root, Timestamp, aggregate, aggregate_impl, entity, value_object,
};

/// A value object and an aggregate with these fields: those of a value object in a list are JSON,
/// those of an aggregate are columns.
macro_rules! with_fields {
    ($($field:ident: [$($type:tt)*],)*) => {
        #[value_object]
        #[derive(Debug, Clone, PartialEq)]
        pub(super) struct Parcel {
            $(pub(super) $field: $($type)*,)*
            numbers: Vec<i64>,
            words: Vec<String>,
        }

        #[aggregate]
        #[derive(Debug)]
        pub(super) struct Chest {
            pub(super) root: Root<Chest>,
            case: String,
            $($field: $($type)*,)*
            pub(super) parcels: Vec<Parcel>,
        }

        impl Chest {
            pub(super) fn of(id: &str, case: &str, parcel: &Parcel) -> Self {
                let Parcel { $($field,)* .. } = parcel.clone();
                let (root, case, parcels) = (Root::with_id(id), case.to_owned(), vec![parcel.clone()]);
                Self { root, case, $($field,)* parcels }
            }

            /// What its columns hold, and the rest of what it was made of.
            pub(super) fn parcel(&self) -> Parcel {
                Parcel { $($field: self.$field.clone(),)* ..self.parcels[0].clone() }
            }
        }
    };
}

with_fields! {
    text: [String],
    flag: [bool],
    small: [i8],
    whole: [i64],
    large: [u64],
    real: [f64],
    price: [Decimal],
    moment: [Timestamp],
    day: [Date],
    maybe_text: [Option<String>],
    maybe_real: [Option<f64>],
    maybe_price: [Option<Decimal>],
    maybe_moment: [Option<Timestamp>],
    name: [Name],
    prices: [BTreeMap<Name, Decimal>],
    free: [Json],
    maybe_tag: [Option<Tag>],
}

#[value_object]
pub(super) struct Name(String);

#[entity]
pub(super) struct Tag {
    id: Id,
    price: Decimal,
    free: Json,
}

#[aggregate_impl]
impl Chest {}

/// Edges half of the time.
fn of<T: std::fmt::Debug + Clone + 'static>(
    edges: Vec<T>,
    others: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![prop::sample::select(edges), others]
}

fn text() -> impl Strategy<Value = String> {
    let edges =
        ["", " ", "null", "0", "a\0b", "'", "\"\\", "ä🦀\u{ffff}", "\u{feff}", "\r\n\t", "{}"];
    let edges = edges.map(str::to_owned).into_iter().chain(["x".repeat(9_000)]);
    of(edges.collect(), ".{0,12}")
}

fn real() -> impl Strategy<Value = f64> {
    let edges = vec![
        0.0,
        -0.0,
        f64::MIN,
        f64::MAX,
        f64::MIN_POSITIVE,
        5e-324,
        f64::EPSILON,
        0.1,
        1e16,
        9_007_199_254_740_993.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    of(edges, any::<f64>())
}

fn price() -> impl Strategy<Value = Decimal> {
    let edges = [
        "0",
        "-0.00",
        "1.10",
        "1.1",
        "79228162514264337593543950335",
        "-79228162514264337593543950335",
        "0.0000000000000000000000000001",
        "7.9228162514264337593543950335",
        "9.99",
    ];
    let edges = edges.map(|digits| digits.parse().unwrap()).to_vec();
    of(edges, (any::<i64>(), 0_u32..28).prop_map(|(units, scale)| Decimal::new(units, scale)))
}

fn moment() -> impl Strategy<Value = Timestamp> {
    let edges = [0, -1, 1, 999_999, -62_135_596_800_000_000, i64::MAX, i64::MIN];
    let edges = edges.map(Timestamp::from_micros).into_iter();
    let edges = edges.chain([Timestamp::MIN, Timestamp::MAX]).collect();
    of(edges, any::<i64>().prop_map(Timestamp::from_micros))
}

fn day() -> impl Strategy<Value = Date> {
    let edges = [(1, 1, 1), (9999, 12, 31), (1970, 1, 1), (2000, 2, 29), (1969, 12, 31)];
    let edges = edges.map(|(year, month, day)| Date::new(year, month, day).unwrap()).to_vec();
    let others = (1_i16..=9999, 1_i8..=12, 1_i8..=28);
    of(edges, others.prop_map(|(year, month, day)| Date::new(year, month, day).unwrap()))
}

fn whole() -> impl Strategy<Value = i64> {
    of(vec![0, -1, i64::MIN, i64::MAX, 1 << 53, (1 << 53) + 1], any::<i64>())
}

fn free() -> impl Strategy<Value = Json> {
    let texts = ["null", "0.1234567890123456789012", "[]", "{\"b\":1.50,\"a\":[\"\\u0000\"]}"];
    let texts = texts.map(|text| text.parse().unwrap()).to_vec();
    of(texts, text().prop_map(|text| Json::of(&text).unwrap()))
}

type Nested = (Name, BTreeMap<Name, Decimal>, Json, Option<Tag>);

fn nested() -> impl Strategy<Value = Nested> {
    let name = || text().prop_map(Name::from);
    let tag = (price(), free()).prop_map(|(price, free)| Tag { id: "1".into(), price, free });
    (name(), prop::collection::btree_map(name(), price(), 0..3), free(), prop::option::of(tag))
}

pub(super) fn parcel() -> impl Strategy<Value = Parcel> {
    let large =
        of(vec![0, u64::MAX, i64::MAX.unsigned_abs(), i64::MAX.unsigned_abs() + 1], any::<u64>());
    // Most of them fit, so that more than refusals are compared.
    let large = prop_oneof![3 => large.prop_map(|large| large >> 1), 1 => Just(u64::MAX)];
    let plain =
        (text(), any::<bool>(), any::<i8>(), whole(), large, real(), price(), moment(), day());
    let maybe = (
        prop::option::of(text()),
        prop::option::of(real()),
        prop::option::of(price()),
        prop::option::of(moment()),
    );
    let lists = (prop::collection::vec(whole(), 0..3), prop::collection::vec(text(), 0..3));
    (plain, maybe, lists, nested()).prop_map(|(plain, maybe, (numbers, words), nested)| {
        let (name, prices, free, maybe_tag) = nested;
        let (text, flag, small, whole, large, real, price, moment, day) = plain;
        let (maybe_text, maybe_real, maybe_price, maybe_moment) = maybe;
        Parcel {
            text,
            flag,
            small,
            whole,
            large,
            real,
            price,
            moment,
            day,
            maybe_text,
            maybe_real,
            maybe_price,
            maybe_moment,
            name,
            prices,
            free,
            maybe_tag,
            numbers,
            words,
        }
    })
}
