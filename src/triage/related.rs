//! Other alerts of the same user, login session and host in the last days, out of the store.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Missing, rfc3339, shown};
use crate::alert::{Alert, Who};
use crate::store::{Reader, Tally, Wanted};

/// How far back is looked.
const HOURS: i64 = 48;

/// By rule, the newest first: of who logged in (or else as whom it was done), of the session, of the host.
pub(super) fn tell(
    store: Option<&Path>,
    alert: &Alert,
    document: &Map<String, Value>,
    missing: &mut Vec<Missing>,
) -> Option<Value> {
    let mut lack = |reason: &str| missing.push(Missing::of("other alerts", reason));
    let Some(store) = store else {
        lack("alerts are not stored");
        return None;
    };
    let reader = match Reader::open(store) {
        Ok(reader) => reader,
        Err(why) => {
            lack(&why);
            return None;
        }
    };
    let who = Who::of(document);
    let until = alert.time().as_millisecond();
    let since = until - HOURS * 3_600_000;
    let of = |user: Option<&str>, session: Option<&str>| Wanted {
        since,
        until,
        but: alert.id.clone(),
        user: user.map(str::to_owned),
        session: session.map(str::to_owned),
        host: who.host.as_deref().map(str::to_owned),
    };
    let mut told = Map::new();
    told.insert("hours".to_owned(), HOURS.into());
    let asked = [
        ("user", who.user.as_deref().map(|user| of(Some(user), None))),
        ("session", who.session.as_deref().map(|session| of(None, Some(session)))),
        ("host", Some(of(None, None))),
    ];
    for (key, wanted) in asked {
        // What has no login has no session that others could be of.
        let Some(wanted) = wanted else { continue };
        match reader.tally(&wanted) {
            Ok(tallies) => {
                told.insert(key.to_owned(), tallies.into_iter().map(one).collect());
            }
            Err(why) => {
                lack(&why);
                return None;
            }
        }
    }
    Some(told.into())
}

fn one(tally: Tally) -> Value {
    let newest = Timestamp::from_millisecond(tally.newest).map(rfc3339);
    json!({
        "rule": { "id": shown(&tally.rule_id), "name": shown(&tally.rule_name) },
        "count": tally.count,
        "newest": newest.unwrap_or_default(),
    })
}
