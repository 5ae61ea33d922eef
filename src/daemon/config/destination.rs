//! `[[destination]]`: further receivers of alerts, any number of them.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::tables::{FORMATS, choice, queue, syslog_messages};
use super::values::{narrow, path, word};
use super::{FileConfig, LineFormat, SyslogConfig};
use crate::output::{Address, Bounds, Choice, Framing, JOURNAL_SOCKET, Peer, Protocol};
use crate::toml_file::{Placed, Table};

/// One `[[destination]]`.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// `name`: what it is called in counters, in notices and in the store.
    pub name: String,
    /// Where it is, and how messages look there.
    pub to: To,
}

/// What a destination is.
#[derive(Clone, Debug)]
pub enum To {
    /// `unix`, `udp`, `tcp`, `tls`
    Syslog {
        /// `path`, or `address` and `framing`.
        address: Address,
        /// How messages look; its `enabled` and `socket` say nothing here.
        syslog: Box<SyslogConfig>,
    },
    /// `journal`
    Journal {
        /// `path`
        path: PathBuf,
        /// `facility`, `limit`, `queue` and what it asks for.
        syslog: Box<SyslogConfig>,
    },
    /// `file`
    File(FileConfig),
}

/// `type`
#[derive(Clone, Copy)]
enum Type {
    Unix,
    Udp,
    Tcp,
    Tls,
    Journal,
    File,
}

const TYPES: [(&str, Type); 6] = [
    ("unix", Type::Unix),
    ("udp", Type::Udp),
    ("tcp", Type::Tcp),
    ("tls", Type::Tls),
    ("journal", Type::Journal),
    ("file", Type::File),
];

/// Keys of `tls` alone.
const OF_TLS: [&str; 4] = ["ca", "certificate", "key", "server_name"];

/// Names of the destinations that have tables of their own.
const TAKEN: [&str; 3] = ["syslog", "stdout", "file"];
/// Characters of a name at most.
const LONGEST_NAME: usize = 32;
/// What every receiver should take in a datagram (RFC 5426, 3.2), in bytes.
const UDP_LIMIT: usize = 2048;
/// journald takes much more (it stores long fields compressed); what people read is not made of it.
const JOURNAL_LIMIT: usize = 48 << 10;

/// The entries of one file, over those of the files before.
pub(super) fn read(tables: Vec<Table<'_>>, mut before: Vec<DestinationConfig>) -> Vec<DestinationConfig> {
    let mut named_here: Vec<String> = Vec::new();
    for table in tables {
        let place = table.place("name").unwrap_or(table.span());
        let faults = table.faults();
        let Some(new) = one(table) else { continue };
        if named_here.contains(&new.name) {
            faults.value(
                "there are two destinations of this name",
                place,
                "the first stands: name each otherwise",
            );
            continue;
        }
        named_here.push(new.name.clone());
        match before.iter_mut().find(|old| old.name == new.name) {
            Some(old) => *old = new,
            None => before.push(new),
        }
    }
    before
}

/// None for one that cannot be; its faults are told.
fn one(table: Table<'_>) -> Option<DestinationConfig> {
    let name = table.required_text("name").and_then(|text| name(&table, text));
    if !table.has("type") {
        table.missing("type");
    }
    let to = match word(&table, "type", &TYPES) {
        Some(kind) => to(&table, kind),
        None => {
            // What else stands there can be judged once the type is known.
            ALL.iter().for_each(|key| table.known(key));
            None
        }
    };
    table.done();
    Some(DestinationConfig { name: name?, to: to? })
}

/// The keys beside `name` and `type`.
const ALL: [&str; 19] = [
    "ca",
    "certificate",
    "key",
    "server_name",
    "address",
    "framing",
    "path",
    "mode",
    "protocol",
    "format",
    "facility",
    "limit",
    "queue",
    "queue_bytes",
    "enterprise",
    "severity",
    "rules",
    "tags",
    "alerts_per_minute",
];

fn to(table: &Table<'_>, kind: Type) -> Option<To> {
    let default = SyslogConfig::default();
    let default = match kind {
        Type::Udp => SyslogConfig { protocol: Protocol::Rfc5424, limit: UDP_LIMIT, ..default },
        Type::Tcp | Type::Tls => SyslogConfig { protocol: Protocol::Rfc5424, ..default },
        Type::Journal => SyslogConfig { limit: JOURNAL_LIMIT, ..default },
        Type::Unix | Type::File => default,
    };
    if !matches!(kind, Type::Tls) {
        without(table, &OF_TLS);
    }
    let address = match kind {
        Type::Unix => {
            without(table, &["address", "framing", "mode"]);
            required(table, "path");
            path(table, "path").map(Address::Unix)
        }
        Type::Udp => {
            without(table, &["path", "framing", "mode"]);
            address(table).map(Address::Udp)
        }
        Type::Tcp => {
            without(table, &["path", "mode"]);
            let framings = [("octet-counting", Framing::OctetCounting), ("line-feed", Framing::LineFeed)];
            let framing = word(table, "framing", &framings).unwrap_or(Framing::OctetCounting);
            address(table).map(|to| Address::Tcp(to, framing))
        }
        Type::Tls => {
            without(table, &["path", "mode", "framing"]);
            let (to, peer) = (address(table), peer(table));
            to.zip(peer).map(|(to, peer)| Address::Tls(to, Box::new(peer)))
        }
        Type::Journal => {
            without(table, &["address", "framing", "mode", "protocol", "format", "enterprise"]);
            let there = if table.has("path") { path(table, "path")? } else { JOURNAL_SOCKET.into() };
            let syslog = Box::new(syslog_messages(table, default));
            return Some(To::Journal { path: there, syslog });
        }
        Type::File => {
            without(table, &["address", "framing", "protocol", "facility", "limit", "enterprise"]);
            required(table, "path");
            let file = FileConfig {
                path: path(table, "path").unwrap_or_default(),
                mode: narrow(table, "mode", 0..=0o777).unwrap_or(0o600),
                format: word(table, "format", &FORMATS).unwrap_or(LineFormat::Json),
                queue: queue(table, Bounds::default()),
                choice: choice(table, &Choice::default()),
            };
            return (!file.path.as_os_str().is_empty()).then_some(To::File(file));
        }
    };
    let syslog = Box::new(syslog_messages(table, default));
    Some(To::Syslog { address: address?, syslog })
}

/// What a receiver over TLS must show, and what we do.
fn peer(table: &Table<'_>) -> Option<Peer> {
    required(table, "ca");
    let (certificate, key) = (path(table, "certificate"), path(table, "key"));
    for (one, other) in [("certificate", "key"), ("key", "certificate")] {
        if table.has(one) && !table.has(other) {
            table.missing(other);
        }
    }
    let name = table.text("server_name").and_then(|name| {
        let sound = Peer::is_name(&name.value);
        if !sound {
            let title = format!("`{}` is no name", table.path("server_name"));
            table.faults().value(
                title,
                name.span,
                "write a DNS name, such as \"loghost.example\", or an IP address",
            );
        }
        sound.then(|| name.value.into_owned())
    });
    Some(Peer { ca: path(table, "ca")?, name, own: certificate.zip(key) })
}

/// Tells each of `keys` that stands there all the same.
fn without(table: &Table<'_>, keys: &[&'static str]) {
    for key in keys {
        table.known(key);
        if let Some(place) = table.place(key) {
            let title = format!("`{}` has no meaning for this type", table.path(key));
            table.faults().value(title, place, "take it away, or change `type`");
        }
    }
}

fn required(table: &Table<'_>, key: &'static str) {
    if !table.has(key) {
        table.missing(key);
    }
}

/// A name is shown, and is a key of the store: nothing that must be escaped.
fn name(table: &Table<'_>, text: Placed<Cow<'_, str>>) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = text.value;
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) || TAKEN.contains(&&*name) {
        let help = format!(
            "write letters, digits, - and _, at most {LONGEST_NAME}; syslog, stdout and file have tables of their own"
        );
        table.faults().value(format!("`{}` cannot be this", table.path("name")), text.span, help);
        return None;
    }
    Some(name.into_owned())
}

/// Names of hosts are not looked up: a resolver that hangs would hold back alerts, and could be made to lead them away.
fn address(table: &Table<'_>) -> Option<SocketAddr> {
    let text = table.required_text("address")?;
    let address = text.value.parse().ok().filter(|address: &SocketAddr| address.port() != 0);
    if address.is_none() {
        let help = "write both, such as \"192.0.2.7:514\" or \"[2001:db8::7]:514\"; names are not looked up";
        let title = format!("`{}` is no IP address and port", table.path("address"));
        table.faults().value(title, text.span, help);
    }
    address
}
