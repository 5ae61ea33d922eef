//! The daemon's side: questions that never wait long, and answers that say when there is none.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, recv, send, socket, sockopt,
};

use super::accounts::{Entry, Page};
use super::answer::{Answer, Known, LONGEST};
use super::auditing::Auditing;
use super::digest::Digest;
use super::process::{FileFacts, Process};
use super::request::{Question, Request, Target};
use crate::audit::control::Status;
use crate::audit::kernel_rules::LoadedRule;

/// How long the loop that reads records waits for an answer; measured, one takes a tenth of a millisecond.
pub const HASTE: Duration = Duration::from_millis(10);

/// How long others wait.
pub const PATIENCE: Duration = Duration::from_secs(6);

/// For how long nothing is asked after an answer did not come in time, as a multiple of that time: a probe that
/// hangs costs the asker at most a twentieth of its own.
const REST: u32 = 20;

/// For how long nothing is asked where nobody listens.
const AWAY: Duration = Duration::from_secs(1);

/// Most pages of one list.
const MOST_PAGES: usize = 4096;

/// Why a question has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReadable {
    /// Nobody listens, or who listens hangs up.
    #[error("not readable: the probe is not there")]
    Away,
    /// No answer came in time.
    #[error("not readable: the probe did not answer in time")]
    Slow,
    /// The process has ended.
    #[error("the process has ended")]
    Gone,
    /// The kernel refused it.
    #[error("not readable: {}", Errno::from_raw(*.0))]
    Refused(i32),
    /// The probe does not read that much.
    #[error("not readable: larger than is read, or slower")]
    TooMuch,
    /// The answer makes no sense.
    #[error("not readable: the probe's answer is not understood")]
    NotUnderstood,
}

/// Where the probe listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket file.
    Path(PathBuf),
    /// A name without a file (`unix(7)`, "abstract").
    Abstract(Vec<u8>),
}

impl Default for Address {
    fn default() -> Self {
        Self::Path(super::SOCKET.into())
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

/// What was asked, by all clients that share it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Questions that were answered, be it that a process is gone.
    pub answered: AtomicU64,
    /// Questions without an answer, as nobody was there.
    pub away: AtomicU64,
    /// Questions without an answer in time, or with one that makes no sense.
    pub slow: AtomicU64,
}

/// Asks the probe. One thread's; others have their own, with the same [`Counts`].
#[derive(Debug)]
pub struct Client {
    address: Address,
    patience: Duration,
    link: Option<OwnedFd>,
    tag: u32,
    /// Until when nothing is asked, and what is answered instead.
    resting: Option<(Instant, NotReadable)>,
    counts: Arc<Counts>,
}

impl Client {
    /// A client that waits up to `patience` for each answer. Nothing is connected yet.
    #[must_use]
    pub fn new(address: Address, patience: Duration, counts: Arc<Counts>) -> Self {
        Self { address, patience, link: None, tag: 0, resting: None, counts }
    }

    /// Waits longer, or less long, from now on.
    pub fn set_patience(&mut self, patience: Duration) {
        (self.patience, self.resting) = (patience, None);
    }

    /// Links, namespaces, file and environment of a process.
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn process(&mut self, target: Target) -> Result<Process, NotReadable> {
        match self.ask(Question::Process(target))? {
            Known::Process(process) => Ok(*process),
            _ => Err(NotReadable::NotUnderstood),
        }
    }

    /// SHA-256 of the file that a process runs; may take seconds.
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn digest(&mut self, target: Target) -> Result<Digest, NotReadable> {
        match self.ask(Question::Digest(target))? {
            Known::Digest(digest) => Ok(digest),
            _ => Err(NotReadable::NotUnderstood),
        }
    }

    /// The state of all accounts' passwords and the sudoers files, page by page.
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn accounts(&mut self) -> Result<Accounts, NotReadable> {
        let mut all = Accounts::default();
        let mut from = 0;
        let end = self.end_of_a_list();
        for _ in 0..MOST_PAGES {
            let page = self.accounts_page(from)?;
            if Instant::now() > end {
                return Err(NotReadable::Slow);
            }
            if from > 0 && page.shadow != all.shadow {
                // It was written between two pages: the beginning may say otherwise now.
                (all, from) = (Accounts::default(), 0);
                continue;
            }
            all.shadow = page.shadow;
            all.truncated |= page.truncated;
            all.entries.extend(page.entries);
            if page.next <= from || page.next >= page.total {
                return Ok(all);
            }
            from = page.next;
        }
        all.truncated = true;
        Ok(all)
    }

    /// One page of [`Client::accounts`].
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn accounts_page(&mut self, from: u32) -> Result<Page, NotReadable> {
        match self.ask(Question::Accounts(from))? {
            Known::Accounts(page) => Ok(page),
            _ => Err(NotReadable::NotUnderstood),
        }
    }

    /// The status of the kernel's audit system, without the rules.
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn audit_status(&mut self) -> Result<Status, NotReadable> {
        // From beyond the last rule on: none is sent.
        Ok(self.auditing_page(u32::MAX)?.status)
    }

    /// The status, and all rules that are loaded but those too long for an answer.
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn auditing(&mut self) -> Result<(Status, Vec<LoadedRule>), NotReadable> {
        let (mut all, mut from) = (Vec::new(), 0);
        let end = self.end_of_a_list();
        for _ in 0..MOST_PAGES {
            let page = self.auditing_page(from)?;
            all.extend(page.rules.into_iter().flatten());
            if page.next <= from || page.next >= page.total {
                return Ok((page.status, all));
            }
            if Instant::now() > end {
                return Err(NotReadable::Slow);
            }
            from = page.next;
        }
        Err(NotReadable::TooMuch)
    }

    /// Until when a list of many pages is asked for that is begun now: each of them may come late.
    fn end_of_a_list(&self) -> Instant {
        Instant::now() + self.patience * REST
    }

    fn auditing_page(&mut self, from: u32) -> Result<Auditing, NotReadable> {
        match self.ask(Question::Auditing(from))? {
            Known::Auditing(auditing) => Ok(*auditing),
            _ => Err(NotReadable::NotUnderstood),
        }
    }

    /// Asks one question.
    ///
    /// # Errors
    /// See [`NotReadable`].
    pub fn ask(&mut self, question: Question) -> Result<Known, NotReadable> {
        let now = Instant::now();
        let answer = match self.resting {
            Some((until, reason)) if now < until => Err(reason),
            _ => self.ask_now(question, now),
        };
        let count = match answer {
            Ok(_) => &self.counts.answered,
            Err(NotReadable::Away) => &self.counts.away,
            Err(_) => &self.counts.slow,
        };
        count.fetch_add(1, Ordering::Relaxed);
        match answer? {
            Answer::Known(known) => Ok(known),
            Answer::Gone => Err(NotReadable::Gone),
            Answer::NotReadable(errno) => Err(NotReadable::Refused(errno)),
            Answer::TooMuch => Err(NotReadable::TooMuch),
        }
    }

    fn ask_now(&mut self, question: Question, now: Instant) -> Result<Answer, NotReadable> {
        let deadline = now + self.patience;
        self.resting = None;
        let mut answer = self.exchange(question, deadline);
        // The probe may have been started anew since the last question: that is found out by asking.
        if answer == Err(NotReadable::Away) {
            answer = self.exchange(question, deadline);
        }
        match answer {
            Ok(_) => {}
            Err(NotReadable::Away) => {
                self.link = None;
                self.resting = Some((now + AWAY.min(self.patience * REST), NotReadable::Away));
            }
            Err(reason) => self.resting = Some((deadline + self.patience * REST, reason)),
        }
        answer
    }

    /// One request, and its answer. What comes late for an earlier one is passed over.
    fn exchange(&mut self, question: Question, deadline: Instant) -> Result<Answer, NotReadable> {
        let link = match self.link.take() {
            Some(link) => link,
            None => open(&self.address).map_err(|_| NotReadable::Away)?,
        };
        self.tag = self.tag.wrapping_add(1);
        let request = Request { tag: self.tag, question }.to_bytes();
        match send(link.as_raw_fd(), &request, MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT) {
            Ok(_) => {}
            Err(Errno::EAGAIN) => {
                self.link = Some(link);
                return Err(NotReadable::Slow);
            }
            Err(_) => return Err(NotReadable::Away),
        }
        let mut datagram = [0; LONGEST + 1];
        let answer = loop {
            match receive(&link, &mut datagram, deadline)? {
                None => break Err(NotReadable::Slow),
                Some(bytes) => match Answer::parse(bytes) {
                    Some((tag, answer)) if tag == self.tag => break Ok(answer),
                    // There may be more of them for as long as somebody asks.
                    Some(_) if Instant::now() >= deadline => break Err(NotReadable::Slow),
                    Some(_) => {}
                    None => return Err(NotReadable::NotUnderstood),
                },
            }
        };
        self.link = Some(link);
        answer
    }
}

/// The next datagram; none when it does not come in time.
fn receive<'b>(
    link: &OwnedFd,
    datagram: &'b mut [u8],
    deadline: Instant,
) -> Result<Option<&'b [u8]>, NotReadable> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: a wait of less than a millisecond is none to poll(2).
        let millis = u32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u32::MAX);
        let timeout = PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(link.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(Errno::EINTR) => continue,
            Err(_) => return Err(NotReadable::Away),
        }
        match recv(link.as_raw_fd(), datagram, MsgFlags::MSG_DONTWAIT) {
            Ok(0) => return Err(NotReadable::Away),
            Ok(length) => return Ok(datagram.get(..length)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => return Err(NotReadable::Away),
        }
    }
}

/// Connects, without ever waiting, to a socket that root listens on (or who we are ourselves): a name without a file
/// is free for anybody once its owner is gone.
fn open(address: &Address) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let link = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?;
    let address = match address {
        Address::Path(path) => UnixAddr::new(path)?,
        Address::Abstract(name) => UnixAddr::new_abstract(name)?,
    };
    connect(link.as_raw_fd(), &address)?;
    let listener = getsockopt(&link, sockopt::PeerCredentials)?.uid();
    let trusted = listener == 0 || listener == nix::unistd::geteuid().as_raw();
    if trusted { Ok(link) } else { Err(Errno::EPERM) }
}

/// The whole list of [`Client::accounts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// `/etc/shadow`; none where it cannot be read, and then no account is listed.
    pub shadow: Option<FileFacts>,
    /// There was more than the probe reads.
    pub truncated: bool,
    /// Accounts in their order, then sudoers files.
    pub entries: Vec<Entry>,
}

#[cfg(test)]
mod tests {
    use std::thread;

    use nix::sys::socket::accept4;
    use proptest::prelude::*;

    use super::super::server;
    use super::*;

    fn client(path: &Path, patience: Duration) -> (Client, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        (Client::new(path.into(), patience, Arc::clone(&counts)), counts)
    }

    fn counted(counts: &Counts) -> [u64; 3] {
        [&counts.answered, &counts.away, &counts.slow].map(|count| count.load(Ordering::Relaxed))
    }

    fn this() -> Target {
        let stat = std::fs::read("/proc/self/stat").expect("own stat");
        Target { pid: std::process::id(), start: super::super::process::start(&stat).expect("a start") }
    }

    #[test]
    fn a_probe_that_is_there_answers() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let listening = server::listener(&path);
        let uid = nix::unistd::geteuid().as_raw();
        server::check_listener(&listening).expect("a listener");
        thread::spawn(move || server::serve(&listening, uid, None));
        let (mut client, counts) = client(&path, Duration::from_secs(30));
        let process = client.process(this()).expect("an answer");
        assert!(process.executable.is_some() && process.file.is_some());
        let Target { pid, start } = this();
        assert_eq!(client.process(Target { pid, start: start + 1 }), Err(NotReadable::Gone));
        assert_eq!(client.digest(this()).expect("a digest").file, process.file.expect("a file"));
        assert_eq!(counted(&counts), [3, 0, 0]);
    }

    #[test]
    fn where_nobody_listens_it_is_said_at_once_and_later_asked_again() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let (mut client, counts) = client(&path, Duration::from_millis(1));
        assert_eq!(client.audit_status(), Err(NotReadable::Away));
        assert_eq!(counted(&counts), [0, 1, 0]);
        let listening = server::listener(&path);
        let uid = nix::unistd::geteuid().as_raw();
        thread::spawn(move || server::serve(&listening, uid, None));
        client.set_patience(Duration::from_secs(30));
        client.process(this()).expect("found again");
    }

    #[test]
    fn another_user_is_hung_up_on() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let listening = server::listener(&path);
        let other = nix::unistd::geteuid().as_raw() + 1;
        thread::spawn(move || server::serve(&listening, other, None));
        let (mut client, _) = client(&path, Duration::from_secs(30));
        assert_eq!(client.process(this()), Err(NotReadable::Away));
    }

    #[test]
    fn a_probe_that_says_nothing_costs_one_wait_and_its_late_answer_is_not_taken_for_another() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let listening = server::listener(&path);
        let (mut client, counts) = client(&path, Duration::from_millis(50));
        assert_eq!(client.process(this()), Err(NotReadable::Slow));
        // Not asked at all: the rest has begun.
        for _ in 0..1000 {
            assert_eq!(client.process(this()), Err(NotReadable::Slow));
        }
        assert_eq!(counted(&counts), [0, 0, 1001]);
        let probe = thread::spawn(move || {
            let connection = accept4(&listening, SockFlag::SOCK_CLOEXEC).expect("a connection");
            let mut requests = 0;
            let mut datagram = [0; 64];
            for answer in [Answer::Gone, Answer::TooMuch] {
                let length =
                    recv(connection.as_raw_fd(), &mut datagram, MsgFlags::empty()).expect("a request");
                requests += 1;
                let bytes = server::answer(&datagram[..length], |_| answer).expect("a request");
                send(connection.as_raw_fd(), &bytes, MsgFlags::empty()).expect("sent");
            }
            requests
        });
        client.set_patience(Duration::from_secs(30));
        assert_eq!(client.process(this()), Err(NotReadable::TooMuch));
        assert_eq!(probe.join().expect("ended"), 2);
    }

    /// A probe that takes one connection and sends what `says` makes of each request, until that makes nothing of it.
    fn hostile(path: &Path, mut says: impl FnMut(u32) -> Option<Vec<u8>> + Send + 'static) {
        let listening = server::listener(path);
        thread::spawn(move || {
            let connection = accept4(&listening, SockFlag::SOCK_CLOEXEC).expect("a connection");
            let mut datagram = [0; 64];
            while let Ok(length @ 1..) = recv(connection.as_raw_fd(), &mut datagram, MsgFlags::empty()) {
                let request = Request::parse(&datagram[..length]).expect("a request");
                let Some(bytes) = says(request.tag) else { return };
                if send(connection.as_raw_fd(), &bytes, MsgFlags::MSG_NOSIGNAL).is_err() {
                    return;
                }
            }
        });
    }

    #[test]
    fn a_probe_that_answers_other_questions_without_end_costs_one_wait() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let listening = server::listener(&path);
        let (sent, wait) = std::sync::mpsc::channel();
        let probe = thread::spawn(move || {
            let connection = accept4(&listening, SockFlag::SOCK_CLOEXEC).expect("a connection");
            let receive = || recv(connection.as_raw_fd(), &mut [0; 64], MsgFlags::empty());
            receive().expect("a request");
            for tag in 1_000..1_050 {
                let other = Answer::Gone.to_bytes(tag);
                send(connection.as_raw_fd(), &other, MsgFlags::empty()).expect("sent");
            }
            sent.send(()).expect("heard");
            // Past the second request, which may still wait.
            loop {
                match receive() {
                    Ok(1..) => {}
                    end => return end,
                }
            }
        });
        let (mut client, _) = client(&path, Duration::ZERO);
        assert_eq!(client.process(this()), Err(NotReadable::Slow));
        wait.recv().expect("sent");
        assert_eq!(client.process(this()), Err(NotReadable::Slow));
        drop(client);
        // The connection was closed with something unread: it did not read on for as long as there was more.
        assert_eq!(probe.join().expect("ended"), Err(Errno::ECONNRESET));
    }

    #[test]
    fn a_list_without_end_is_given_up() {
        let auditing = |from| Auditing {
            status: Status::default(),
            total: u32::MAX,
            next: from,
            rules: vec![None; 100],
        };
        let page =
            |from| Page { shadow: None, total: u32::MAX, truncated: false, next: from, entries: Vec::new() };
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let patience = Duration::from_secs(30);
        hostile(&path, move |tag| {
            Some(Answer::Known(Known::Auditing(Box::new(auditing(tag)))).to_bytes(tag))
        });
        assert_eq!(client(&path, patience).0.auditing(), Err(NotReadable::TooMuch));
        std::fs::remove_file(&path).expect("the socket");
        hostile(&path, move |tag| Some(Answer::Known(Known::Accounts(page(tag))).to_bytes(tag)));
        let all = client(&path, patience).0.accounts().expect("as much as is read");
        assert!(all.truncated && all.entries.is_empty());
    }

    /// What a probe says that is not ours: any bytes, or an answer, to the question or to another.
    #[derive(Clone, Debug)]
    enum Said {
        Bytes(Vec<u8>),
        Answer(Answer, u32),
    }

    fn said() -> impl Strategy<Value = Said> {
        let answer = prop_oneof![
            Just(Answer::Gone),
            Just(Answer::TooMuch),
            any::<i32>().prop_map(Answer::NotReadable),
            Just(Answer::Known(Known::Process(Box::default()))),
            (any::<u32>(), 0_u32..4).prop_map(|(total, next)| {
                let page = Page { shadow: None, total, truncated: true, next, entries: Vec::new() };
                Answer::Known(Known::Accounts(page))
            }),
            (any::<u32>(), 0_u32..4).prop_map(|(total, next)| {
                let rules = vec![None; 3];
                Answer::Known(Known::Auditing(Box::new(Auditing {
                    status: Status::default(),
                    total,
                    next,
                    rules,
                })))
            }),
        ];
        prop_oneof![
            prop::collection::vec(any::<u8>(), 1..40).prop_map(Said::Bytes),
            (answer.clone(), Just(0)).prop_map(|(answer, off)| Said::Answer(answer, off)),
            (answer, 1_u32..3).prop_map(|(answer, off)| Said::Answer(answer, off)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// It is an answer only where the probe gave one of that kind; whatever else it says is an error.
        #[test]
        fn what_a_hostile_probe_says_is_its_answer_or_an_error(script in prop::collection::vec(said(), 0..6)) {
            let gave = |kind: fn(&Known) -> bool| {
                // To this question or to one that it foresaw.
                script.iter().any(|said| matches!(said, Said::Answer(Answer::Known(known), _) if kind(known)))
            };
            let folder = tempfile::tempdir().expect("a directory");
            let path = folder.path().join("socket");
            let mut says = script.clone().into_iter();
            hostile(&path, move |tag| says.next().map(|said| match said {
                Said::Bytes(bytes) => bytes,
                Said::Answer(answer, off) => answer.to_bytes(tag.wrapping_add(off)),
            }));
            let (mut client, _) = client(&path, Duration::from_millis(2));
            let again = |client: &mut Client| client.set_patience(Duration::from_millis(2));
            let process = client.process(Target { pid: 1, start: 1 });
            prop_assert!(process.is_err() || gave(|known| matches!(known, Known::Process(_))));
            again(&mut client);
            let accounts = client.accounts();
            prop_assert!(accounts.is_err() || gave(|known| matches!(known, Known::Accounts(_))));
            again(&mut client);
            let auditing = client.auditing();
            prop_assert!(auditing.is_err() || gave(|known| matches!(known, Known::Auditing(_))));
        }
    }

    #[test]
    fn an_answer_that_is_none_ends_the_connection() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("socket");
        let listening = server::listener(&path);
        let probe = thread::spawn(move || {
            let connection = accept4(&listening, SockFlag::SOCK_CLOEXEC).expect("a connection");
            send(connection.as_raw_fd(), &[b'x'; 9000], MsgFlags::empty()).expect("sent");
            recv(connection.as_raw_fd(), &mut [0; 64], MsgFlags::empty()).expect("the request");
            recv(connection.as_raw_fd(), &mut [0; 64], MsgFlags::empty())
        });
        let (mut client, counts) = client(&path, Duration::from_secs(30));
        assert_eq!(client.process(this()), Err(NotReadable::NotUnderstood));
        assert_eq!(counted(&counts), [0, 0, 1]);
        assert!(matches!(probe.join().expect("ended"), Ok(0) | Err(Errno::ECONNRESET)));
    }
}
