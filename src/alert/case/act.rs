//! What a match says of the act that it is part of, and whether two matches tell of the same one.

use serde_json::{Map, Value};

use crate::alert::document;
use crate::alert::read;
use crate::audit::Stamp;

/// Who did it, to whom; what no record tells is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) host: String,
    process: Process,
    account: Option<String>,
    /// Of a match that names no process (a change of the state, read from a file): its event.
    state: Option<Stamp>,
}

/// `process.entity_id` and `process.pid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Process {
    entity: Option<String>,
    pid: Option<String>,
}

impl Process {
    fn is_known(&self) -> bool {
        self.entity.is_some() || self.pid.is_some()
    }

    /// The same by number and start, and where one's start is unknown by number.
    fn is(&self, other: &Self) -> bool {
        match (&self.entity, &other.entity) {
            (Some(this), Some(other)) => this == other,
            _ => self.pid.is_some() && self.pid == other.pid,
        }
    }
}

impl Act {
    /// What the source event of a match tells.
    pub(super) fn of(event: &Map<String, Value>, stamp: Stamp, host: &str) -> Self {
        let text = |path| read::text(event, path).map(std::borrow::Cow::into_owned);
        let process = Process { entity: text("process.entity_id"), pid: text("process.pid") };
        let state = (!process.is_known()).then_some(stamp);
        Self { host: host.to_owned(), process, account: document::account(event), state }
    }

    /// Whether `other` tells of the same act. Two accounts are two acts, whoever did it. Else the process
    /// decides, and where one of the two names none, the account.
    pub(super) fn is(&self, other: &Self) -> bool {
        let accounts = (self.account.as_ref(), other.account.as_ref());
        if self.host != other.host || matches!(accounts, (Some(this), Some(other)) if this != other) {
            return false;
        }
        // Each change of the state is one, and an act has one.
        if matches!((self.state, other.state), (Some(this), Some(other)) if this != other) {
            return false;
        }
        if self.process.is_known() && other.process.is_known() {
            return self.process.is(&other.process);
        }
        accounts.0.is_some() && accounts.0 == accounts.1
    }

    /// Takes over what `other`, of the same act, knows and this does not.
    pub(super) fn learn(&mut self, other: Self) {
        self.process.entity = self.process.entity.take().or(other.process.entity);
        self.process.pid = self.process.pid.take().or(other.process.pid);
        self.account = self.account.take().or(other.account);
        self.state = self.state.or(other.state);
    }
}
