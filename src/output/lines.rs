//! Alerts one a line into any writer, by the caller's own thread: for `replay`, where a slow reader
//! should slow the program down rather than lose anything.

use std::io::{self, Write};

use super::json;
use crate::alert::Alert;

/// How an alert is written on a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// The readable line.
    #[default]
    Text,
    /// The ECS document.
    Json,
}

/// A writer of alerts, one a line.
#[derive(Debug)]
pub struct Lines<W> {
    writer: W,
    format: Format,
}

impl<W: Write> Lines<W> {
    /// Writes to `writer`; buffer it, and flush it with [`Lines::flush`].
    pub fn new(writer: W, format: Format) -> Self {
        Self { writer, format }
    }

    /// Writes one alert, whole, with its line end.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, alert: &Alert) -> io::Result<()> {
        match self.format {
            Format::Text => self.writer.write_all(alert.line.as_bytes())?,
            Format::Json => self.writer.write_all(&json::alert(alert, usize::MAX))?,
        }
        self.writer.write_all(b"\n")
    }

    /// Hands everything written so far to the system.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
