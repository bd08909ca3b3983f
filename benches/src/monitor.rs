//! The commands that a Redis server receives, as it reports them.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::JoinHandle;

use protean_cli::{Error, Result};

/// Lines of MONITOR such as `1700000000.000001 [0 127.0.0.1:5000] "XLEN" "stream"`, from
/// the start on.
pub(crate) struct Monitor {
    stream: TcpStream,
    lines: JoinHandle<Vec<String>>,
}

impl Monitor {
    /// Starts with the next command.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(crate) fn start(port: u16) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"MONITOR\r\n")?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut answer = String::new();
        reader.read_line(&mut answer)?;
        if answer.trim() != "+OK" {
            return Err(Error::failed(format!("Redis answers MONITOR with '{}'", answer.trim())));
        }
        let lines = std::thread::spawn(move || {
            let lines = reader.lines().map_while(Result::ok);
            lines.map(|line| line.trim_start_matches('+').to_owned()).collect()
        });
        Ok(Self { stream, lines })
    }

    /// Ends; returns the lines.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(crate) fn stop(self) -> Result<Vec<String>> {
        self.stream.shutdown(Shutdown::Both)?;
        self.lines.join().map_err(|_| Error::failed("the thread that reads MONITOR panicked"))
    }
}
