//! The program of this process, to be started again exactly as it is.
//!
//! A deployment may replace the file under a running server. What is started from it later
//! would be another version beside the processes that run already.

use std::ffi::OsString;
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs, io};

use tokio::process::{Child, Command};

/// Where Linux shows a process its own program, even when its file has another name by now
/// or none.
const OWN_IMAGE: &str = "/proc/self/exe";

/// Where Linux keeps the name of a process, which tools like `top` and `pgrep` show.
const OWN_NAME: &str = "/proc/self/comm";

/// The program of this process.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// The file that ran at the start.
    path: PathBuf,
    /// What that file was then; `None` where the system keeps the program itself.
    stamp: Option<Stamp>,
}

/// What tells one program file from another at the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change to the contents.
    modified: (i64, i64),
}

impl Image {
    /// The program that runs. Call it early: the file may be replaced at any moment.
    ///
    /// # Errors
    /// When the system does not say which file that is.
    pub(crate) fn running() -> io::Result<Self> {
        let path = env::current_exe()?;
        match fs::metadata(OWN_IMAGE) {
            Ok(_) => Ok(Self { path, stamp: None }),
            Err(_) => Self::stamped(path),
        }
    }

    /// The program in this file, as long as the file does not change.
    pub(crate) fn stamped(path: PathBuf) -> io::Result<Self> {
        let stamp = Some(Stamp::of(&fs::metadata(&path)?));
        Ok(Self { path, stamp })
    }

    /// Starts another process of exactly this program, its standard input a pipe.
    ///
    /// # Errors
    /// When it cannot be started; one that [`was_replaced`] finds when the file holds
    /// another program by now.
    pub(crate) fn start(&self, args: &[OsString]) -> io::Result<Child> {
        self.check()?;
        let file = self.stamp.map_or(Path::new(OWN_IMAGE), |_| &self.path);
        let mut command = Command::new(file);
        command.arg0(&self.path).args(args);
        // Keeps Ctrl-C from the process: the one that starts it also stops it.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn()?;
        // The file may have been replaced in between.
        if let Err(replaced) = self.check() {
            child.start_kill()?;
            return Err(replaced);
        }
        Ok(child)
    }

    fn check(&self) -> io::Result<()> {
        let Some(stamp) = self.stamp else { return Ok(()) };
        match fs::metadata(&self.path) {
            Ok(found) if Stamp::of(&found) == stamp => Ok(()),
            _ => Err(io::Error::other(Replaced(self.path.clone()))),
        }
    }
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        let modified = (file.mtime(), file.mtime_nsec());
        Self { device: file.dev(), inode: file.ino(), size: file.size(), modified }
    }
}

/// Gives a process that [`Image::start`] has started the name of its program, which Linux
/// would otherwise call `exe`.
pub(crate) fn take_name() {
    let path = env::args_os().next().map(PathBuf::from);
    if let Some(name) = path.as_deref().and_then(Path::file_name) {
        // There is no such file elsewhere, and the name is there already.
        let _ = fs::write(OWN_NAME, name.as_encoded_bytes());
    }
}

/// True when a process was not started because its file is another program by now.
pub(crate) fn was_replaced(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Replaced>())
}

/// The file is not the program that runs.
#[derive(Debug)]
struct Replaced(PathBuf);

impl fmt::Display for Replaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was replaced or removed since this server started", self.0.display())
    }
}

impl std::error::Error for Replaced {}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Image, was_replaced};

    #[tokio::test]
    async fn a_program_whose_file_was_replaced_or_removed_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::copy("/bin/sh", &program).unwrap();
        let image = Image::stamped(program.clone()).unwrap();
        let exit_4 = ["-c".into(), "exit 4".into()];
        let mut child = image.start(&exit_4).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(4));
        let newer = folder.path().join("newer");
        fs::copy("/bin/sh", &newer).unwrap();
        fs::rename(&newer, &program).unwrap();
        let replaced = image.start(&exit_4).unwrap_err();
        assert!(was_replaced(&replaced), "{replaced}");
        fs::remove_file(&program).unwrap();
        let removed = image.start(&exit_4).unwrap_err();
        assert!(was_replaced(&removed), "{removed}");
        assert!(
            removed
                .to_string()
                .ends_with("program was replaced or removed since this server started")
        );
    }
}
