//! The two local sockets: one that only writes, for `auditward status`, and one for root, for
//! `auditward reload` and `auditward alerts`.
//!
//! Each is served by one thread, one caller at a time. Nothing is read from a caller of the first; of the
//! second, after the kernel has said that it is root, one line of at most [`LONGEST`] bytes.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt};

use super::desk::Desk;
use super::directories::{CONTROL_SOCKET, STATUS_SOCKET};
use super::reload::Reloader;
use crate::clean;
use crate::store::{Query, Reader};

/// The longest request, in bytes.
pub const LONGEST: usize = 4096;

/// How long a caller may take to say or take something.
const PATIENCE: Duration = Duration::from_secs(2);

/// What can be asked on the second socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `reload`: read rules and settings anew.
    Reload,
    /// `alerts` and what is wanted: a page of the store.
    Alerts(Query),
    /// `send-test`: an alert that only tries them down all destinations.
    SendTest,
}

/// Reads a request: `reload`, `send-test`, or `alerts` with a query, and a newline; nothing before or behind.
///
/// ```
/// # use auditward::daemon::sockets::{parse, Command};
/// assert_eq!(parse(b"reload\n"), Some(Command::Reload));
/// assert_eq!(parse(b"reload"), None);
/// assert!(matches!(parse(b"alerts {\"user\":\"bob\"}\n"), Some(Command::Alerts(_))));
/// ```
#[must_use]
pub fn parse(request: &[u8]) -> Option<Command> {
    let line = request.strip_suffix(b"\n").filter(|line| !line.contains(&b'\n'))?;
    match line.strip_prefix(b"alerts ") {
        Some(query) => Query::parse(query).map(Command::Alerts),
        None if line == b"send-test" => Some(Command::SendTest),
        None => (line == b"reload").then_some(Command::Reload),
    }
}

/// Opens both sockets in `runtime` and serves them; `store` is the file that alerts are read from. To be called once
/// privilege was laid down.
///
/// # Errors
/// The directory may not be written, or no thread can be started.
pub(super) fn serve(
    runtime: &Path,
    desk: &Desk,
    reloader: Reloader,
    store: Option<PathBuf>,
) -> io::Result<()> {
    let status = listen(&runtime.join(STATUS_SOCKET), 0o660)?;
    let control = listen(&runtime.join(CONTROL_SOCKET), 0o600)?;
    let (desk, other) = (desk.again()?, desk.again()?);
    spawn("status", status, move |stream| tell_status(stream, &desk))?;
    spawn("control", control, move |stream| obey(stream, &reloader, &other, store.as_deref()))
}

/// The lock is held: what stands there is of a daemon that is gone.
fn listen(path: &Path, mode: u32) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

fn spawn(
    name: &str,
    listener: UnixListener,
    serve: impl Fn(&UnixStream) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let run = move || {
        for stream in listener.incoming() {
            let served = stream.and_then(|stream| {
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_write_timeout(Some(PATIENCE))?;
                serve(&stream)
            });
            if let Err(error) = served {
                tracing::debug!("local socket: {error}");
                // Out of descriptors, say: not in a hurry.
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

fn tell_status(mut stream: &UnixStream, desk: &Desk) -> io::Result<()> {
    let Some(report) = desk.report() else {
        return stream.write_all(b"{\"error\":\"the loop that reads records does not answer\"}\n");
    };
    let mut text = serde_json::to_vec(&report)?;
    text.push(b'\n');
    write_within(stream, &text)
}

/// Writes all, however many times the timeout of one write is renewed by a slow reader.
fn write_within(mut stream: &UnixStream, mut text: &[u8]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !text.is_empty() {
        let written = stream.write(text)?;
        text = text.get(written..).unwrap_or_default();
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

fn obey(mut stream: &UnixStream, reloader: &Reloader, desk: &Desk, store: Option<&Path>) -> io::Result<()> {
    // SO_PEERCRED: who it was when it connected.
    let peer = getsockopt(&stream.as_fd(), sockopt::PeerCredentials)?;
    if peer.uid() != 0 {
        stream.write_all(b"refused\nonly root may ask for this\n")?;
        // Closed on an unread request, the answer would be lost with it.
        stream.shutdown(std::net::Shutdown::Write)?;
        return read_line(stream).map(drop);
    }
    let answer = match parse(&read_line(stream)?) {
        Some(Command::Reload) => reloader.reload().to_string(),
        Some(Command::Alerts(query)) => page(&query, store),
        Some(Command::SendTest) => send_test(desk),
        None => {
            "refused\nnot understood: the requests are `reload`, `send-test`, and `alerts` with a query\n"
                .to_owned()
        }
    };
    stream.set_write_timeout(Some(PATIENCE))?;
    write_within(stream, answer.as_bytes())
}

/// A page of the store: `alerts`, and each as a line. The file is opened for it and closed again.
fn page(query: &Query, store: Option<&Path>) -> String {
    let Some(store) = store else { return "refused\nalerts are not stored here\n".to_owned() };
    match Reader::open(store).and_then(|reader| reader.page(query)) {
        Ok(alerts) => alerts.iter().fold("alerts\n".to_owned(), |text, alert| text + &alert.wire() + "\n"),
        Err(why) => format!("refused\n{}: {why}\n", store.display()),
    }
}

/// How long destinations may take with a test.
const TEST: Duration = Duration::from_secs(10);

/// `sent` or `failed`, and a line for each destination: what it said to the test, or what keeps it from it.
fn send_test(desk: &Desk) -> String {
    let Some(tried) = desk.send_test() else {
        return "refused\nthe loop that reads records does not answer\n".to_owned();
    };
    if tried.is_empty() {
        return "failed\nno destination is set: alerts go nowhere\n".to_owned();
    }
    let deadline = Instant::now() + TEST;
    let (mut word, mut lines) = ("sent", String::new());
    for (name, answer) in tried {
        let said = match answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Ok(after)) => format!("taken after {} ms", after.as_millis()),
            Ok(Err(why)) => {
                word = "failed";
                format!("refused: {why}")
            }
            Err(_) => {
                word = "failed";
                let report = desk.report().unwrap_or_default();
                let one = report.destinations.into_iter().find(|one| one.name == name).unwrap_or_default();
                let why = one.trouble.unwrap_or_else(|| "it takes nothing".to_owned());
                let before = one.waiting as u64 + one.stored;
                format!("not taken within {} s, {before} alerts wait: {why}", TEST.as_secs())
            }
        };
        lines += &format!("{name}: {}\n", clean::text(said.as_bytes()));
    }
    format!("{word}\n{lines}")
}

/// Up to the first newline, the end, or [`LONGEST`] bytes.
fn read_line(mut stream: &UnixStream) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let (mut line, mut part) = (Vec::new(), [0; 256]);
    while line.len() < LONGEST && !line.contains(&b'\n') && Instant::now() < deadline {
        let room = part.len().min(LONGEST - line.len());
        match stream.read(part.get_mut(..room).unwrap_or_default())? {
            0 => break,
            count => line.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_exact() {
        for wrong in ["", "\n", "reload", "reload\n\n", " reload\n", "RELOAD\n", "reload\0\n", "reload now\n"]
        {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(parse(&vec![b'r'; 1 << 20]), None);
        for wrong in [
            "alerts\n",
            "alerts \n",
            "alerts {}",
            "alerts {}\n\n",
            "alerts {\"x\":1}\n",
            "alerts {\"since\":\"a\"}\n",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(parse(b"send-test\n"), Some(Command::SendTest));
        for wrong in ["send-test", "send-test x\n", "send-test\n\n"] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(parse(b"alerts {}\n"), Some(Command::Alerts(Query::default())));
        let query = Query { user: Some("a\n\"b".into()), newest: true, ..Query::default() };
        let request = format!("alerts {}\n", query.text());
        assert_eq!(parse(request.as_bytes()), Some(Command::Alerts(query)));
    }

    #[test]
    fn a_request_is_read_no_further_than_its_bound() {
        let (mut caller, ours) = UnixStream::pair().expect("a pair");
        let sent = std::thread::spawn(move || {
            let _ = caller.write_all(&[b'x'; 3 * LONGEST]);
            caller
        });
        assert_eq!(read_line(&ours).expect("read").len(), LONGEST);
        drop(ours);
        let _ = sent.join();
    }

    proptest::proptest! {
        /// In whatever pieces a caller sends whatever bytes: what is read is the beginning up to the first
        /// newline or the bound, and only the one request is one.
        #[test]
        fn any_bytes_in_any_pieces(
            pieces in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 1..600), 0..12),
            whole in proptest::prelude::any::<bool>(),
        ) {
            let mut pieces = pieces;
            if whole {
                pieces.insert(0, b"reload\n".to_vec());
            }
            let (mut caller, ours) = UnixStream::pair().expect("a pair");
            let sent = pieces.concat();
            for piece in &pieces {
                caller.write_all(piece).expect("room for a few KiB");
            }
            drop(caller);
            let read = read_line(&ours).expect("read");
            proptest::prop_assert!(read.len() <= LONGEST && sent.starts_with(&read));
            let line = read.iter().position(|byte| *byte == b'\n').map_or(read.len(), |at| at + 1);
            proptest::prop_assert!(line == read.len() || read.len() - line < 256, "no further than one piece");
            proptest::prop_assert_eq!(parse(&read) == Some(Command::Reload), read == b"reload\n");
        }
    }
}
