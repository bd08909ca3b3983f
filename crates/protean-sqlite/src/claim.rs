//! One process at a time reads for a group: it holds a lock file, and notes in the
//! file what it is handling.
//!
//! The file is not synchronised with the disk: what was written survives the
//! end of the process, which is what the notes are for.
//!
//! The lock belongs to the file, not to its name: once the file is removed or replaced,
//! another process can lock a new one. So the holder compares the two, and has lost its
//! claim when they differ.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use protean_port::port::{BoxFuture, Claim};
use protean_port::{Error, Result};
use protean_sql::stable_hash;

use crate::opened_file::OpenedFile;

/// The longest part of a group's name that goes into a file name.
const MAX_NAME_BYTES: usize = 120;
/// How often the holder checks that its lock file is still in place.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// A lock file that is held.
struct Held {
    file: Arc<File>,
    path: Arc<Path>,
    left: Vec<u64>,
    database: OpenedFile,
}

/// Takes the lock file of a group in `folder`; nothing when it is held already,
/// by this process or another. Whoever has a database open that is not the one beside the folder
/// any more gets none, and loses those it has.
pub(crate) fn take(
    folder: &Path,
    group: &str,
    database: &OpenedFile,
) -> Result<Option<Box<dyn Claim>>> {
    database.check()?;
    let path = folder.join(file_name(group));
    let failed = |error: std::io::Error| {
        let file = path.display();
        Error::unavailable(format!(
            "the lock file '{file}' of group '{group}' cannot be used; \
             check that its folder is writable"
        ))
        .with_source(error)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut options = File::options();
    options.create(true).truncate(false).read(true).write(true);
    let mut file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            let mut notes = Vec::new();
            file.read_to_end(&mut notes).map_err(failed)?;
            if !is_in_place(&file, &path) {
                // It was removed between opening and locking: the next attempt makes a new one.
                return Ok(None);
            }
            let (file, path) = (Arc::new(file), Arc::from(path));
            let (left, database) = (read(&notes), database.clone());
            Ok(Some(Box::new(Held { file, path, left, database })))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl Claim for Held {
    fn left(&self) -> &[u64] {
        &self.left
    }

    fn lost(&self) -> BoxFuture<'static, ()> {
        // A dropped claim must not be kept locked by its watcher.
        let (file, path) = (Arc::downgrade(&self.file), Arc::clone(&self.path));
        let database = self.database.clone();
        Box::pin(async move {
            let is_held = || file.upgrade().is_some_and(|file| is_in_place(&file, &path));
            while is_held() && database.check().is_ok() {
                tokio::time::sleep(CHECK_INTERVAL).await;
            }
        })
    }

    fn note(&self, positions: &[u64]) -> BoxFuture<'static, Result> {
        // Some microseconds: the system takes a few hundred bytes and waits for no disk.
        let noted = self.file.write_all_at(&written(positions), 0).map_err(|error| {
            let file = self.path.display();
            Error::unavailable(format!("the notes in '{file}' cannot be written"))
                .with_source(error)
        });
        Box::pin(std::future::ready(noted))
    }
}

/// False when the file that is held is not the one under its name any more. A file system
/// that cannot say so for the moment has not taken the claim away.
fn is_in_place(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        (_, Err(error)) if error.kind() == ErrorKind::NotFound => false,
        _ => true,
    }
}

/// How many there are, then each: what an earlier, longer note left behind does not count.
fn written(positions: &[u64]) -> Vec<u8> {
    let count = positions.len() as u64;
    std::iter::once(&count).chain(positions).flat_map(|number| number.to_le_bytes()).collect()
}

/// Notes that were cut short are read as far as they go.
fn read(notes: &[u8]) -> Vec<u64> {
    let (numbers, _) = notes.as_chunks();
    let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
    let count = numbers.next().unwrap_or(0);
    numbers.take(usize::try_from(count).unwrap_or(0)).collect()
}

/// A name no other group has: letters that may make trouble in a file name are
/// escaped, and what is cut off is told apart by a hash.
fn file_name(group: &str) -> String {
    let mut name = String::with_capacity(group.len());
    for byte in group.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
            // Capitals keep their look but differ on file systems that fold case.
            b'A'..=b'Z' => name.extend([char::from(byte), '^']),
            b'.' if !name.is_empty() => name.push('.'),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    if name.len() > MAX_NAME_BYTES {
        name.truncate(MAX_NAME_BYTES);
        name.push_str(&format!("~{:016x}", stable_hash(group)));
    }
    name
}

#[cfg(test)]
mod tests {
    use protean_port::port::Claim;

    use super::{CHECK_INTERVAL, file_name, read, written};
    use crate::opened_file::OpenedFile;

    #[tokio::test]
    async fn a_claim_is_lost_once_its_file_is_removed_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        std::fs::write(&path, "").unwrap();
        let database = OpenedFile::at(&path);
        let take = |group| super::take(folder.path(), group, &database);
        let lost = async |claim: &dyn Claim| {
            tokio::time::timeout(4 * CHECK_INTERVAL, claim.lost()).await.is_ok()
        };
        let first = take("g").unwrap().unwrap();
        assert!(!lost(&*first).await, "it is held");
        std::fs::remove_file(folder.path().join("g")).unwrap();
        assert!(lost(&*first).await);
        let second = take("g").unwrap().unwrap();
        drop(first);
        assert!(take("g").unwrap().is_none(), "dropping a lost claim frees nothing");
        std::fs::write(folder.path().join("new"), "").unwrap();
        std::fs::rename(folder.path().join("new"), folder.path().join("g")).unwrap();
        assert!(lost(&*second).await);
        drop(second);
        let third = take("g").unwrap().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(lost(&*third).await, "the database is gone");
        drop(third);
        assert!(take("g").is_err());
    }

    #[test]
    fn groups_have_file_names_of_their_own() {
        assert_eq!(file_name("bookshelf.projector"), "bookshelf.projector");
        assert_eq!(file_name("../x"), "%2e.%2fx");
        assert_ne!(file_name("A"), file_name("a^"));
        let long = "x".repeat(300);
        assert_ne!(file_name(&long), file_name(&format!("{long}y")));
        assert!(file_name(&long).len() < 200);
    }

    #[test]
    fn notes_are_read_as_they_were_written() {
        for positions in [&[][..], &[7], &[1, u64::MAX, 3]] {
            assert_eq!(read(&written(positions)), positions);
        }
        let mut longer = written(&[1, 2, 3]);
        longer[..16].copy_from_slice(&written(&[9]));
        assert_eq!(read(&longer), [9], "what is left of a longer note does not count");
        assert_eq!(read(&written(&[5, 6])[..20]), [5]);
        assert_eq!(read(&[1, 2]), [0; 0]);
    }
}
