//! Syslog: a formatter of ours and a sender of ours, between them the `syslog` crate's `Logger`.
//!
//! `rfc3164` and `rfc5424` write the message, `frame` marks its end, `transport` gets it out without
//! ever blocking.

use std::borrow::Cow;
use std::io::Write;

use jiff::tz::TimeZone;
use syslog::{Facility, LogFormat, Severity as Level};

use super::message::Message;
use crate::alert::json::Charset;
use crate::alert::read;

mod frame;
mod rfc3164;
mod rfc5424;
mod sink;
mod transport;

pub use frame::Framing;
pub(super) use sink::SyslogSink;
pub use transport::{Address, Peer, Transport};

/// APP-NAME, and the tag of RFC 3164.
pub const APP_NAME: &str = "auditward";
/// The example number that IANA reserves for documentation (RFC 5612). A site that has a private
/// enterprise number of its own sets that.
pub const EXAMPLE_ENTERPRISE: u32 = 32473;
/// What goes into one message by default: what receivers take without being told (rsyslog's and
/// journald's lines are cut beyond).
pub const DEFAULT_LIMIT: usize = 8192;
/// What the readable line has by default: RFC 3164 (4.1) ends a whole message there, and a line of a log should be one that is read.
pub const DEFAULT_LINE: usize = 1024;
/// The least that RFC 5424 (6.1) lets every receiver take, and the least a limit can be.
pub const LEAST_LIMIT: usize = 480;

/// The header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// As local daemons write it, without a host name.
    #[default]
    Rfc3164,
    /// With structured data.
    Rfc5424,
}

/// The text behind the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Body {
    /// The readable line.
    #[default]
    Text,
    /// The ECS document.
    Json,
    /// The ECS document behind `@cee: `, the mark by which rsyslog's mmjsonparse knows it.
    CeeJson,
    /// ArcSight's Common Event Format.
    Cef,
}

/// Writes messages as syslog has them; implements the `syslog` crate's [`LogFormat`].
#[derive(Clone, Debug)]
pub struct Formatter {
    /// The header.
    pub protocol: Protocol,
    /// The text.
    pub body: Body,
    /// `authpriv` by default.
    pub facility: Facility,
    /// Bytes of one message at most, header and all.
    pub limit: usize,
    /// Bytes of the readable line at most.
    pub line: usize,
    /// The number behind `auditward@` in structured data.
    pub enterprise: u32,
    /// HOSTNAME of messages that are about no host of their own.
    pub host: String,
    /// PROCID.
    pub pid: u32,
    /// The zone of RFC 3164's time; the system's, asked each time, when none.
    pub zone: Option<TimeZone>,
}

/// For a local socket: RFC 3164 with the readable line.
impl Default for Formatter {
    fn default() -> Self {
        Self::new(Protocol::Rfc3164, Body::Text)
    }
}

impl Formatter {
    /// The default for a local socket.
    #[must_use]
    pub fn new(protocol: Protocol, body: Body) -> Self {
        Self {
            protocol,
            body,
            facility: Facility::LOG_AUTHPRIV,
            limit: DEFAULT_LIMIT,
            line: usize::MAX,
            enterprise: EXAMPLE_ENTERPRISE,
            host: host_name(),
            pid: std::process::id(),
            zone: None,
        }
    }

    /// Appends the whole message, unframed, of at most [`Formatter::limit`] bytes.
    pub fn push(&self, out: &mut Vec<u8>, level: Level, message: &Message) {
        let start = out.len();
        let pri = self.facility as u8 | level as u8;
        match self.protocol {
            Protocol::Rfc3164 => {
                let zone = self.zone.clone().unwrap_or_else(TimeZone::system);
                rfc3164::push_header(out, pri, message.time(), zone, self.pid);
            }
            Protocol::Rfc5424 => self.push_5424_header(out, pri, message),
        }
        let bom = if self.protocol == Protocol::Rfc5424 { rfc5424::BOM.len() } else { 0 };
        let room = self.limit.saturating_sub(out.len() - start);
        match (self.body, message) {
            (Body::Text, _) => {
                let text = text_within(message, room.saturating_sub(bom).min(self.line));
                match self.protocol {
                    Protocol::Rfc3164 => out.extend_from_slice(text.as_bytes()),
                    Protocol::Rfc5424 => rfc5424::push_msg(out, &text),
                }
            }
            // JSON in ASCII: no BOM before the brace, no relay of seven bits harms it.
            (Body::Json, _) => push_json(out, message, room),
            (Body::Cef, _) => push_cef(out, message, room),
            (Body::CeeJson, _) => {
                let mark = b"@cee: ";
                out.extend_from_slice(mark);
                push_json(out, message, room.saturating_sub(mark.len()));
            }
        }
    }

    /// Header and structured data: beside a text all facts, in at most half of what the header leaves;
    /// beside JSON, which holds them itself, id and severity.
    fn push_5424_header(&self, out: &mut Vec<u8>, pri: u8, message: &Message) {
        let (host, msgid, document) = match message.parts() {
            Ok(alert) => {
                let document = alert.facts();
                let host = read::text(&document, "host.name").map(Cow::into_owned);
                (host.unwrap_or_else(|| self.host.clone()), alert.rule_id(), Some(document))
            }
            Err(notice) => (self.host.clone(), notice.topic.word(), None),
        };
        let start = out.len();
        // One that is longer would leave hardly any room for what is told.
        let host = host.get(..self.limit / 4).unwrap_or(&host);
        rfc5424::Header { pri, time: message.time(), host, pid: self.pid, msgid }.push(out);
        let room = self.limit.saturating_sub(out.len() - start) / 2;
        match (&document, self.body) {
            (Some(document), Body::Text) => {
                out.extend_from_slice(&rfc5424::structured_data(document, self.enterprise, room));
            }
            (Some(document), _) => {
                out.extend_from_slice(&rfc5424::short_structured_data(document, self.enterprise));
            }
            (None, _) => out.push(b'-'),
        }
        out.push(b' ');
    }
}

fn text_within(message: &Message, room: usize) -> Cow<'_, str> {
    match message.parts() {
        Ok(alert) => alert.line_within(room),
        Err(notice) => Cow::Borrowed(crate::clean::cut(&notice.text, room)),
    }
}

fn push_cef(out: &mut Vec<u8>, message: &Message, room: usize) {
    match message.parts() {
        Ok(alert) => super::cef::push_alert(out, alert, room),
        Err(notice) => super::cef::push_notice(out, notice, room),
    }
}

fn push_json(out: &mut Vec<u8>, message: &Message, room: usize) {
    match message.parts() {
        Ok(alert) => super::json::push_alert(out, alert, room, Charset::Ascii),
        Err(notice) => super::json::push_notice(out, notice, room),
    }
}

/// One call of `write` a message, as our transport wants it.
impl LogFormat<&Message> for Formatter {
    fn format<W: Write>(&self, w: &mut W, severity: Level, message: &Message) -> syslog::Result<()> {
        let mut out = Vec::with_capacity(1024);
        self.push(&mut out, severity, message);
        w.write_all(&out).map_err(syslog::Error::Write)
    }
}

/// This host's name; empty where it has none that is UTF-8.
pub(crate) fn host_name() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}
