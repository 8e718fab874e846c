//! A peer on loopback that says what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Method and target, as in `GET /v2/`.
    pub line: String,
    /// Whether and how somebody proved who they are.
    pub authorization: Option<String>,
    pub body: Vec<u8>,
}

/// What is said, piece by piece, before the connection is closed.
pub struct Answer(pub Vec<Piece>);

pub enum Piece {
    Bytes(Vec<u8>),
    Pause(Duration),
}

impl Answer {
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(vec![Piece::Bytes(bytes.into())])
    }

    /// An answer with a body, and headers that end with line breaks.
    pub fn new(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
            body.len()
        );
        Self::bytes([head.as_bytes(), body].concat())
    }

    pub fn json(body: impl AsRef<[u8]>) -> Self {
        Self::new(200, "content-type: application/json\r\n", body)
    }

    pub fn then(mut self, pause: Duration, bytes: &[u8]) -> Self {
        self.0
            .extend([Piece::Pause(pause), Piece::Bytes(bytes.to_vec())]);
        self
    }
}

/// A peer that answers for as long as the test runs.
pub struct Scripted {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Scripted {
    /// `script` answers a request, given how many came before it.
    pub fn start(script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (seen, script) = (Arc::clone(&requests), Arc::new(script));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                thread::spawn(move || serve(stream, &seen, &*script));
            }
        });
        Self { port, requests }
    }

    /// The requests so far, each as its line and what proved who asked.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        let requests = self.requests();
        requests.into_iter().map(|request| request.line).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    script: &dyn Fn(&Request, usize) -> Answer,
) {
    let Some(request) = read(&stream) else { return };
    let before = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    for piece in script(&request, before).0 {
        match piece {
            Piece::Pause(pause) => thread::sleep(pause),
            // The other side may have had enough.
            Piece::Bytes(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    return;
                }
            }
        }
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let line = line.rsplit_once(' ')?.0.to_owned();
    let (mut authorization, mut length) = (None, 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => authorization = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line,
        authorization,
        body,
    })
}
