//! The program of a server: the one that runs, to be started again exactly as it is, and the
//! one that a deployment has put in its place.
//!
//! A deployment may replace the file under a running server. What is started from it later
//! would be another version beside the processes that run already, so each is asked for by name:
//! [`Image::running`] or [`Image::in_place`].

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io, process};

use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Where Linux shows a process its own program, even when its file has another name by now
/// or none.
const OWN_IMAGE: &str = "/proc/self/exe";

/// Where Linux keeps the name of a process, which tools like `top` and `pgrep` show.
const OWN_NAME: &str = "/proc/self/comm";

/// How long a program may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// A program that runs.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    /// Where a deployment puts its next version.
    place: PathBuf,
    kept: Kept,
}

/// How a program stays what it is, whatever becomes of its file.
#[derive(Clone, Debug)]
enum Kept {
    /// The system keeps the program of this process.
    Running,
    /// The system keeps a file that is open.
    Open(Arc<File>),
    /// The file is not started any more once it has changed.
    Stamped(Stamp),
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
        let place = place()?;
        match fs::metadata(OWN_IMAGE) {
            Ok(_) => Ok(Self { place, kept: Kept::Running }),
            Err(_) => Self::stamped(place),
        }
    }

    /// The program in this file, as long as the file does not change.
    pub(crate) fn stamped(place: PathBuf) -> io::Result<Self> {
        let kept = Kept::Stamped(Stamp::of(&fs::metadata(&place)?));
        Ok(Self { place, kept })
    }

    /// The program that is in the place of this one now: another version, or the same.
    ///
    /// # Errors
    /// When there is no file that can be read.
    pub(crate) fn in_place(&self) -> io::Result<Self> {
        let place = self.place.clone();
        match self.kept {
            Kept::Stamped(_) => Self::stamped(place),
            _ => Ok(Self { kept: Kept::Open(Arc::new(File::open(&place)?)), place }),
        }
    }

    /// The path of its file, as it was called.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// Starts another process of exactly this program. What comes with it is the other end of
    /// its standard input.
    ///
    /// # Errors
    /// When it cannot be started; one that [`was_replaced`] finds when the file holds
    /// another program by now.
    pub(crate) fn start(&self, args: &[OsString]) -> io::Result<(Child, UnixStream)> {
        self.check()?;
        let mut command = Command::new(self.file());
        command.arg0(&self.place).args(args);
        // Keeps Ctrl-C from the process: the one that starts it also stops it.
        command.process_group(0);
        let (line, other_end) = UnixStream::pair()?;
        command.stdin(Stdio::from(OwnedFd::from(other_end))).stdout(Stdio::null());
        let mut child = command.spawn()?;
        // The file may have been replaced in between.
        if let Err(replaced) = self.check() {
            child.start_kill()?;
            return Err(replaced);
        }
        Ok((child, line))
    }

    /// Finds out whether the program that is in place now runs at all, by asking for its version.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn try_in_place(&self) -> Result<(), String> {
        let mut command = Command::new(&self.place);
        command.arg("--version").stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = timeout(VERSION_TIMEOUT, command.output()).await;
        match output.map_err(|_| format!("--version does not end within {VERSION_TIMEOUT:?}"))? {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(format!("--version ends with {}", output.status)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Goes on in this process with the program that is in place now, and with the same command
    /// line. Returns only when that fails.
    pub(crate) fn run_in_place(&self) -> io::Error {
        process::Command::new(&self.place).args(env::args_os().skip(1)).exec()
    }

    /// The file to start, which a process of another name may start as well.
    fn file(&self) -> PathBuf {
        match &self.kept {
            Kept::Running => OWN_IMAGE.into(),
            Kept::Open(file) => format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()).into(),
            Kept::Stamped(_) => self.place.clone(),
        }
    }

    fn check(&self) -> io::Result<()> {
        let Kept::Stamped(stamp) = self.kept else { return Ok(()) };
        match fs::metadata(&self.place) {
            Ok(found) if Stamp::of(&found) == stamp => Ok(()),
            _ => Err(io::Error::other(Replaced(self.place.clone()))),
        }
    }
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        let modified = (file.mtime(), file.mtime_nsec());
        Self { device: file.dev(), inode: file.ino(), size: file.size(), modified }
    }
}

/// The path by which the program was called, links and all: what a deployment points to its
/// next version.
fn place() -> io::Result<PathBuf> {
    let file = env::current_exe()?;
    let called = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = match called.components().count() {
        0 | 1 if !called.has_root() => env::split_paths(&path).collect(),
        _ => vec![env::current_dir()?],
    };
    let Ok(own) = fs::metadata(OWN_IMAGE).or_else(|_| fs::metadata(&file)) else { return Ok(file) };
    let own = Stamp::of(&own);
    let is_it = |found: &PathBuf| fs::metadata(found).is_ok_and(|found| Stamp::of(&found) == own);
    Ok(folders.iter().map(|folder| folder.join(&called)).find(is_it).unwrap_or(file))
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

    use protean_test_servers::copy_program;

    use super::{Image, was_replaced};

    #[tokio::test]
    async fn a_program_whose_file_was_replaced_or_removed_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        copy_program("/bin/sh", &program);
        let image = Image::stamped(program.clone()).unwrap();
        let exit_4 = ["-c".into(), "exit 4".into()];
        let (mut child, _line) = image.start(&exit_4).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(4));
        let newer = folder.path().join("newer");
        copy_program("/bin/sh", &newer);
        fs::rename(&newer, &program).unwrap();
        let replaced = image.start(&exit_4).unwrap_err();
        assert!(was_replaced(&replaced), "{replaced}");
        let (mut child, _line) = image.in_place().unwrap().start(&exit_4).unwrap();
        assert_eq!(child.wait().await.unwrap().code(), Some(4), "when it is asked for by name");
        fs::remove_file(&program).unwrap();
        let removed = image.start(&exit_4).unwrap_err();
        assert!(was_replaced(&removed), "{removed}");
        assert!(
            removed
                .to_string()
                .ends_with("program was replaced or removed since this server started")
        );
        assert!(image.in_place().is_err());
    }
}
