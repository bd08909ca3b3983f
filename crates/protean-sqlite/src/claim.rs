//! One process at a time reads for a group: a lock file it holds, and notes in
//! it what it is at.
//!
//! The file is not synchronised with the disk: what was written survives the
//! end of the process, which is what the notes are for.

use std::fs::{File, TryLockError};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use protean_port::port::Claim;
use protean_port::{Error, Result};

/// The longest part of a group's name that goes into a file name.
const LONGEST: usize = 120;

/// A lock file that is held.
struct Held {
    file: File,
    path: PathBuf,
    left: Vec<u64>,
}

/// Takes the lock file of a group in `folder`; nothing when it is held already,
/// by this process or another.
pub(crate) fn take(folder: &Path, group: &str) -> Result<Option<Box<dyn Claim>>> {
    let path = folder.join(file_name(group));
    let failed = |error: std::io::Error| {
        let file = path.display();
        Error::unavailable(format!(
            "the lock file '{file}' of group '{group}' cannot be used; \
             check that its folder may be written"
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
            Ok(Some(Box::new(Held { file, path, left: read(&notes) })))
        }
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

impl Claim for Held {
    fn left(&self) -> &[u64] {
        &self.left
    }

    fn note(&self, positions: &[u64]) -> Result {
        self.file.write_all_at(&written(positions), 0).map_err(|error| {
            let file = self.path.display();
            Error::unavailable(format!("the notes in '{file}' cannot be written"))
                .with_source(error)
        })
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
    if name.len() > LONGEST {
        name.truncate(LONGEST);
        name.push_str(&format!("~{:016x}", hash(group)));
    }
    name
}

/// FNV-1a: the same in every process and release.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{file_name, read, written};

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
