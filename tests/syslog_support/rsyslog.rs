//! A private rsyslogd: sockets and files of its own, nothing of the system's.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use auditward::alert::Alert;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde_json::Value;

use super::growth::whole_bytes;
use super::strict::{self, Rfc5424};

/// A running rsyslogd; ended and its directory removed when dropped.
pub(crate) struct Rsyslog {
    child: Option<Child>,
    dir: tempfile::TempDir,
    pub udp: u16,
    pub tcp: u16,
}

/// rsyslogd's path; none, with the reason printed, where it is not installed.
///
/// # Panics
/// Where it is missing although `AUDITWARD_LIVE=1` demands it.
pub(crate) fn rsyslogd() -> Option<PathBuf> {
    let places = ["/usr/sbin/rsyslogd", "/sbin/rsyslogd", "/usr/bin/rsyslogd"];
    let found = places.iter().map(PathBuf::from).find(|p| p.exists());
    if found.is_none() {
        assert!(std::env::var_os("AUDITWARD_LIVE").is_none_or(|v| v != "1"), "rsyslogd is not installed");
        println!("skipped: rsyslogd is not installed (package rsyslog)");
    }
    found
}

impl Rsyslog {
    /// Starts one that writes what it understood, a JSON object a message, into [`Rsyslog::received`].
    /// None, with the reason printed, where rsyslogd is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// The same with `more` at the head of its configuration.
    pub(crate) fn start_with(more: &str) -> Option<Self> {
        rsyslogd()?;
        let dir = tempfile::tempdir().expect("directory");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("port").local_addr().expect("port").port();
        let tcp = super::free_port();
        let text = more.to_owned() + &configuration(dir.path(), udp, tcp);
        std::fs::write(dir.path().join("conf"), text).expect("configuration");
        let mut it = Self { child: None, dir, udp, tcp };
        it.run();
        Some(it)
    }

    /// Starts the program (again).
    pub(crate) fn run(&mut self) {
        assert!(self.child.is_none(), "already running");
        let log = std::fs::File::create(self.dir.path().join("own.log")).expect("log");
        let child = Command::new(rsyslogd().expect("rsyslogd"))
            .arg("-n")
            .arg("-f")
            .arg(self.dir.path().join("conf"))
            .arg("-i")
            .arg(self.dir.path().join("pid"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("rsyslogd starts");
        self.child = Some(child);
        let socket = self.socket();
        super::until("rsyslogd's socket", || socket.exists());
        let tcp = self.tcp;
        super::until("rsyslogd's TCP port", || std::net::TcpStream::connect(("127.0.0.1", tcp)).is_ok());
    }

    /// Ends the program; its socket goes with it.
    pub(crate) fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("pid"));
        let _ = kill(pid, Signal::SIGCONT);
        let _ = kill(pid, Signal::SIGTERM);
        let _ = child.wait();
    }

    /// Kills the program, in whatever it is; its socket's place stays.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().expect("killed");
        let _ = child.wait();
    }

    /// Stops it in its tracks, the sockets open, or lets it go on. After SIGSTOP all its threads stand still: until then one
    /// on another processor may take a further message.
    pub(crate) fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("running");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("pid"));
        kill(pid, signal).expect("signal");
        if signal == Signal::SIGSTOP {
            waitpid(pid, Some(WaitPidFlag::WUNTRACED)).expect("it stands still");
        }
    }

    /// Its log socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// A log socket without its special parser for local messages, as RFC 5424 needs it.
    pub(crate) fn socket_5424(&self) -> PathBuf {
        self.dir.path().join("log5424")
    }

    /// What its mmjsonparse took for JSON behind `@cee: `.
    pub(crate) fn cee(&self) -> Vec<Value> {
        let parse = |line: String| serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        lines(&self.dir.path().join("cee.json")).map(parse).collect()
    }

    /// What it wrote with its template for JSON, oldest first.
    pub(crate) fn received(&self) -> Vec<Value> {
        lines(&self.dir.path().join("received.json"))
            .map(|line| serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// What it wrote as Debian's auth.log has it.
    pub(crate) fn auth_log(&self) -> Vec<String> {
        lines(&self.dir.path().join("auth.log")).collect()
    }
}

fn lines(path: &Path) -> impl Iterator<Item = String> + use<> {
    let text = String::from_utf8(whole_bytes(path)).expect("UTF-8");
    text.lines().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The structured data as rsyslog read it, taken apart.
pub(crate) fn structured(message: &Value) -> Rfc5424 {
    let data = message["structured-data"].as_str().unwrap();
    let framed = format!("<84>1 2026-09-21T14:15:00.101Z web1 auditward 1 x {data} x");
    strict::rfc5424(framed.as_bytes()).unwrap_or_else(|e| panic!("{e}: {data}"))
}

/// Every field that rsyslog read of an alert in the syslog protocol is the alert's: the header, and each pair of the structured
/// data to the byte, but for the one long argument where the message was cut.
pub(crate) fn assert_read(message: &Value, alert: &Alert) {
    assert_eq!(
        (&message["app-name"], &message["hostname"]),
        (&"auditward".into(), &"web1".into()),
        "{message}"
    );
    assert_eq!(message["msgid"], alert.rule.id, "{message}");
    assert_eq!(message["procid"], std::process::id().to_string(), "{message}");
    let level = (&message["syslogfacility-text"], &message["syslogseverity-text"]);
    assert_eq!(level, (&"authpriv".into(), &"warning".into()), "{message}");
    // A local socket's messages get the time of their arrival.
    if message["inputname"] != "imuxsock" {
        assert_eq!(message["timereported"], "2026-09-21T14:15:00.101Z", "{message}");
    }
    let parsed = structured(message);
    let data = &message["structured-data"];
    let [(id, parameters)] = parsed.data.as_slice() else { panic!("one element: {data}") };
    assert_eq!(id, "auditward@32473");
    let read =
        parameters.iter().map(|(key, value)| (key.clone(), auditward::clean::unescape(value).unwrap()));
    let cut = parsed.param("truncated").is_some();
    let sent = super::pairs(&alert.line);
    assert_eq!(cut, sent.iter().any(|(_, value)| value.len() > 100_000), "{data}");
    let whole = |(key, _): &(String, Vec<u8>)| !cut || !["a5", "truncated"].contains(&key.as_str());
    assert_eq!(read.filter(whole).collect::<Vec<_>>(), sent.into_iter().filter(whole).collect::<Vec<_>>());
}

/// imuxsock at its defaults on a private socket, UDP and TCP on loopback.
fn configuration(dir: &Path, udp: u16, tcp: u16) -> String {
    let property = |name: &str| format!(r#"property(name="{name}" outname="{name}" format="jsonf")"#);
    let time = r#"property(name="timereported" outname="timereported" dateFormat="rfc3339" format="jsonf")"#;
    let properties = [
        "inputname",
        "programname",
        "syslogtag",
        "procid",
        "syslogfacility-text",
        "syslogseverity-text",
        "hostname",
        "app-name",
        "msgid",
        "structured-data",
        "msg",
        "rawmsg",
    ]
    .map(property)
    .join(" constant(value=\",\") ");
    format!(
        r#"
global(workDirectory="{dir}" maxMessageSize="512k")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{dir}/log")
input(type="imuxsock" Socket="{dir}/log5424" UseSpecialParser="off")
module(load="imudp")
input(type="imudp" address="127.0.0.1" port="{udp}")
module(load="imptcp")
input(type="imptcp" address="127.0.0.1" port="{tcp}")
template(name="json" type="list") {{
  constant(value="{{") {time} constant(value=",") {properties} constant(value="}}\n")
}}
auth,authpriv.* action(type="omfile" file="{dir}/auth.log" template="RSYSLOG_FileFormat")
if $programname == "auditward" then action(type="omfile" file="{dir}/received.json" template="json")
module(load="mmjsonparse")
template(name="cee" type="list") {{ property(name="$!all-json") constant(value="\n") }}
if $programname == "auditward" then {{
  action(type="mmjsonparse")
  if $parsesuccess == "OK" then action(type="omfile" file="{dir}/cee.json" template="cee")
}}
"#,
        dir = dir.display()
    )
}
