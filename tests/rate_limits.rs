//! What a real rsyslogd throws away in a burst: imuxsock at its defaults nothing, with a limit what is beyond; imjournal at its
//! defaults what comes after 20,000 lines of all programs. journald's limit is one of a service: packaging/test/container.sh
//! meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use auditward::output::Outputs;
use syslog_support::journald::Journald;
use syslog_support::rsyslog::rsyslogd;
use syslog_support::{alerts, configured, until};

/// An rsyslogd with `input`, ended when dropped.
struct Receiver {
    child: Child,
    here: PathBuf,
}

impl Receiver {
    /// Started by `command`; what came of us is in `received`, what it says itself in `own`.
    fn start(mut command: Command, here: &Path, input: &str) -> Self {
        let text = format!(
            "global(processInternalMessages=\"on\" workDirectory=\"{here}\")\n{input}\n\
             syslog.* action(type=\"omfile\" file=\"{here}/own\")\n\
             if $programname == \"auditward\" then action(type=\"omfile\" file=\"{here}/received\")\n",
            here = here.display()
        );
        let file = here.join("rsyslog.conf");
        std::fs::write(&file, text).unwrap();
        command.arg("-n").arg("-f").arg(file).arg("-i").arg(here.join("rsyslog.pid"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Self { child, here: here.to_owned() }
    }

    fn lines(&self, name: &str, text: &str) -> usize {
        let all = std::fs::read(self.here.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&all).lines().filter(|line| line.contains(text)).count()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The configuration of one local socket as a destination.
fn near(socket: &Path, more: &str) -> Outputs {
    let socket = socket.display();
    configured(&format!("[[destination]]\nname = \"near\"\ntype = \"unix\"\npath = \"{socket}\"\n{more}\n"))
}

/// 3,000 alerts at once: at imuxsock's defaults all arrive. With the limit that distributions used to set it takes 200 and says
/// so, and a destination with a limit below that gets the numbers of the rest.
#[test]
fn a_burst_passes_imuxsock_at_its_defaults_and_a_limit_of_the_destination_keeps_below_its_own() {
    let Some(program) = rsyslogd() else { return };
    let alerts = alerts(3000);
    for (limit, more, wanted) in [
        ("", "", 3000),
        ("RateLimit.Interval=\"3600\" RateLimit.Burst=\"200\"", "", 200),
        ("RateLimit.Interval=\"3600\" RateLimit.Burst=\"200\"", "alerts_per_minute = 150", 150),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("log");
        let input = format!(
            "module(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"{}\" {limit})",
            socket.display()
        );
        let receiver = Receiver::start(Command::new(&program), folder.path(), &input);
        until("its socket", || socket.exists());
        let outputs = near(&socket, more);
        alerts.iter().for_each(|alert| outputs.push(alert));
        outputs.tell_rest(Instant::now(), true);
        let sent = if more.is_empty() { 3000 } else { 151 };
        until("all are out", || outputs.counters()[0].sent == sent);
        until("they are written", || receiver.lines("received", " MEDIUM ") as u64 >= sent.min(wanted));
        let came = receiver.lines("received", "; time=") - receiver.lines("received", " more in ");
        assert_eq!(came as u64, wanted, "{limit} {more}");
        let told = receiver.lines("received", ": 2,850 more in ");
        assert_eq!(told, usize::from(!more.is_empty()), "{limit} {more}");
        let dropped = receiver.lines("own", "begin to drop messages due to rate-limiting");
        assert_eq!(dropped, usize::from(wanted == 200), "{limit} {more}");
    }
}

/// imjournal counts the lines of all programs together: at its defaults 20,000 of another one's are enough for the alerts behind
/// them to be thrown away. Without the limit, which `auditward doctor` asks for, all arrive.
#[test]
fn imjournal_at_its_defaults_throws_alerts_away_behind_a_noisy_program_and_without_its_limit_none() {
    let Some(program) = rsyslogd() else { return };
    let alerts = alerts(101);
    for (limit, wanted) in [("", 1), ("Ratelimit.Interval=\"0\"", 101)] {
        let folder = tempfile::tempdir().unwrap();
        let Some(journald) = Journald::start(folder.path(), "RateLimitIntervalSec=0") else { return };
        let input =
            format!("module(load=\"imjournal\" StateFile=\"state\" PersistStateInterval=\"1\" {limit})");
        let receiver = Receiver::start(journald.inside(&program), folder.path(), &input);
        let outputs = configured(&format!(
            "[[destination]]\nname = \"journal\"\ntype = \"journal\"\npath = \"{}\"\n",
            journald.socket().display()
        ));
        outputs.push(&alerts[0]);
        until("the first is written", || receiver.lines("received", " MEDIUM ") == 1);
        let noisy = UnixDatagram::unbound().unwrap();
        noisy.connect(journald.socket()).unwrap();
        for n in 1..=20_000 {
            noisy
                .send(format!("SYSLOG_IDENTIFIER=noisy\nPRIORITY=6\nMESSAGE=line {n}\n").as_bytes())
                .unwrap();
        }
        alerts[1..].iter().for_each(|alert| outputs.push(alert));
        until("all are out", || outputs.counters()[0].sent == 101);
        until("they are in the journal", || journald.entries(&["SYSLOG_IDENTIFIER=auditward"]).len() == 101);
        // Whatever is the last by then: journald may have a line of its own to add.
        until("rsyslogd has read them all", || {
            let last = journald.entries(&["-n", "1"]).remove(0);
            receiver.lines("state", last["__CURSOR"].as_str().unwrap()) == 1
        });
        until("what it took is written", || receiver.lines("received", " MEDIUM ") >= wanted);
        assert_eq!(receiver.lines("received", " MEDIUM "), wanted, "{limit}");
        let dropped = receiver.lines("own", "begin to drop messages due to rate-limiting");
        assert_eq!(dropped, usize::from(wanted == 1), "{limit}");
    }
}
