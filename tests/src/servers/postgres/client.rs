//! How the harness talks to PostgreSQL: with libpq's own `psql`, and by sessions held open.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::install::Installed;
use crate::process::{PATIENCE, scratch};

pub(super) fn tool(installed: &Installed, name: &str) -> Command {
    let mut command = Command::new(installed.program(name));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").current_dir(scratch());
    command
}

/// Asks `SELECT 1` of whatever listens on a port: PostgreSQL or a pooler.
pub fn login(
    installed: &Installed,
    port: u16,
    user: &str,
    database: &str,
    password: Option<&str>,
    more: &str,
) -> Result<String, String> {
    let mut command = tool(installed, "psql");
    // Without `gssencmode` libpq would ask for GSS first where a ticket lies around.
    command.args(["-XAtw", "-c", "SELECT 1", "-d"]).arg(format!(
        "host=127.0.0.1 port={port} user={user} dbname={database} gssencmode=disable {more}"
    ));
    command
        .env("PGCONNECT_TIMEOUT", "20")
        .env("HOME", scratch());
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    finish(command)
}

pub(super) fn finish(mut command: Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

/// A session that is logged in and idle, for as long as it is kept.
pub struct Session {
    _stream: TcpStream,
}

impl Session {
    /// Logs in over TCP as a trusted role; the error is the server's own text.
    pub fn open(port: u16, user: &str, database: &str) -> Result<Self, String> {
        let say = |e: std::io::Error| e.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(say)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(say)?;
        let body = format!("user\0{user}\0database\0{database}\0\0");
        let length = u32::try_from(body.len() + 8).map_err(|e| e.to_string())?;
        let mut startup = length.to_be_bytes().to_vec();
        startup.extend(196_608u32.to_be_bytes());
        startup.extend(body.bytes());
        stream.write_all(&startup).map_err(say)?;
        loop {
            let mut head = [0u8; 5];
            stream.read_exact(&mut head).map_err(say)?;
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut rest = vec![0u8; length.saturating_sub(4) as usize];
            stream.read_exact(&mut rest).map_err(say)?;
            match head[0] {
                b'Z' => return Ok(Self { _stream: stream }),
                b'E' => return Err(String::from_utf8_lossy(&rest).replace('\0', " ")),
                b'R' if rest != [0, 0, 0, 0] => return Err("a password is asked for".to_owned()),
                _ => {}
            }
        }
    }
}
