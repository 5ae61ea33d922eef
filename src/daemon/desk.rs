//! Questions to the loop that reads records, from the threads that serve the sockets.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use super::accounts::Reading;
use super::reload::{Answer, Prepared};
use super::status::Report;
use crate::output::TestAnswer;

/// How long the loop may take to answer: it looks between two batches.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the loop is asked to do.
pub(super) enum Request {
    /// Say how things stand.
    Report(SyncSender<Report>),
    /// Go on with other rules and destinations.
    Install(Box<Prepared>, SyncSender<Answer>),
    /// Tell what became of the account files, and say when that was done.
    Accounts(Box<Reading>, SyncSender<()>),
    /// Give an alert that only tries them to all destinations, and say where each answers.
    SendTest(SyncSender<Vec<Tried>>),
    /// Account files are written again: what was seen of the last writes is in doubt.
    Doubt,
    /// Read rules and settings anew was asked for, and they could not be used.
    Refused(String),
}

/// A destination that is tried, and where it answers.
pub(super) type Tried = (String, Receiver<TestAnswer>);

/// Where questions are handed in.
#[derive(Debug)]
pub(super) struct Desk {
    requests: Sender<Request>,
    waker: UnixStream,
}

impl Desk {
    /// A desk and where its questions come out; a byte to `waker` wakes the loop.
    pub(super) fn open(waker: UnixStream) -> (Self, Receiver<Request>) {
        let (requests, taken) = channel();
        (Self { requests, waker }, taken)
    }

    /// Another for another thread.
    pub(super) fn again(&self) -> std::io::Result<Self> {
        Ok(Self { requests: self.requests.clone(), waker: self.waker.try_clone()? })
    }

    /// How things stand; none when the loop is gone or hangs.
    pub(super) fn report(&self) -> Option<Report> {
        let (sender, answer) = sync_channel(1);
        self.hand_in(Request::Report(sender))?;
        answer.recv_timeout(PATIENCE).ok()
    }

    /// Lets the loop go on with `prepared`; what it says to that.
    pub(super) fn install(&self, prepared: Prepared) -> Option<Answer> {
        let (sender, answer) = sync_channel(1);
        self.hand_in(Request::Install(Box::new(prepared), sender))?;
        answer.recv_timeout(PATIENCE).ok()
    }

    /// Has the loop tell what became of the account files; none when it did not.
    pub(super) fn accounts(&self, reading: Reading) -> Option<()> {
        let (sender, told) = sync_channel(1);
        self.hand_in(Request::Accounts(Box::new(reading), sender))?;
        told.recv_timeout(PATIENCE).ok()
    }

    /// Has the loop try all destinations; where each answers.
    pub(super) fn send_test(&self) -> Option<Vec<Tried>> {
        let (sender, answer) = sync_channel(1);
        self.hand_in(Request::SendTest(sender))?;
        answer.recv_timeout(PATIENCE).ok()
    }

    /// Has the loop doubt what it was last told of account files.
    pub(super) fn doubt(&self) {
        let _ = self.hand_in(Request::Doubt);
    }

    /// Has the loop say that a reload was refused.
    pub(super) fn refused(&self, why: String) {
        let _ = self.hand_in(Request::Refused(why));
    }

    fn hand_in(&self, request: Request) -> Option<()> {
        self.requests.send(request).ok()?;
        // A full pipe wakes as well.
        let _ = (&self.waker).write(&[1]);
        Some(())
    }
}
