//! A client that posts over HTTP and keeps its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The most bytes of an answer; more is a mistake.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Sends to one server, each request on a connection of its own while it lasts.
pub struct Client {
    server: SocketAddr,
    idle: Mutex<Vec<TcpStream>>,
}

/// What came back.
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// Its text.
    pub body: String,
}

impl Client {
    /// Sends to the server at this address.
    pub fn new(server: SocketAddr) -> Self {
        Self { server, idle: Mutex::default() }
    }

    /// Posts JSON under a key, so that it counts once.
    ///
    /// # Errors
    /// When the connection breaks, or what comes back is no answer.
    pub async fn post(&self, path: &str, key: &str, json: &str) -> io::Result<Answer> {
        let mut connection = self.connection().await?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{json}",
            self.server,
            json.len(),
        );
        connection.write_all(request.as_bytes()).await?;
        let answer = read(&mut connection).await?;
        self.idle().push(connection);
        Ok(answer)
    }

    async fn connection(&self) -> io::Result<TcpStream> {
        if let Some(idle) = self.idle().pop() {
            return Ok(idle);
        }
        let connection = TcpStream::connect(self.server).await?;
        connection.set_nodelay(true)?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<TcpStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads one answer, which must have a Content-Length.
async fn read(connection: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        if let Some(answer) = whole(&bytes)? {
            return Ok(answer);
        }
        if bytes.len() > MAX_ANSWER_BYTES || connection.read_buf(&mut bytes).await? == 0 {
            return Err(malformed(&bytes));
        }
    }
}

/// The answer, when all of it is there.
fn whole(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok());
    let (Some(status), Some(length)) = (status, length) else { return Err(malformed(bytes)) };
    let body = bytes.get(end + 4..).and_then(|rest| rest.get(..length));
    Ok(body.map(|body| Answer { status, body: String::from_utf8_lossy(body).into_owned() }))
}

fn malformed(bytes: &[u8]) -> io::Error {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    io::Error::other(format!("not an HTTP answer: {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there() {
        let text = b"HTTP/1.1 202 Accepted\r\nContent-length: 2\r\n\r\n{}";
        for part in 0..text.len() {
            assert!(whole(&text[..part]).is_ok_and(|answer| answer.is_none()), "{part}");
        }
        let answer = whole(text).unwrap().unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (202, "{}"));
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for text in ["hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"] {
            assert!(whole(text.as_bytes()).is_err(), "{text}");
        }
    }
}
