//! Events that leave the host by themselves: `[events]`.

use std::time::Instant;

use super::config::EventsConfig;
use super::status;
use crate::eql::Program;
use crate::event::{AuditDocument, json};
use crate::output::{EventFigures, EventFile};

/// The events that are asked for, as ECS documents in a file.
#[derive(Debug)]
pub(super) struct Exported {
    query: Option<Program>,
    writer: json::MaskedWriter,
    file: EventFile,
    path: String,
}

impl Exported {
    /// Opens the file that is configured; none where none is, or it cannot be opened, which is told and added to what is
    /// `left_out`.
    pub(super) fn start(config: Option<&EventsConfig>, left_out: &mut Vec<String>) -> Option<Self> {
        let config = config?;
        let path = config.path.display().to_string();
        let file = EventFile::start(config.path.clone(), config.mode, config.queue_bytes)
            .map_err(|error| {
                let error = format!("events: {path}: {error}");
                eprintln!("auditward: error: {error}; events are not written");
                left_out.push(error);
            })
            .ok()?;
        // It was compiled when the configuration was read.
        let query = config.query.as_ref().and_then(|query| query.compile().ok());
        Some(Self { query, writer: json::MaskedWriter::default(), file, path })
    }

    /// Writes the event if it is asked for.
    pub(super) fn event(&mut self, event: &AuditDocument<'_>) {
        if self.query.as_ref().is_none_or(|query| query.matches(event)) {
            self.file.push(self.writer.write(event));
        }
    }

    /// The file was rotated.
    pub(super) fn reopen(&self) {
        self.file.reopen();
    }

    /// What became of events.
    pub(super) fn status(&self) -> status::Events {
        let EventFigures { written, left_out, waiting, trouble } = self.file.figures();
        status::Events { path: self.path.clone(), written, left_out, waiting_bytes: waiting, trouble }
    }

    /// Writes what waits; how many were left out in all.
    pub(super) fn finish(self, deadline: Instant) -> u64 {
        self.file.finish(deadline).left_out
    }
}
