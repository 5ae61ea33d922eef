//! One message a line: the formats of files and streams, and a plain writer for `replay`, where a slow
//! reader should slow the program down rather than lose anything.

use std::io::{self, Write};
use std::sync::Arc;

use super::message::Message;
use super::syslog::Formatter;
use crate::alert::Alert;
use crate::alert::json::{self, Charset};

/// How a message is written on a line.
#[derive(Clone, Debug, Default)]
pub enum Format {
    /// The readable line.
    #[default]
    Text,
    /// The ECS document.
    Json,
    /// ArcSight's Common Event Format.
    Cef,
    /// As syslog carries it, header and all.
    Syslog(Box<Formatter>),
}

impl Format {
    /// Appends the message, whole (but for the limit of syslog), without a line end.
    pub fn push(&self, out: &mut Vec<u8>, message: &Message) {
        match (self, message.parts()) {
            (Self::Text, Ok(alert)) => out.extend_from_slice(alert.line_within(usize::MAX).as_bytes()),
            (Self::Text, Err(notice)) => {
                let time = notice.time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
                out.extend_from_slice(format!("auditward: {} ({time})", notice.text).as_bytes());
            }
            (Self::Json, Ok(alert)) => out.extend_from_slice(alert.json().as_bytes()),
            (Self::Json, Err(notice)) => {
                json::push_object(out, &notice.document(), Charset::Utf8);
            }
            (Self::Cef, Ok(alert)) => super::cef::push_alert(out, alert, usize::MAX),
            (Self::Cef, Err(notice)) => super::cef::push_notice(out, notice, usize::MAX),
            (Self::Syslog(formatter), _) => formatter.push(out, message.level(), message),
        }
    }
}

/// A writer of alerts, one a line, by the caller's own thread.
#[derive(Debug)]
pub struct Lines<W> {
    writer: W,
    format: Format,
    line: Vec<u8>,
}

impl<W: Write> Lines<W> {
    /// Writes to `writer`; buffer it, and flush it with [`Lines::flush`].
    pub fn new(writer: W, format: Format) -> Self {
        Self { writer, format, line: Vec::new() }
    }

    /// Writes one alert with its line end.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, alert: &Arc<Alert>) -> io::Result<()> {
        self.line.clear();
        self.format.push(&mut self.line, &Message::Alert(Arc::clone(alert)));
        self.line.push(b'\n');
        self.writer.write_all(&self.line)
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
