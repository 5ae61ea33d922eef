//! A syslog destination: the formatter over the transport, and what to do when a message is too long.

use std::io::{self, Write};
use std::time::Duration;

use nix::errno::Errno;
use syslog::{Logger, Severity as Level};

use super::{Formatter, LEAST_LIMIT, Transport};
use crate::output::message::Message;
use crate::output::sink::{Outcome, Sink};

/// See [`Sink`].
pub(in crate::output) struct SyslogSink {
    logger: Logger<Transport, Formatter>,
    /// The limit as configured.
    limit: usize,
    /// What a datagram may have here, once one was refused.
    learned: Option<usize>,
    /// The message of the moment was already shortened to what fits.
    retried: bool,
}

impl SyslogSink {
    pub(in crate::output) fn new(transport: Transport, formatter: Formatter) -> Self {
        let limit = formatter.limit.max(LEAST_LIMIT);
        Self { logger: Logger::new(transport, formatter), limit, learned: None, retried: false }
    }

    fn write(&mut self, message: &Message) -> io::Result<()> {
        self.logger.formatter.limit = self.learned.map_or(self.limit, |l| l.min(self.limit));
        log(&mut self.logger, message).map_err(|e| match e {
            syslog::Error::Write(e) | syslog::Error::Io(e) => e,
            other @ syslog::Error::Initialization(_) => io::Error::other(other.to_string()),
        })
    }

    /// EMSGSIZE gives one more attempt, with what fits; and no longer message is tried from then on.
    fn outcome(&mut self, result: io::Result<()>, message: &Message) -> Outcome {
        match result {
            Ok(()) => match self.logger.backend.flush() {
                Ok(()) => Outcome::Sent,
                Err(e) => self.outcome(Err(e), message),
            },
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Outcome::Later,
            Err(e) if e.raw_os_error() == Some(Errno::EMSGSIZE as i32) && !self.retried => {
                self.retried = true;
                self.learned = Some(self.logger.backend.fitting());
                let again = self.write(message);
                self.outcome(again, message)
            }
            Err(e) => Outcome::Lost(e),
        }
    }
}

/// The crate's `Logger` has a method a severity.
fn log(logger: &mut Logger<Transport, Formatter>, message: &Message) -> syslog::Result<()> {
    match message.level() {
        Level::LOG_EMERG => logger.emerg(message),
        Level::LOG_ALERT => logger.alert(message),
        Level::LOG_CRIT => logger.crit(message),
        Level::LOG_ERR => logger.err(message),
        Level::LOG_WARNING => logger.warning(message),
        Level::LOG_NOTICE => logger.notice(message),
        Level::LOG_INFO => logger.info(message),
        Level::LOG_DEBUG => logger.debug(message),
    }
}

impl Sink for SyslogSink {
    fn begin(&mut self, message: &Message) -> Outcome {
        self.retried = false;
        let written = self.write(message);
        self.outcome(written, message)
    }

    fn go_on(&mut self, message: &Message) -> Outcome {
        let flushed = self.logger.backend.flush();
        self.outcome(flushed, message)
    }

    fn wait(&self, at_most: Duration) -> bool {
        self.logger.backend.wait(at_most)
    }

    fn trouble(&self) -> Option<String> {
        self.logger.backend.trouble().map(ToString::to_string)
    }
}
