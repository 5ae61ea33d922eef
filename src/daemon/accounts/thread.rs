//! The thread that reads: after an inotify event, a change of the mounts, a record of a write, and every so
//! often in any case.

use std::collections::BTreeMap;
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
use super::tally::Tally;
use super::{Probed, Reading};
use crate::account::{
    Aspect, Change, Kind, MOST_STATE_BYTES, Readout, Source, State, Watch, Woken, Written, changes,
    is_without_effect, read,
};
use crate::alert::case::WithoutEffect;

/// The file in the state directory.
const FILE: &str = "accounts.state";

/// Where a file may not be whole yet, what comes so close behind one another is read once.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// A file that was closed is read at once, and again after this time: what comes between is read then.
const AGAIN_IN: Duration = Duration::from_millis(100);

/// One write is news of the file and of its directory.
const GATHER: Duration = Duration::from_millis(1);

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
    mut probed: Probed,
    desk: &Desk,
    called: &UnixStream,
) {
    let mut watch = Watch::new(&config.root);
    let mut unseen = !known.state.is_unknown();
    let mut unreadable: Vec<String> = Vec::new();
    let mut tally = Tally::default();
    // When what was read at once is to be read again.
    let mut again = None;
    // Until then something may have stood in the files that nobody has read.
    let mut doubt = Timestamp::now();
    loop {
        // What is changed from here on wakes.
        watch.renew();
        let written = watch.take_written();
        let began = Timestamp::now();
        let Some(mut readout) = settled(&config.root, &known.state, called, &mut tally) else { return };
        if !probed_settled(&mut readout.state, &known.state, &mut probed, called, &mut tally) {
            return;
        }
        let changes = changes(&known.state, &readout.state);
        tally.differences(&changes);
        let told = told(&mut known, &readout, &changes, &mut unreadable);
        let report = report(&readout, &watch, &tally);
        let read_at = Timestamp::now();
        let (mut without_effect, all) =
            without_effect(&config.root, &written, &known.state, &readout, (doubt, began));
        // Of what was written while it was read, either may have been read.
        let again_written = watch.has_written();
        if again_written {
            without_effect.clear();
        }
        if again_written || !all {
            doubt = read_at;
        }
        let reading = Reading { changes, without_effect, began, read_at, unseen, told, report };
        if desk.accounts(reading).is_some() {
            unseen = false;
            known.told = known.set(readout.state);
        }
        let waited = match again.take() {
            Some(at) => held(&mut watch, called, at, desk),
            None => waited(&mut watch, called, config.interval),
        };
        match waited {
            None => return,
            Some(at_once) => again = at_once.then(|| Instant::now() + AGAIN_IN),
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

fn report(readout: &Readout, watch: &Watch, tally: &Tally) -> status::Accounts {
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
        files: tally.report(),
    }
}

/// Reads until what is there may be taken for the whole; none when the daemon ends.
fn settled(root: &Path, known: &State, called: &UnixStream, tally: &mut Tally) -> Option<Readout> {
    let began = Instant::now();
    let mut look = || {
        let readout = read(root, known);
        tally.read(&readout);
        readout
    };
    let mut readout = look();
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
        let next = look();
        if next.state != readout.state {
            since = Instant::now();
        }
        readout = next;
    }
    Some(readout)
}

/// Asks for what the probe tells, once more where it has changed: a line of shadow may be half written, and a sudoers file that is made
/// anew is empty at first. False when the daemon ends.
fn probed_settled(
    state: &mut State,
    known: &State,
    probed: &mut Probed,
    called: &UnixStream,
    tally: &mut Tally,
) -> bool {
    let mut ask = |state: &mut State| {
        let answered = probed.ask();
        tally.answered(&answered);
        state.set_passwords(answered.passwords);
        state.set_sudoers(answered.sudoers);
    };
    ask(state);
    let is_told = |change: &Change| matches!(change.aspect, Aspect::Password | Aspect::Sudoers);
    if known.is_unknown() || !changes(known, state).iter().any(is_told) {
        return true;
    }
    let goes_on = pause(called, QUIET);
    ask(state);
    goes_on
}

/// The writes of which `readout` says that they had no effect, by both names that records may have for a file; and
/// whether these are all.
fn without_effect(
    root: &Path,
    written: &BTreeMap<Source, Written>,
    known: &State,
    readout: &Readout,
    (from, until): (Timestamp, Timestamp),
) -> (Vec<WithoutEffect>, bool) {
    let (mut seen, mut all) = (Vec::new(), true);
    for (source, written) in written {
        if is_without_effect(source, known, readout, *written) {
            let below = root.join(source.path().trim_start_matches('/')).display().to_string();
            let (from, until) = (from.as_millisecond(), until.as_millisecond());
            seen.extend([source.path().to_owned(), below].map(|path| WithoutEffect { path, from, until }));
        } else {
            all = false;
        }
    }
    (seen, all)
}

/// Waits for a change, a call or the time; whether a file was closed after it was written, and none when the daemon
/// ends.
fn waited(watch: &mut Watch, called: &UnixStream, interval: Duration) -> Option<bool> {
    let mut until = Instant::now() + interval;
    let mut woken = false;
    loop {
        match watch.wait(called.as_fd(), until) {
            Ok(Woken::Time) => return Some(false),
            Ok(Woken::Written) => return pause(called, GATHER).then_some(true),
            Ok(Woken::Changed) => {}
            Ok(Woken::Called) => {
                if !taken(called) {
                    return None;
                }
            }
            // Without poll(2) the interval is all there is.
            Err(_) => return pause(called, interval).then_some(false),
        }
        if !woken {
            (woken, until) = (true, Instant::now() + DEBOUNCE);
        }
    }
}

/// Waits until `until`, whatever comes; whether anything did, and none when the daemon ends. That a file is written again
/// is told at once. What came needs one more look: who did it shortly before this one stays a candidate until then.
fn held(watch: &mut Watch, called: &UnixStream, until: Instant, desk: &Desk) -> Option<bool> {
    let (mut told, mut came) = (false, false);
    loop {
        if !told && watch.has_written() {
            desk.doubt();
            told = true;
        }
        match watch.wait(called.as_fd(), until) {
            Ok(Woken::Time) => return Some(came),
            Ok(Woken::Written | Woken::Changed) => came = true,
            Ok(Woken::Called) => {
                if !taken(called) {
                    return None;
                }
                came = true;
            }
            Err(_) => return pause(called, until.saturating_duration_since(Instant::now())).then_some(came),
        }
    }
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
