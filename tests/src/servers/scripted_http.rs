//! An HTTP peer with one answer, for the states that no server at hand has.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Answers each connection with these bytes, once it has read a request where there are any; ends
/// with the test. Returns its port on `127.0.0.1`.
pub fn serve(answer: &str) -> u16 {
    let answer = answer.as_bytes().to_vec();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || reply(stream, &answer));
        }
    });
    port
}

fn reply(mut stream: TcpStream, answer: &[u8]) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !answer.is_empty() && !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let _ = stream.write_all(answer);
}
