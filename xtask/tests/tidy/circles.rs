//! No circle of files: what a file needs never leads back to it.
//!
//! An arrow goes from a file to the file that *defines* a name it uses, in an
//! import or in a qualified path; re-exports are followed. A module that only
//! declares its children, or re-exports their names, needs none of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::imports;
use crate::offence::Offence;
use crate::tree::File;

/// From each file to the files it needs, with the names that say so.
pub(crate) type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// No crate has files that need each other, directly or over others.
pub(crate) fn of_files(files: &[File]) -> Vec<Offence> {
    let homes: BTreeSet<&str> =
        files.iter().filter_map(File::source).map(|(home, _)| home).collect();
    homes.into_iter().flat_map(|home| in_crate(home, files)).collect()
}

/// The circles of the crate in the folder `home`.
fn in_crate(home: &str, files: &[File]) -> Vec<Offence> {
    let arrows = imports::arrows(home, files);
    let circles = circles(&arrows);
    circles.iter().map(|circle| offence(home, circle, &arrows)).collect()
}

fn offence(home: &str, circle: &BTreeSet<&str>, arrows: &Arrows) -> Offence {
    let short = |path: &str| {
        path.strip_prefix(home).map_or(path, |path| path.trim_start_matches("/src/")).to_owned()
    };
    let mut what = format!("{} files need each other: turn the weakest need around", circle.len());
    for from in circle {
        for (to, names) in arrows[*from].iter().filter(|(to, _)| circle.contains(to.as_str())) {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            what += &format!("\n    {} -> {}: {}", short(from), short(to), names.join(", "));
        }
    }
    Offence::new(circle.first().unwrap_or(&home), 1, what)
}

/// The largest sets of files that all reach each other.
fn circles(arrows: &Arrows) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|from| (from.as_str(), reachable(from, arrows))).collect();
    let reaches = |from: &str, to: &str| reached.get(from).is_some_and(|set| set.contains(to));
    let mut found = BTreeSet::new();
    for (from, targets) in reached.iter().filter(|(from, targets)| targets.contains(*from)) {
        found.insert(targets.iter().copied().filter(|to| reaches(to, from)).collect());
    }
    found.into_iter().collect()
}

/// Every file that can be reached from `from` over at least one arrow.
fn reachable<'a>(from: &'a str, arrows: &'a Arrows) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let next = arrows.get(file).into_iter().flat_map(BTreeMap::keys);
        open.extend(next.map(String::as_str).filter(|next| reached.insert(*next)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::in_crate;
    use crate::tree::File;

    /// The circles of a crate with these files, each as the arrows that tie it.
    fn circles(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let file = |(path, text): &(&str, &str)| File::new(&format!("crates/a/src/{path}"), text);
        let files: Vec<_> = files.iter().map(file).collect();
        let arrows = |what: &str| what.lines().skip(1).map(|line| line.trim().to_owned()).collect();
        in_crate("crates/a", &files).iter().map(|offence| arrows(&offence.what)).collect()
    }

    #[test]
    fn finds_two_files_that_import_each_other() {
        let found = circles(&[
            ("lib.rs", "mod b; mod c; mod d;"),
            ("b.rs", "use crate::c::C; pub struct B(C);"),
            ("c.rs", "use super::b::B; pub struct C(B);"),
            ("d.rs", "use crate::c::C; pub struct D(C);"),
        ]);
        assert_eq!(found, [["b.rs -> c.rs: C", "c.rs -> b.rs: B"]]);
    }

    #[test]
    fn finds_three_files_tied_by_re_exports() {
        let found = circles(&[
            ("lib.rs", "pub mod room; pub use room::C as Front;"),
            ("room/mod.rs", "mod b; mod c; mod d; pub use b::B; pub use c::C; pub use d::D;"),
            ("room/b.rs", "use super::C; pub struct B(C);"),
            ("room/c.rs", "use crate::room::D; pub struct C(D);"),
            ("room/d.rs", "pub struct D; fn f() { crate::Front::g(); super::B::h() }"),
        ]);
        let arrows = [
            "room/b.rs -> room/c.rs: C",
            "room/c.rs -> room/d.rs: D",
            "room/d.rs -> room/b.rs: B",
            "room/d.rs -> room/c.rs: C",
        ];
        assert_eq!(found, [arrows]);
    }

    #[test]
    fn finds_a_tie_in_a_qualified_path_a_macro_and_behind_a_module_alias() {
        let b = ("b.rs", "use super::c; pub const B: u8 = c::C;");
        let root = ("lib.rs", "mod b; mod c;");
        for text in [
            "pub const C: u8 = crate::b::B;",
            "pub const C: u8 = 1; fn f() { println!(\"{}\", super::b::B) }",
            "pub const C: u8 = 1; fn f() { use super::b as other; let _ = other::B; }",
        ] {
            let found = circles(&[root, b, ("c.rs", text)]);
            assert_eq!(found, [["b.rs -> c.rs: C", "c.rs -> b.rs: B"]], "{text}");
        }
    }

    #[test]
    fn finds_a_child_that_needs_a_parent_that_needs_it() {
        let parent = "mod child; use child::Child; pub struct Parent(Child);";
        let child = ("room/child.rs", "use super::Parent; pub struct Child(Box<Parent>);");
        let found = circles(&[("lib.rs", "mod room;"), ("room/mod.rs", parent), child]);
        let arrows =
            ["room/child.rs -> room/mod.rs: Parent", "room/mod.rs -> room/child.rs: Child"];
        assert_eq!(found, [arrows]);
        let used = "mod child; pub use child::Child; pub struct Parent(Child);";
        assert_eq!(circles(&[("lib.rs", "mod room;"), ("room/mod.rs", used), child]), [arrows]);
    }

    #[test]
    fn a_parent_may_declare_its_children_and_give_their_names_on() {
        let root = ("lib.rs", "mod room; pub use room::{Child, Other};");
        let parent = "mod child; mod other; pub use child::Child; pub(crate) use other::*;
                      pub struct Parent;";
        let child = "use super::{Other, Parent}; pub struct Child(Parent, Other);";
        let other = ("room/other.rs", "pub struct Other;");
        let found = circles(&[root, ("room/mod.rs", parent), ("room/child.rs", child), other]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_function_named_like_its_file_is_followed() {
        let root = ("lib.rs", "mod settle; mod run; pub use settle::settle; pub use run::run;");
        let settle = ("settle.rs", "pub fn settle() { crate::run() }");
        let run = ("run.rs", "use crate::settle; pub fn run() { settle() }");
        let found = circles(&[root, settle, run]);
        assert_eq!(found, [["run.rs -> settle.rs: settle", "settle.rs -> run.rs: run"]]);
    }

    #[test]
    fn what_only_tests_need_ties_nothing() {
        let b = "use crate::c::C; pub struct B(C);
                 #[cfg(test)] mod tests { use super::B; fn f(_: B) {} }";
        let c = "pub struct C;
                 #[cfg(test)] mod tests { use crate::b::B; fn f(_: B) {} }
                 #[cfg(test)] use crate::b::B; #[cfg(test)] fn g(_: B) {}";
        assert!(circles(&[("lib.rs", "mod b; mod c;"), ("b.rs", b), ("c.rs", c)]).is_empty());
    }

    #[test]
    fn programs_and_files_at_a_path_of_their_own_are_followed() {
        let manifest = File::new("crates/a/Cargo.toml", "[[bin]]\npath = \"src/tool/main.rs\"\n");
        let file = |path: &str, text| File::new(&format!("crates/a/src/tool/{path}"), text);
        let files = [
            manifest,
            file("main.rs", "mod b; #[path = \"elsewhere.rs\"] mod c;"),
            file("b.rs", "use crate::c::C; pub struct B(C);"),
            file("elsewhere.rs", "use crate::b::B; pub struct C(B);"),
        ];
        let found = in_crate("crates/a", &files);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "crates/a/src/tool/b.rs");
    }
}
