//! The guide shows this program: each block of code in the chapter is a part of its files.

use std::path::Path;

/// The lines of a text that say something, without indentation.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

#[test]
fn each_block_of_the_chapter_is_a_part_of_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
    let files = [
        "src/lib.rs",
        "src/order.rs",
        "src/stock.rs",
        "src/fulfilment.rs",
        "src/report.rs",
        "tests/it/story.rs",
        "sqlx/src/main.rs",
        "../bookshelf/src/catalog.rs",
    ];
    let program: Vec<String> = files.iter().map(|file| lines(&read(file)).join("\n")).collect();
    let chapter = read("../../docs/book/src/guide/a-shop-that-ships.md");
    let blocks: Vec<&str> = chapter.split("```rust\n").skip(1).collect();
    assert!(blocks.len() > 5, "{} blocks", blocks.len());
    for block in blocks {
        let block = block.split("```").next().unwrap();
        // An ellipsis stands for lines that are left out.
        for part in block.split("…") {
            let part = lines(part).join("\n");
            assert!(program.iter().any(|file| file.contains(&part)), "not in the program:\n{part}");
        }
    }
}
