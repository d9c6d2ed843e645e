//! The sites' HTTP service: it names the site that answers, and `/healthz` says how it feels. A process
//! of its own, so that it can be killed (connections are refused) and stopped (accepted by the
//! kernel, never answered).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::netns::Netns;
use crate::process::Process;
use crate::topology::{Host, SERVICE4};
use crate::wait;

/// Makes the test binary serve instead of testing: the site's name.
const SERVE: &str = "FALCONER_LAB_SERVE";
/// The file whose content is the status of every answer, where it exists.
const STATUS_FILE: &str = "FALCONER_LAB_SERVE_STATUS";
/// How long a silent connection is kept.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts a site's service, and waits until it answers.
pub fn start(namespace: &Netns, host: Host, directory: &Path) -> Result<Process> {
    let program = std::env::current_exe().context("finding ourselves")?;
    let mut command = namespace.command(program);
    // The arguments are those of this very test, which serves instead.
    command
        .args(std::env::args_os().skip(1))
        .env(SERVE, host.name())
        .env(STATUS_FILE, directory.join("http-status"));
    let process = Process::start("http", &mut command, &directory.join("http.log"))?;
    wait::until_true(&format!("HTTP service of {host}"), PATIENCE, || {
        Ok(namespace
            .inside(|| Ok(TcpStream::connect((SERVICE4, 80))?))
            .is_ok())
    })?;
    Ok(process)
}

/// Serves for ever if that is what this process was started for; else does nothing.
pub fn serve_if_asked() {
    if let Ok(name) = std::env::var(SERVE) {
        let status = std::env::var(STATUS_FILE).unwrap_or_default();
        let error = serve(&name, Path::new(&status));
        panic!("the HTTP service ended: {error:?}");
    }
}

fn serve(name: &str, status: &Path) -> Result<()> {
    // IPv6 and IPv4 alike.
    let listener = TcpListener::bind("[::]:80").context("listening on port 80")?;
    for connection in listener.incoming() {
        let connection = connection?;
        let (name, status) = (name.to_owned(), status.to_owned());
        // Ends when its request is answered, or after PATIENCE.
        std::thread::spawn(move || answer(connection, &name, &status));
    }
    Ok(())
}

fn answer(mut connection: TcpStream, name: &str, status: &Path) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = connection.read(&mut piece)?;
        if read == 0 || request.len() > 16 * piece.len() {
            return Ok(());
        }
        request.extend_from_slice(&piece[..read]);
    }
    let status = std::fs::read_to_string(status).unwrap_or_else(|_| "200".to_owned());
    let body = format!("{name}\n");
    write!(
        connection,
        "HTTP/1.1 {} Lab\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        status.trim(),
        body.len()
    )
}
