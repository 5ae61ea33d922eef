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

    fn look(&mut self) -> bool {
        self.logger.backend.look()
    }

    fn trouble(&self) -> Option<String> {
        self.logger.backend.trouble().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::unix::net::UnixDatagram;
    use std::sync::Arc;

    use super::*;
    use crate::alert::sample;
    use crate::output::syslog::{Address, Body, Protocol};

    fn alert(comment: usize) -> Message {
        let comment = "c".repeat(comment);
        Message::Alert(Arc::new(sample::alert(&["usermod", "-u", "0", "-o", "-c", &comment, "carol"])))
    }

    fn sink(address: Address, protocol: Protocol, body: Body) -> SyslogSink {
        let formatter = Formatter { limit: 1 << 20, ..Formatter::new(protocol, body) };
        SyslogSink::new(Transport::new(address), formatter)
    }

    /// A large message between two small ones: all three are taken, the large one at the second attempt
    /// and no other message is ever tried longer than that.
    fn one_attempt_more(sink: &mut SyslogSink, mut receive: impl FnMut() -> Vec<u8>) {
        assert!(matches!(sink.begin(&alert(10)), Outcome::Sent));
        assert!(matches!(sink.begin(&alert(300_000)), Outcome::Sent));
        assert_eq!(sink.logger.backend.refusals(), 1, "one refusal, then it fitted");
        let small = receive();
        let large = receive();
        let text = String::from_utf8(large).unwrap();
        assert!(text.contains("...[300000 bytes]...") && text.contains("truncated"), "cut, with a mark");
        assert!(text.len() > small.len());
        assert!(matches!(sink.begin(&alert(300_000)), Outcome::Sent));
        assert_eq!(String::from_utf8(receive()).unwrap(), text);
        assert_eq!(sink.logger.backend.refusals(), 1, "what fits is remembered");
        assert!(matches!(sink.begin(&alert(10)), Outcome::Sent));
        assert_eq!(receive(), small);
    }

    #[test]
    fn emsgsize_on_a_local_socket_gives_exactly_one_attempt_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let receiver = UnixDatagram::bind(&path).unwrap();
        for protocol in [Protocol::Rfc3164, Protocol::Rfc5424] {
            for body in [Body::Text, Body::Json] {
                let mut sink = sink(Address::Unix(path.clone()), protocol, body);
                one_attempt_more(&mut sink, || {
                    let mut buffer = vec![0; 1 << 20];
                    let n = receiver.recv(&mut buffer).unwrap();
                    buffer.truncate(n);
                    buffer
                });
            }
        }
    }

    #[test]
    fn emsgsize_on_udp_gives_exactly_one_attempt_more() {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut sink = sink(Address::Udp(receiver.local_addr().unwrap()), Protocol::Rfc5424, Body::Text);
        one_attempt_more(&mut sink, || {
            let mut buffer = vec![0; 1 << 20];
            let n = receiver.recv(&mut buffer).unwrap();
            buffer.truncate(n);
            buffer
        });
    }

    #[test]
    fn a_message_that_is_refused_twice_is_lost_and_the_next_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let _receiver = UnixDatagram::bind(&path).unwrap();
        let mut sink = sink(Address::Unix(path), Protocol::Rfc3164, Body::Text);
        assert!(matches!(sink.begin(&alert(10)), Outcome::Sent));
        sink.retried = true;
        let written = sink.write(&alert(300_000));
        assert!(matches!(sink.outcome(written, &alert(300_000)), Outcome::Lost(_)));
        assert!(matches!(sink.begin(&alert(10)), Outcome::Sent));
    }
}
