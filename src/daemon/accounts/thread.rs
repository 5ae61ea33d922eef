//! The thread that reads: after an inotify event, a change of the mounts, a record of a write, and every so
//! often in any case.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::super::config::AccountsConfig;
use super::super::desk::Desk;
use super::super::intake::counted;
use super::super::losses::stamp;
use super::super::state_file::StateFile;
use super::super::status;
use super::{Passwords, Reading};
use crate::account::{Aspect, Change, Kind, MOST_STATE_BYTES, Readout, State, Watch, Woken, changes, read};

/// The file in the state directory.
const FILE: &str = "accounts.state";

/// What comes so close behind one another is read once.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// The records of a write come through the kernel's queue, the news of it (inotify(7)) does not: so long a change waits for
/// who may have written it.
const RECORDS: Duration = Duration::from_millis(100);

/// A file that is empty, ends in the middle of a line or has lost accounts may be half written: it is read again until
/// it was the same for so long, but no longer than that.
const QUIET: Duration = Duration::from_millis(400);
const LONGEST: Duration = Duration::from_millis(1_200);
const AGAIN: Duration = Duration::from_millis(50);

/// The last known state, and where it is kept.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Known {
    state: State,
    file: Option<StateFile>,
    told: Option<String>,
}

impl Known {
    /// What the file in `directory` holds; a file that cannot be used is told, and the next look is the first.
    pub(in crate::daemon) fn of(directory: Option<&Path>) -> Self {
        let Some(directory) = directory else {
            let told = "account files: there is no state directory, so each start is the first: accounts with UID 0 \
                        beside root alert again, and what changes between two runs is not told";
            return Self { told: Some(told.to_owned()), ..Self::default() };
        };
        let file = match StateFile::open(directory, FILE) {
            Ok(file) => file,
            Err(error) => {
                let told = format!("account files: {error}: their state is not kept");
                return Self { told: Some(told), ..Self::default() };
            }
        };
        let (state, told) = match file.read(MOST_STATE_BYTES) {
            Ok(bytes) if bytes.is_empty() => (State::default(), None),
            Ok(bytes) => match State::from_bytes(&bytes) {
                Ok(state) => (state, None),
                Err(error) => {
                    let path = file.path.display();
                    (State::default(), Some(format!("account files: {path}: {error}: the state begins anew")))
                }
            },
            Err(error) => (State::default(), Some(format!("account files: {error}: the state begins anew"))),
        };
        Self { state, file: Some(file), told }
    }

    /// Takes `state` for the known one.
    fn set(&mut self, state: State) -> Option<String> {
        let same = state == self.state;
        self.state = state;
        let file = self.file.as_mut().filter(|_| !same)?;
        file.write(&self.state.to_bytes())
            .err()
            .map(|error| format!("account files: {error}: their state is not kept"))
    }
}

/// Reads and tells until the other end of `called` is shut.
pub(super) fn run(
    config: &AccountsConfig,
    mut known: Known,
    mut passwords: Passwords,
    desk: &Desk,
    called: &UnixStream,
) {
    let mut watch = Watch::new(&config.root);
    let mut unseen = !known.state.is_unknown();
    let mut unreadable: Vec<String> = Vec::new();
    loop {
        // What is changed from here on wakes.
        watch.renew();
        let began = Timestamp::now();
        let Some(mut readout) = settled(&config.root, &known.state, called) else { return };
        if !passwords_settled(&mut readout.state, &known.state, &mut passwords, called) {
            return;
        }
        let changes = changes(&known.state, &readout.state);
        let told = told(&mut known, &readout, &changes, &mut unreadable);
        let report = report(&readout, &watch);
        let read_at = Timestamp::now();
        if !changes.is_empty() {
            std::thread::sleep(RECORDS);
        }
        let reading = Reading { changes, began, read_at, unseen, told, report };
        if desk.accounts(reading).is_some() {
            unseen = false;
            known.told = known.set(readout.state);
        }
        if !waited(&mut watch, called, config.interval) {
            return;
        }
    }
}

/// What is worth a line: what was found at the first look, what cannot be read, and that it can again.
fn told(
    known: &mut Known,
    readout: &Readout,
    changes: &[Change],
    unreadable: &mut Vec<String>,
) -> Option<(String, bool)> {
    let mut lines = Vec::new();
    let mut warning = false;
    if let Some(trouble) = known.told.take() {
        (warning, lines) = (true, vec![trouble]);
    }
    if readout.unreadable != *unreadable {
        warning |= !readout.unreadable.is_empty();
        lines.push(match readout.unreadable.is_empty() {
            true => "account files: all can be read again".to_owned(),
            false => {
                let list = readout.unreadable.join("; ");
                format!("account files that cannot be read, their last known state stands: {list}")
            }
        });
        unreadable.clone_from(&readout.unreadable);
    }
    if known.state.is_unknown() {
        let (users, groups) = readout.state.counts();
        let members = changes.iter().filter(|change| change.kind == Kind::Found && change.group.is_some());
        let members: Vec<String> = members.take(20).map(Change::sentence).collect();
        let members = if members.is_empty() { String::new() } else { format!("; {}", members.join("; ")) };
        let accounts = counted(users as u64, "account");
        let groups = counted(groups as u64, "group");
        lines.push(format!("account files: first look, {accounts} and {groups} known{members}"));
    }
    (!lines.is_empty()).then(|| (lines.join("; "), warning))
}

fn report(readout: &Readout, watch: &Watch) -> status::Accounts {
    let (accounts, groups) = readout.state.counts();
    status::Accounts {
        read_at: stamp(Timestamp::now()),
        accounts,
        groups,
        uid_0: readout.state.roots().count(),
        malformed: readout.state.files().map(|(_, files)| files.malformed).sum(),
        partial: readout
            .state
            .files()
            .filter(|(_, files)| files.partial)
            .map(|(s, _)| s.path().to_owned())
            .collect(),
        unreadable: readout.unreadable.clone(),
        watched: watch.hears(),
        writers: 0,
    }
}

/// Reads until what is there may be taken for the whole; none when the daemon ends.
fn settled(root: &Path, known: &State, called: &UnixStream) -> Option<Readout> {
    let began = Instant::now();
    let mut readout = read(root, known);
    let mut since = began;
    let doubtful = |readout: &Readout| {
        readout.state != *known
            && !known.is_unknown()
            && (readout.unsettled
                || changes(known, &readout.state).iter().any(|one| one.kind == Kind::Removed))
    };
    while doubtful(&readout) && since.elapsed() < QUIET && began.elapsed() < LONGEST {
        if !pause(called, AGAIN) {
            return None;
        }
        let next = read(root, known);
        if next.state != readout.state {
            since = Instant::now();
        }
        readout = next;
    }
    Some(readout)
}

/// Asks for the passwords, once more where one has changed: its line may be half written. False when the daemon ends.
fn passwords_settled(
    state: &mut State,
    known: &State,
    passwords: &mut Passwords,
    called: &UnixStream,
) -> bool {
    state.set_passwords(passwords.ask());
    if known.is_unknown() || !changes(known, state).iter().any(|one| one.aspect == Aspect::Password) {
        return true;
    }
    let goes_on = pause(called, QUIET);
    state.set_passwords(passwords.ask());
    goes_on
}

/// Waits for a change, a call or the time; false when the daemon ends.
fn waited(watch: &mut Watch, called: &UnixStream, interval: Duration) -> bool {
    match watch.wait(called.as_fd(), Instant::now() + interval) {
        Ok(Woken::Time) => return true,
        Ok(Woken::Changed) => {}
        Ok(Woken::Called) => {
            if !taken(called) {
                return false;
            }
        }
        // Without poll(2) the interval is all there is.
        Err(_) => return pause(called, interval),
    }
    pause(called, DEBOUNCE)
}

/// Lets some time pass; false when the daemon ends meanwhile.
fn pause(called: &UnixStream, time: Duration) -> bool {
    let until = Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        match called.set_read_timeout(Some(left)).and_then(|()| one(called)) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) if is_time(&error) => return true,
            Err(_) => return false,
        }
    }
}

/// Takes the calls that wait; false when the other end is shut.
fn taken(called: &UnixStream) -> bool {
    let short = Some(Duration::from_millis(1));
    match called.set_read_timeout(short).and_then(|()| one(called)) {
        Ok(read) => read > 0,
        Err(error) => is_time(&error),
    }
}

fn one(mut called: &UnixStream) -> io::Result<usize> {
    called.read(&mut [0; 256])
}

fn is_time(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
