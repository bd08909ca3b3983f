//! Names of people, as a place with customers from everywhere has them.

use crate::random::Random;

/// Given names, family names, and what stands between them.
struct Script {
    given: &'static [&'static str],
    family: &'static [&'static str],
    /// Family name first and nothing in between.
    joined: bool,
}

const LATIN: Script = Script {
    given: &[
        "Alice",
        "Bruno",
        "Chiara",
        "Dagmar",
        "Émile",
        "Fiona",
        "Gunnar",
        "Håkon",
        "Inês",
        "Jörg",
        "Katarzyna",
        "Łukasz",
        "María José",
        "Niamh",
        "Özgür",
        "Patrícia",
        "Renée",
        "Sören",
        "Thandiwe",
        "Zoë",
    ],
    family: &[
        "Johnson",
        "O'Neill",
        "Müller-Lüdenscheidt",
        "García Márquez",
        "Şahin",
        "Nowak",
        "de la Cruz",
        "Sørensen",
        "Dvořák",
        "Nguyễn",
        "van der Berg",
        "Okonkwo",
        "Þorsteinsdóttir",
        "Rossi, Jr.",
        "Kovač",
    ],
    joined: false,
};

const GREEK: Script = Script {
    given: &["Ελένη", "Γιώργος", "Αικατερίνη", "Νίκος"],
    family: &["Παπαδόπουλος", "Οικονόμου", "Βασιλείου"],
    joined: false,
};

const CYRILLIC: Script = Script {
    given: &["Ольга", "Дмитрий", "Їванна", "Ђорђе"],
    family: &["Иванова", "Шевченко", "Петровић"],
    joined: false,
};

const HAN: Script = Script {
    given: &["伟", "秀英", "健一", "美咲"],
    family: &["王", "李", "佐藤", "欧阳"],
    joined: true,
};

const HANGUL: Script =
    Script { given: &["서연", "민준", "지우"], family: &["김", "이", "박"], joined: true };

const ARABIC: Script = Script {
    given: &["محمد", "فاطمة", "يوسف"],
    family: &["الهاشمي", "بن علي", "حداد"],
    joined: false,
};

const DEVANAGARI: Script =
    Script {
        given: &["अर्जुन", "प्रिया"], family: &["शर्मा", "श्रीवास्तव"], joined: false
    };

/// Accents as signs of their own, the way some systems export them.
const COMBINING: Script = Script {
    given: &["Jose\u{301}", "Zoe\u{308}", "A\u{30a}sa"],
    family: &["Nguye\u{302}\u{303}n", "Mu\u{308}ller", "C\u{327}elik"],
    joined: false,
};

/// A name. One in four is not Latin.
pub fn name(random: &mut Random) -> String {
    let script = match random.below(28) {
        0 => &GREEK,
        1 => &CYRILLIC,
        2 => &HAN,
        3 => &HANGUL,
        4 => &ARABIC,
        5 => &DEVANAGARI,
        6 => &COMBINING,
        _ => &LATIN,
    };
    let mut part = |of: &[&'static str]| random.one_of(of).copied().unwrap_or_default();
    let (given, family) = (part(script.given), part(script.family));
    if script.joined { format!("{family}{given}") } else { format!("{given} {family}") }
}
