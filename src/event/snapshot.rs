//! The processes at the beginning of a recording, as lines at its head: a replay then knows the same
//! parents as the live run.
//!
//! A line begins with `#auditward `, so that every reader of audit logs passes over it, and goes on in the
//! shape of a record: `key=value`, texts in double quotes or in hexadecimal digits.
//!
//! ```text
//! #auditward host name="web-07" id="7e0b37f5f03f…" kernel="6.1.0" arch="x86_64"
//! #auditward process pid=1 ppid=0 start=1795515000000 auid=4294967295 ses=4294967295 … exe="/usr/lib/systemd/systemd"
//! ```

use std::io::{self, Write};

use super::ancestry::{Found, Ids, Image, Login, Terminal};
use super::host::Host;
use crate::audit::fields::{self, Field};
use crate::audit::value;

const MARK: &[u8] = b"#auditward ";

/// A line of a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The host.
    Host(Host),
    /// A process of it.
    Process(Box<Found>),
    /// A line that a later version writes.
    Unknown,
}

/// Writes a snapshot: the host and its processes.
///
/// # Errors
/// What writing gives.
pub fn write(host: &Host, processes: &[Found], out: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    line.extend_from_slice(MARK);
    line.extend_from_slice(b"host");
    let texts = [("name", &host.name), ("kernel", &host.kernel), ("arch", &host.architecture)];
    put(&mut line, "id", host.id.as_bytes());
    for (key, text) in texts {
        if let Some(text) = text {
            put(&mut line, key, text.as_bytes());
        }
    }
    line.push(b'\n');
    out.write_all(&line)?;
    for found in processes {
        line.clear();
        process(found, &mut line);
        out.write_all(&line)?;
    }
    Ok(())
}

fn process(found: &Found, line: &mut Vec<u8>) {
    line.extend_from_slice(MARK);
    line.extend_from_slice(b"process");
    let number = |line: &mut Vec<u8>, key: &str, number: u64| {
        line.extend_from_slice(format!(" {key}={number}").as_bytes());
    };
    let numbers = [
        ("pid", Some(u64::from(found.pid))),
        ("ppid", Some(u64::from(found.ppid))),
        ("start", Some(found.start)),
        ("auid", found.login.map(|l| l.auid.into())),
        ("ses", found.login.map(|l| l.ses.into())),
        ("uid", found.ids.map(|i| i.uid.into())),
        ("euid", found.ids.map(|i| i.euid.into())),
        ("gid", found.ids.map(|i| i.gid.into())),
        ("egid", found.ids.map(|i| i.egid.into())),
        ("pgid", Some(u64::from(found.pgid))),
        ("sid", Some(u64::from(found.sid))),
        ("foreign", found.foreign.map(u64::from)),
    ];
    for (key, value) in numbers {
        if let Some(value) = value {
            number(line, key, value);
        }
    }
    match found.terminal {
        Terminal::Unknown => {}
        Terminal::None => line.extend_from_slice(b" tty=(none)"),
        Terminal::Device(major, minor) => line.extend_from_slice(format!(" tty={major}:{minor}").as_bytes()),
    }
    let texts = [
        ("name", found.image.name()),
        ("exe", found.image.executable()),
        ("cwd", found.image.directory()),
        ("container", found.container.as_deref()),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            put(line, key, text);
        }
    }
    if let (Some(arguments), Some(count)) = (found.image.arguments(), found.image.count()) {
        number(line, "argc", count.into());
        for (at, argument) in arguments.enumerate() {
            put(line, &format!("a{at}"), argument);
        }
    }
    line.push(b'\n');
}

/// A text as the kernel writes one (`audit_log_n_untrustedstring`).
fn put(line: &mut Vec<u8>, key: &str, text: &[u8]) {
    line.push(b' ');
    line.extend_from_slice(key.as_bytes());
    line.push(b'=');
    let plain = text.iter().all(|&b| b != b'"' && (0x21..0x7f).contains(&b));
    if plain {
        line.push(b'"');
        line.extend_from_slice(text);
        line.push(b'"');
    } else {
        for byte in text {
            line.extend_from_slice(format!("{byte:02X}").as_bytes());
        }
    }
}

/// What a line of a recording says; `None` when it is no line of a snapshot.
#[must_use]
pub fn parse(line: &[u8]) -> Option<Line> {
    let rest = line.strip_prefix(MARK)?.trim_ascii_end();
    let (kind, body) = rest.split_at(memchr::memchr(b' ', rest).unwrap_or(rest.len()));
    Some(match kind {
        b"host" => host(body).map_or(Line::Unknown, Line::Host),
        b"process" => found(body).map_or(Line::Unknown, |found| Line::Process(Box::new(found))),
        _ => Line::Unknown,
    })
}

fn text(field: &Field<'_>) -> Option<Vec<u8>> {
    value::untrusted(field).map(std::borrow::Cow::into_owned)
}

fn host(body: &[u8]) -> Option<Host> {
    let of = |key: &[u8]| {
        fields::find(body, key).and_then(|f| text(&f)).map(|t| String::from_utf8_lossy(&t).into_owned())
    };
    Some(Host { name: of(b"name"), id: of(b"id")?, architecture: of(b"arch"), kernel: of(b"kernel") })
}

fn found(body: &[u8]) -> Option<Found> {
    let of = |key: &[u8]| fields::find(body, key).and_then(|f| text(&f));
    let long = |key: &[u8]| fields::find(body, key).and_then(|f| value::unsigned(f.raw));
    let number = |key: &[u8]| long(key).and_then(|n| u32::try_from(n).ok());
    let login = Some(()).and_then(|()| Some(Login { auid: number(b"auid")?, ses: number(b"ses")? }));
    let ids = Some(()).and_then(|()| {
        Some(Ids {
            uid: number(b"uid")?,
            euid: number(b"euid")?,
            gid: number(b"gid")?,
            egid: number(b"egid")?,
        })
    });
    let arguments: Vec<Vec<u8>> = fields::kernel(body)
        .filter(|f| f.key.first() == Some(&b'a') && f.key.get(1).is_some_and(u8::is_ascii_digit))
        .filter_map(|f| text(&f))
        .collect();
    let mut each = arguments.iter().map(Vec::as_slice);
    let count = long(b"argc");
    let image = Image::new(
        of(b"exe").as_deref(),
        of(b"cwd").as_deref(),
        of(b"name").as_deref(),
        count.map(|count| (&mut each as &mut dyn Iterator<Item = &[u8]>, count)),
    );
    Some(Found {
        pid: number(b"pid")?,
        ppid: number(b"ppid")?,
        start: long(b"start")?,
        login,
        ids,
        pgid: number(b"pgid").unwrap_or(0),
        sid: number(b"sid").unwrap_or(0),
        terminal: fields::find(body, b"tty").map_or(Terminal::Unknown, |f| terminal(f.raw)),
        image,
        container: of(b"container").map(Vec::into_boxed_slice),
        foreign: number(b"foreign").map(|n| n != 0),
    })
}

fn terminal(raw: &[u8]) -> Terminal {
    if raw == b"(none)" {
        return Terminal::None;
    }
    let parts = std::str::from_utf8(raw).ok().and_then(|t| t.split_once(':'));
    match parts.map(|(major, minor)| (major.parse(), minor.parse())) {
        Some((Ok(major), Ok(minor))) => Terminal::Device(major, minor),
        _ => Terminal::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Record;
    use crate::event::proc::ProcGaps;

    #[test]
    fn what_is_written_is_read_back() {
        let args: [&[u8]; 4] = [b"sh", b"", b"a b\"\xff\n", b"-c"];
        let found = Found {
            pid: 42,
            ppid: 1,
            start: 1_795_515_000_123,
            login: Some(Login { auid: 1000, ses: 4 }),
            ids: Some(Ids { uid: 0, euid: 1, gid: 2, egid: 3 }),
            pgid: 42,
            sid: 40,
            terminal: Terminal::Device(136, 1),
            image: Image::new(Some(b"/bin/s h"), Some(b"/"), Some(b"s h"), Some((&mut args.into_iter(), 9))),
            container: Some((*b"c0ffee").into()),
            foreign: Some(true),
        };
        let host = Host { name: Some("web 07".into()), ..Host::recorded(Some("id")) };
        let mut out = Vec::new();
        write(&host, std::slice::from_ref(&found), &mut out).unwrap();
        let mut lines = out.split(|&b| b == b'\n').filter(|l| !l.is_empty());
        assert_eq!(parse(lines.next().unwrap()), Some(Line::Host(host)));
        assert_eq!(parse(lines.next().unwrap()), Some(Line::Process(Box::new(found))));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn every_process_of_this_machine_is_written_and_read_back_and_is_no_record() {
        let all = ProcGaps::new().all();
        let mut out = Vec::new();
        write(&Host::this(), &all, &mut out).unwrap();
        let lines: Vec<&[u8]> = out.split(|&b| b == b'\n').filter(|l| !l.is_empty()).collect();
        assert_eq!(lines.len(), all.len() + 1);
        for (line, found) in lines.iter().skip(1).zip(&all) {
            assert!(Record::from_log_line(line).is_err());
            assert_eq!(parse(line), Some(Line::Process(Box::new(found.clone()))));
        }
    }

    #[test]
    fn other_lines_are_left_alone() {
        assert_eq!(parse(b"type=EOE msg=audit(1.0:1): "), None);
        assert_eq!(parse(b"# a comment"), None);
        assert_eq!(parse(b"#auditward later x=1"), Some(Line::Unknown));
        assert_eq!(parse(b"#auditward process pid=x"), Some(Line::Unknown));
    }
}
