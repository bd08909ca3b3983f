//! Versions of a program that change its tables, in processes of their own.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::processes::{PART, file, spawn};
use crate::samples::changes::{all_is_new, all_is_old, fill, versions};
use crate::{open, prepared};

/// A process of the newer version, which ends when it reaches a step for this time.
const NEWER: &str = "changes::a_separate_newer_version";

/// Does nothing unless another test has started it as a process.
#[tokio::test]
async fn a_separate_newer_version() {
    let Some(path) = file() else { return };
    let left = std::env::var(PART).unwrap().parse::<u32>().unwrap();
    let left = std::sync::Arc::new(AtomicU32::new(left));
    for step in ["before a change of a table", "before the tables are committed"] {
        let left = std::sync::Arc::clone(&left);
        let end = move || {
            if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                std::process::abort();
            }
        };
        fail::cfg_callback(step, end).unwrap();
    }
    open(&path).await.prepare(&versions()[1], &[]).await.unwrap();
}

fn ends_well(step: u32, path: &Path) -> bool {
    spawn(NEWER, &step.to_string(), path).wait().unwrap().success()
}

#[tokio::test]
async fn a_program_killed_at_any_step_of_a_change_has_changed_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = 0;
    loop {
        let path = folder.path().join(format!("{steps}.db"));
        let store = prepared(&path, &[]).await;
        fill(&*store).await;
        let has_ended = ends_well(steps + 1, &path);
        if !has_ended {
            all_is_old(&*store).await;
            assert!(ends_well(0, &path));
        }
        all_is_new(&*store).await;
        if has_ended {
            break;
        }
        steps += 1;
    }
    // For each table a new name, an index that makes way and is made, two columns, and one index
    // more; then all is committed.
    assert_eq!(steps, 3 * 6 + 1);
}

#[tokio::test]
async fn processes_that_change_the_tables_at_once_all_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let store = prepared(&path, &[]).await;
    fill(&*store).await;
    let children: Vec<_> = (0..4).map(|_| spawn(NEWER, "0", &path)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    all_is_new(&*store).await;
}
