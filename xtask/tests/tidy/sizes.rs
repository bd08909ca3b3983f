//! Files, module docs, folders and texts stay small.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::code;
use crate::offence::Offence;
use crate::tree::File;

const FILE: usize = 400;
const MEDIAN_FILE: usize = 130;
const INLINE_TESTS: usize = 150;
const MODULE_DOC: usize = 25;
const FACADE: (&str, usize) = ("crates/protean/src/lib.rs", 150);
const TEXTS: &[(&str, usize)] = &[("ARCHITECTURE.md", 300), ("CONTRIBUTING.md", 80)];
const DEPTH: usize = 2;
/// The examples to learn from have a number in front; all files of one together.
const LESSON: RangeInclusive<usize> = 60..=250;

/// A Rust file without its inline tests fits in 400 lines.
pub(crate) fn of_a_file(file: &File) -> Vec<Offence> {
    let lines = if file.is_test() { 0 } else { lines_without_tests(file) };
    over(file, lines, FILE, "lines without inline tests: cut it by noun")
}

/// Inline tests fit in 150 lines.
pub(crate) fn of_inline_tests(file: &File) -> Vec<Offence> {
    over(file, lines_of_tests(file), INLINE_TESTS, "lines of inline tests: give them a file beside")
}

/// A module doc fits in 25 lines.
pub(crate) fn of_a_module_doc(file: &File) -> Vec<Offence> {
    let lines = file.text.lines().skip_while(|line| line.trim().is_empty());
    let doc = lines.take_while(|line| line.starts_with("//!")).count();
    let doc = if file.path.ends_with(".rs") { doc } else { 0 };
    over(file, doc, MODULE_DOC, "lines of module doc: say less, or say it in the guide")
}

/// The front door is one screen or two.
pub(crate) fn of_the_facade(file: &File) -> Vec<Offence> {
    let lines = if file.path == FACADE.0 { file.text.lines().count() } else { 0 };
    over(file, lines, FACADE.1, "lines: the facade only names what other crates hold")
}

/// The texts at the root stay readable in one sitting.
pub(crate) fn of_the_texts(file: &File) -> Vec<Offence> {
    let Some((_, most)) = TEXTS.iter().find(|(name, _)| *name == file.path) else {
        return Vec::new();
    };
    over(file, file.text.lines().count(), *most, "lines: move detail into the guide")
}

/// Folders nest at most two deep below `src`.
pub(crate) fn depth_of_folders(file: &File) -> Vec<Offence> {
    let depth = below_src(&file.path).map_or(0, |(_, below)| below.matches('/').count());
    over(file, depth, DEPTH, "folders deep below `src`: flatten them")
}

/// No folder below `src` holds a single file and nothing else.
pub(crate) fn folders_of_one_file(files: &[File]) -> Vec<Offence> {
    let mut entries: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        let mut path = file.path.as_str();
        while let Some((folder, _)) = path.rsplit_once('/') {
            entries.entry(folder).or_default().push(path);
            path = folder;
        }
    }
    let below = entries.into_iter().filter(|(folder, _)| below_src(folder).is_some());
    let single = below.filter_map(|(_, inside)| <[&str; 1]>::try_from(inside).ok());
    let what = "the only file of its folder: move it up, or cut it in two";
    single.map(|[path]| Offence::new(path, 1, what)).collect()
}

/// An example to learn from is read in one sitting, its tests and settings included.
pub(crate) fn of_lessons(files: &[File]) -> Vec<Offence> {
    let mut lessons: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        let below = file.path.strip_prefix("examples/").and_then(|path| path.split_once('/'));
        if let Some((folder, _)) = below
            && folder.starts_with(|first: char| first.is_ascii_digit())
        {
            *lessons.entry(folder).or_default() += file.text.lines().count();
        }
    }
    let (least, most) = (LESSON.start(), LESSON.end());
    let what = |lines| format!("has {lines} lines in all its files, not {least} to {most}");
    let wrong = lessons.into_iter().filter(|(_, lines)| !LESSON.contains(lines));
    wrong.map(|(name, lines)| Offence::new(&format!("examples/{name}"), 1, what(lines))).collect()
}

/// Half of all source files are at most 130 lines long.
pub(crate) fn median_of_files(files: &[File]) -> Vec<Offence> {
    let sources = files.iter().filter(|file| file.source().is_some());
    let mut lengths: Vec<_> = sources.map(|file| (lines_without_tests(file), file)).collect();
    lengths.sort_by_key(|(lines, file)| (*lines, &file.path));
    match lengths.get(lengths.len() / 2) {
        Some((lines, file)) if *lines > MEDIAN_FILE => {
            let what = format!(
                "the median of all source files is {lines} lines, at most {MEDIAN_FILE}: cut the longer ones by noun"
            );
            vec![Offence::new(&file.path, 1, what)]
        }
        _ => Vec::new(),
    }
}

fn over(file: &File, found: usize, most: usize, what: &str) -> Vec<Offence> {
    let offence = || Offence::new(&file.path, 1, format!("{found} of at most {most} {what}"));
    (found > most).then(offence).into_iter().collect()
}

fn below_src(path: &str) -> Option<(&str, &str)> {
    path.split_once("/src/")
}

fn lines_of_tests(file: &File) -> usize {
    code::inline_tests(&code::tokens(&file.code)).into_iter().map(Iterator::count).sum()
}

fn lines_without_tests(file: &File) -> usize {
    if file.path.ends_with(".rs") { file.text.lines().count() - lines_of_tests(file) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{
        depth_of_folders, folders_of_one_file, median_of_files, of_a_file, of_a_module_doc,
        of_inline_tests, of_lessons, of_the_facade, of_the_texts,
    };
    use crate::offence::Offence;
    use crate::tree::File;

    fn hits(rule: fn(&File) -> Vec<Offence>, path: &str, text: &str) -> bool {
        !rule(&File::new(path, text)).is_empty()
    }

    fn tests_of(lines: usize) -> String {
        format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const A: u8 = 1;\n".repeat(lines - 3))
    }

    #[test]
    fn rejects_a_long_file_and_does_not_count_its_tests() {
        let lines = |count| "const A: u8 = 1;\n".repeat(count);
        assert!(hits(of_a_file, "crates/a/src/b.rs", &lines(401)));
        assert!(!hits(of_a_file, "crates/a/src/b.rs", &lines(400)));
        assert!(!hits(of_a_file, "crates/a/src/b.rs", &(lines(400) + &tests_of(100))));
    }

    #[test]
    fn rejects_long_inline_tests() {
        assert!(hits(of_inline_tests, "crates/a/src/b.rs", &tests_of(151)));
        assert!(!hits(of_inline_tests, "crates/a/src/b.rs", &tests_of(150)));
    }

    #[test]
    fn rejects_a_long_module_doc() {
        assert!(hits(of_a_module_doc, "a.rs", &"//! A.\n".repeat(26)));
        assert!(!hits(of_a_module_doc, "a.rs", &"//! A.\n".repeat(25)));
    }

    #[test]
    fn rejects_a_wide_front_door_and_long_texts() {
        assert!(hits(of_the_facade, "crates/protean/src/lib.rs", &"\n".repeat(151)));
        assert!(!hits(of_the_facade, "crates/other/src/lib.rs", &"\n".repeat(151)));
        assert!(hits(of_the_texts, "ARCHITECTURE.md", &"\n".repeat(301)));
        assert!(hits(of_the_texts, "CONTRIBUTING.md", &"\n".repeat(81)));
        assert!(!hits(of_the_texts, "CONTRIBUTING.md", &"\n".repeat(80)));
    }

    #[test]
    fn rejects_deep_folders() {
        assert!(hits(depth_of_folders, "crates/a/src/b/c/d/e.rs", ""));
        assert!(!hits(depth_of_folders, "crates/a/src/b/c/d.rs", ""));
    }

    #[test]
    fn rejects_a_folder_of_one_file() {
        let files = |paths: &[&str]| -> Vec<File> {
            paths.iter().map(|path| File::new(path, "")).collect()
        };
        let single = folders_of_one_file(&files(&["crates/a/src/lib.rs", "crates/a/src/b/mod.rs"]));
        assert_eq!(single.len(), 1);
        assert_eq!(single[0].path, "crates/a/src/b/mod.rs");
        assert!(folders_of_one_file(&files(&["c/a/src/b/mod.rs", "c/a/src/b/d.rs"])).is_empty());
    }

    #[test]
    fn rejects_an_example_to_learn_from_that_is_long_or_shows_nothing() {
        let file = |path: &str, lines| File::new(path, &"\n".repeat(lines));
        let found = |lines| {
            let of =
                [file("examples/01-a/src/main.rs", lines), file("examples/01-a/Cargo.toml", 20)];
            of_lessons(&of).len()
        };
        assert_eq!([39, 40, 230, 231].map(found), [1, 0, 0, 1]);
        assert!(of_lessons(&[file("examples/bank/src/main.rs", 300)]).is_empty());
    }

    #[test]
    fn rejects_a_median_that_grows() {
        let file = |lines| File::new("crates/a/src/b.rs", &"\n".repeat(lines));
        assert_eq!(median_of_files(&[file(1), file(131), file(200)]).len(), 1);
        assert!(median_of_files(&[file(1), file(130), file(390)]).is_empty());
    }
}
