//! The habits of this workspace, held by a test.
//!
//! * `tree`: which files are looked at
//! * `code`: Rust text without comments and strings, as tokens
//! * `offence`: what a rule answers
//! * `rooms`: each room of the core looks only down
//! * `crates`: each crate depends only on crates below it
//! * `circles`: no circle of files; `imports` finds the arrows, `modules` follows names
//! * `adapters`: storage adapters share their file names
//! * `sizes`: files, module docs, folders, texts
//! * `functions`: lengths over the whole workspace
//! * `surface`: methods of ports and types, names in the prelude
//! * `words`: what is never written

use std::path::Path;

use crate::offence::Offence;
use crate::tree::File;

mod adapters;
mod circles;
mod code;
mod crates;
mod functions;
mod imports;
mod modules;
mod offence;
mod rooms;
mod sizes;
mod surface;
mod tree;
mod words;

type FileRule = fn(&File) -> Vec<Offence>;
type TreeRule = fn(&[File]) -> Vec<Offence>;

/// Rules that look at one file.
const FILE_RULES: &[FileRule] = &[
    rooms::look_only_down,
    crates::depend_only_downwards,
    sizes::of_a_file,
    sizes::of_inline_tests,
    sizes::of_a_module_doc,
    sizes::of_the_facade,
    sizes::of_the_texts,
    sizes::depth_of_folders,
    surface::of_a_port,
    surface::of_the_prelude,
    words::in_names,
    words::in_code,
    words::in_reasons,
    words::in_texts,
    words::in_urls,
];

/// Rules that look at all files together.
const TREE_RULES: &[TreeRule] = &[
    adapters::share_file_names,
    circles::of_files,
    rooms::share_the_core,
    sizes::folders_of_one_file,
    sizes::of_lessons,
    sizes::median_of_files,
    functions::lengths,
    surface::of_types,
];

fn offences(files: &[File]) -> Vec<Offence> {
    let each = files.iter().flat_map(|file| FILE_RULES.iter().flat_map(|rule| rule(file)));
    let mut all: Vec<_> = each.chain(TREE_RULES.iter().flat_map(|rule| rule(files))).collect();
    all.sort();
    all
}

#[test]
fn the_workspace_keeps_its_habits() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = tree::read(&root).unwrap();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "no workspace at {root:?}");
    let offences = offences(&files);
    let list: String = offences.iter().map(|offence| format!("{offence}\n")).collect();
    assert!(offences.is_empty(), "{} to put right:\n{list}", offences.len());
}

#[test]
fn lists_every_offence_and_not_only_the_first() {
    let files = [
        File::new("crates/a/src/utils.rs", "fn a() {\n    todo!()\n}\n"),
        File::new("crates/a/src/lib.rs", "use super::*;\n"),
    ];
    let found: Vec<_> = offences(&files).iter().map(|o| (o.path.clone(), o.line)).collect();
    assert_eq!(
        found,
        [
            ("crates/a/src/lib.rs".into(), 1),
            ("crates/a/src/utils.rs".into(), 1),
            ("crates/a/src/utils.rs".into(), 2),
        ]
    );
}
