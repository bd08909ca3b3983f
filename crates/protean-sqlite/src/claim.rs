//! One process at a time reads for a group: a lock file it holds.

use std::fs::{File, TryLockError};
use std::path::Path;

use protean_core::port::Claim;
use protean_core::{Error, Result};

/// The longest part of a group's name that goes into a file name.
const LONGEST: usize = 120;

/// Takes the lock file of a group in `folder`; nothing when it is held already,
/// by this process or another.
pub(crate) fn take(folder: &Path, group: &str) -> Result<Option<Claim>> {
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
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Box::new(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
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
    use super::file_name;

    #[test]
    fn groups_have_file_names_of_their_own() {
        assert_eq!(file_name("bookshelf.projector"), "bookshelf.projector");
        assert_eq!(file_name("../x"), "%2e.%2fx");
        assert_ne!(file_name("A"), file_name("a^"));
        let long = "x".repeat(300);
        assert_ne!(file_name(&long), file_name(&format!("{long}y")));
        assert!(file_name(&long).len() < 200);
    }
}
