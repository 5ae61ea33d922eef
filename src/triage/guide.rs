//! The questions of a rule's guide about one alert: filled, and answered where this program can.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::accounts::Accounts;
use super::answer::Answers;
use super::query::{self, Filling};
use super::users::{Concerned, Role};
use crate::alert::{Alert, read};

/// What values come from.
pub(super) struct Guide<'a> {
    pub(super) document: &'a Map<String, Value>,
    pub(super) accounts: &'a Accounts,
    pub(super) concerned: &'a [Concerned],
}

/// Fields by which a guide means a user, whoever that is.
const OF_A_USER: [&str; 4] = ["user.name", "user.id", "group.name", "group.id"];

impl Guide<'_> {
    /// Every question of the alert's rules, once for each user where it is about one. One that two rules ask is asked once.
    pub(super) fn answer(&self, alert: &Alert, answers: Option<&Answers>, until: Instant) -> Value {
        let mut told: Vec<Value> = Vec::new();
        let rules = std::iter::once(&alert.rule).chain(&alert.also);
        let questions = rules.flat_map(|rule| query::of_rule(rule).into_iter().map(move |one| (rule, one)));
        let mut before: Vec<String> = Vec::new();
        for (rule, question) in questions.take(query::MOST) {
            if before.contains(&question.query) {
                continue;
            }
            let about_user = query::fields(&question.query).iter().any(|field| OF_A_USER.contains(field));
            let everyone: Vec<Option<&Concerned>> = match about_user {
                true if !self.concerned.is_empty() => self.concerned.iter().map(Some).collect(),
                _ => vec![None],
            };
            let mut asked: Vec<String> = Vec::new();
            for user in everyone {
                let filled = query::fill(&question.query, &|field| self.value(field, user));
                // The actor and the one it was done to may be one.
                if asked.contains(&filled.query) {
                    continue;
                }
                let mut one = Map::new();
                one.insert("label".to_owned(), question.label.as_str().into());
                if let Some(user) = user {
                    one.insert("role".to_owned(), user.role.word().into());
                }
                if rule.uuid != alert.rule.uuid {
                    one.insert("rule".to_owned(), json!({ "id": rule.id }));
                }
                one.insert("query".to_owned(), filled.query.as_str().into());
                let answer = match (&filled.unfilled[..], answers) {
                    ([_, ..], _) => Err(format!("the alert has no value for {}", filled.unfilled.join(", "))),
                    (_, None) => Err("the tables could not be made".to_owned()),
                    _ if Instant::now() >= until => Err("there was no time left".to_owned()),
                    (_, Some(answers)) => answers.ask(&filled.query),
                };
                if !filled.unfilled.is_empty() {
                    one.insert("unfilled".to_owned(), filled.unfilled.clone().into());
                }
                match answer {
                    Ok(rows) => one.extend(rows),
                    Err(why) => {
                        one.insert("not_answered".to_owned(), why.into());
                    }
                }
                asked.push(filled.query);
                told.push(one.into());
            }
            before.push(question.query);
        }
        told.into()
    }

    /// The value of a field: of the user meant, else of the alert.
    fn value(&self, field: &str, user: Option<&Concerned>) -> Option<Filling> {
        let actor = user.is_none_or(|user| user.role == Role::Actor);
        let entry = user.and_then(|user| user.user.as_ref());
        let of_user = match field {
            "user.name" => user.and_then(|user| user.name.clone()),
            "user.id" => user.and_then(|user| user.id.clone()),
            "group.id" if !actor => entry.map(|entry| entry.gid.to_string()),
            "group.name" if !actor => {
                entry.and_then(|entry| Some(self.accounts.group(entry.gid)?.name.clone()))
            }
            _ => None,
        };
        let of_user = of_user.map(Filling::Text);
        if of_user.is_some() || OF_A_USER.contains(&field) && !actor {
            return of_user;
        }
        match read::get(self.document, field) {
            Some(Value::Number(number)) => Some(Filling::Number(number.to_string())),
            Some(other) => read::scalar(other).map(|text| Filling::Text(text.into_owned())),
            // The group of who acted, where the records have none.
            None => match field {
                "group.id" => entry.map(|entry| Filling::Text(entry.gid.to_string())),
                "group.name" => {
                    entry.and_then(|entry| Some(Filling::Text(self.accounts.group(entry.gid)?.name.clone())))
                }
                _ => None,
            },
        }
    }
}
