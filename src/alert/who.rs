//! By what a stored alert is looked up: accounts, session, host, case.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::read;

/// Where a document names accounts. The first that is there is the user whose alert it is: who logged in, or else
/// as whom the process ran.
const USERS: [&str; 9] = [
    "user.audit.name",
    "user.audit.id",
    "user.name",
    "user.id",
    "user.effective.name",
    "user.effective.id",
    "user.target.name",
    "user.target.id",
    "auditward.target.user.name",
];

/// To whom it was done; the first that is there.
const TARGETS: [&str; 3] = ["user.target.name", "auditward.target.user.name", "user.target.id"];

/// `auid` and `ses` of what no login stands behind, as records have them.
const UNSET: [&str; 2] = ["unset", "4294967295"];

/// Who logged in, or else as whom the process ran, and to whom it was done: the name of each, or else its number.
pub(super) fn concerned(document: &Map<String, Value>) -> Vec<String> {
    let first = |paths: &[&str]| {
        let texts = paths.iter().filter_map(|path| read::text(document, path));
        texts.map(Cow::into_owned).find(|text| !UNSET.contains(&text.as_str()))
    };
    let mut accounts: Vec<String> = [first(&USERS[..6]), first(&TARGETS)].into_iter().flatten().collect();
    accounts.dedup();
    accounts
}

/// See the module's page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Who logged in, or else as whom the process ran: its name, or else its number.
    pub user: Option<Box<str>>,
    /// Every name and number of an account: `|alice|1000|root|0|bob|`.
    pub users: Box<str>,
    /// The login session.
    pub session: Option<Box<str>>,
    /// `host.name`.
    pub host: Option<Box<str>>,
    /// The id of the case's first alert.
    pub case: Option<Box<str>>,
}

impl Who {
    /// Of an alert's document.
    #[must_use]
    pub fn of(document: &Map<String, Value>) -> Self {
        let get = |path: &str| read::text(document, path);
        let mut users: Vec<Cow<'_, str>> = Vec::new();
        for name in USERS.iter().filter_map(|path| get(path)) {
            if !users.contains(&name) && !UNSET.contains(&&*name) {
                users.push(name);
            }
        }
        let kept = |text: Cow<'_, str>| text.into_owned().into_boxed_str();
        Self {
            user: users.first().cloned().map(kept),
            users: format!("|{}|", users.join("|")).into(),
            session: get("auditd.session").filter(|session| !UNSET.contains(&&**session)).map(kept),
            host: get("host.name").map(kept),
            case: get("auditward.case.id").map(kept),
        }
    }
}
