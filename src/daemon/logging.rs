//! The daemon's own log: standard error, with `<N>` in front under systemd (sd-daemon(3)), so that the
//! journal knows the level. Alerts never go this way.

use std::fmt;
use std::path::Path;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::config::SyslogConfig;
use crate::clean;

/// Starts logging to standard error. `AUDITWARD_LOG` takes tracing's filter syntax (`debug`,
/// `auditward::audit=trace`); the default is `info`. Only the first call has an effect.
pub(super) fn start() {
    let filter = EnvFilter::try_from_env("AUDITWARD_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let format = Format { journal: std::env::var_os("JOURNAL_STREAM").is_some() };
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .event_format(format)
        .try_init();
}

/// Where journald takes what is written to the local log socket.
const JOURNAL: &str = "/run/systemd/journal/dev-log";

/// Whether a sentence that goes to every destination reaches the journal by syslog, so that it is not to be written
/// to standard error as well: the journal would have it twice.
pub(super) fn by_syslog(syslog: &SyslogConfig) -> bool {
    let taken = std::fs::canonicalize(&syslog.socket).is_ok_and(|socket| socket == Path::new(JOURNAL));
    syslog.enabled && taken && std::env::var_os("JOURNAL_STREAM").is_some()
}

struct Format {
    journal: bool,
}

impl<S, N> FormatEvent<S, N> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (number, word) = match *event.metadata().level() {
            Level::ERROR => (3, "error: "),
            Level::WARN => (4, "warning: "),
            Level::INFO => (6, ""),
            Level::DEBUG | Level::TRACE => (7, "debug: "),
        };
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        if self.journal {
            write!(writer, "<{number}>")?;
        } else {
            write!(writer, "auditward: {word}")?;
        }
        writeln!(writer, "{}", clean::text(text.as_bytes()))
    }
}
