//! Answers to the guide's questions: the tables that this program can fill, asked in SQL as osquery would be.
//!
//! They stand in a database in memory that can only be read, so that a question is answered by what it says, joins and all. A
//! question about another table is not answered, and that is said.

use std::time::Instant;

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use serde_json::{Map, Value, json};

use super::accounts::Accounts;
use super::processes::Task;
use super::sessions::Session;
use super::shown;

/// Rows of one answer that are kept.
pub(super) const ROWS: usize = 32;

/// Rows that are counted.
const COUNTED: usize = 100_000;

/// Instructions of SQLite between two looks at the clock.
const STEPS: i32 = 10_000;

/// Columns as osquery's schema has them (specs/*.table), those that are filled; all else is told as not known.
const TABLES: &str = "
    CREATE TABLE users (uid BIGINT, gid BIGINT, uid_signed BIGINT, gid_signed BIGINT, username TEXT, description TEXT,
        directory TEXT, shell TEXT);
    CREATE TABLE groups (gid BIGINT, gid_signed BIGINT, groupname TEXT);
    CREATE TABLE user_groups (uid BIGINT, gid BIGINT);
    CREATE TABLE logged_in_users (type TEXT, user TEXT, tty TEXT, host TEXT, time BIGINT, pid INTEGER);
    CREATE TABLE processes (pid BIGINT, name TEXT, path TEXT, cmdline TEXT, state TEXT, cwd TEXT, uid BIGINT, gid BIGINT,
        euid BIGINT, egid BIGINT, start_time BIGINT, parent BIGINT, pgroup BIGINT);
";

/// The tables, filled.
pub(super) struct Answers {
    connection: Connection,
}

fn signed(number: u32) -> i32 {
    number.cast_signed()
}

impl Answers {
    /// # Errors
    /// Those of SQLite.
    pub(super) fn of(
        accounts: &Accounts,
        tasks: &[Task],
        sessions: &[Session],
        until: Instant,
    ) -> rusqlite::Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        connection.execute_batch(TABLES)?;
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare("INSERT INTO users VALUES (?1,?2,?3,?4,?5,?6,?7,?8)")?;
            let mut member = transaction.prepare("INSERT INTO user_groups VALUES (?1, ?2)")?;
            for user in &accounts.users {
                let numbers = (signed(user.uid), signed(user.gid));
                insert.execute(params![
                    user.uid,
                    user.gid,
                    numbers.0,
                    numbers.1,
                    user.name,
                    user.description,
                    user.home,
                    user.shell
                ])?;
                member.execute(params![user.uid, user.gid])?;
            }
            let mut insert = transaction.prepare("INSERT INTO groups VALUES (?1,?2,?3)")?;
            let by_name: std::collections::HashMap<_, _> =
                accounts.users.iter().rev().map(|user| (&*user.name, user)).collect();
            for group in &accounts.groups {
                insert.execute(params![group.gid, signed(group.gid), group.name])?;
                let members = group.members.iter().filter_map(|name| by_name.get(&**name));
                for user in members.filter(|user| user.gid != group.gid) {
                    member.execute(params![user.uid, group.gid])?;
                }
            }
            let mut insert =
                transaction.prepare("INSERT INTO logged_in_users VALUES ('user',?1,?2,?3,?4,?5)")?;
            for session in sessions {
                let since = session.since.map(|since| since / 1000);
                insert.execute(params![session.user, session.terminal, session.host, since, session.pid])?;
            }
            let mut insert = transaction
                .prepare("INSERT INTO processes VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)")?;
            for task in tasks {
                insert.execute(params![
                    task.pid,
                    task.name,
                    task.executable,
                    super::command_line(&task.args),
                    task.state,
                    task.directory,
                    task.uid,
                    task.gid,
                    task.euid,
                    task.egid,
                    i64::try_from(task.start / 1000).unwrap_or(0),
                    task.parent,
                    task.group
                ])?;
            }
        }
        transaction.commit()?;
        connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
            AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => Authorization::Allow,
            AuthAction::Function { function_name }
                if !function_name.eq_ignore_ascii_case("load_extension") =>
            {
                Authorization::Allow
            }
            _ => Authorization::Deny,
        }))?;
        connection.progress_handler(STEPS, Some(move || Instant::now() >= until))?;
        Ok(Self { connection })
    }

    /// The rows that the question gives, and how many there were; else why it is not answered.
    pub(super) fn ask(&self, query: &str) -> Result<Map<String, Value>, String> {
        self.try_ask(query).map_err(|error| match error {
            rusqlite::Error::SqliteFailure(_, Some(told)) => reason(&told),
            rusqlite::Error::SqlInputError { msg, .. } => reason(&msg),
            other => reason(&other.to_string()),
        })
    }

    fn try_ask(&self, query: &str) -> rusqlite::Result<Map<String, Value>> {
        let mut select = self.connection.prepare(query)?;
        let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
        let mut rows = select.query([])?;
        let (mut kept, mut count): (Vec<Value>, usize) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            count += 1;
            if count > COUNTED {
                break;
            }
            if kept.len() < ROWS {
                let mut one = Map::new();
                for (at, column) in columns.iter().enumerate() {
                    one.insert(column.clone(), cell(row.get_ref(at)?));
                }
                kept.push(one.into());
            }
        }
        let mut answer = Map::new();
        answer.insert("rows".to_owned(), kept.into());
        answer.insert("row_count".to_owned(), json!(count));
        Ok(answer)
    }
}

/// Texts throughout: a column is one type for whoever receives it.
fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.to_string().into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => shown(&String::from_utf8_lossy(text)).into(),
    }
}

fn reason(told: &str) -> String {
    match told.split_once("no such table: ") {
        Some((_, table)) => {
            let table = table.split_whitespace().next().unwrap_or_default();
            format!("the table {table} is not built in: ask osqueryi")
        }
        None if told == "interrupted" => "it took too long".to_owned(),
        None => format!("{told}: ask osqueryi"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::accounts::{Group, User};
    use super::*;

    fn answers() -> Answers {
        let user = |name: &str, uid, gid| User { name: name.to_owned(), uid, gid, ..User::default() };
        let group = |name: &str, gid, members: &[&str]| Group {
            name: name.to_owned(),
            gid,
            members: members.iter().map(|&name| name.to_owned()).collect(),
        };
        let accounts = Accounts {
            users: vec![user("root", 0, 0), user("bob", 0, 100), user("alice", 1000, 1000)],
            groups: vec![
                group("root", 0, &[]),
                group("sudo", 27, &["alice"]),
                group("alice", 1000, &["alice"]),
            ],
            missing: Vec::new(),
        };
        let task = Task { pid: 9, uid: 1000, name: "sh".to_owned(), ..Task::default() };
        let session =
            Session { user: "alice".to_owned(), since: Some(1_790_000_000_123), ..Session::default() };
        let until = Instant::now() + Duration::from_secs(600);
        Answers::of(&accounts, &[task], &[session], until).expect("filled")
    }

    fn rows(query: &str) -> Value {
        answers().ask(query).expect("answered")["rows"].clone()
    }

    #[test]
    fn joins_and_conditions_are_answered_as_they_are_asked() {
        assert_eq!(
            rows("SELECT username, gid FROM users WHERE uid LIKE '0' AND username != 'root'"),
            json!([{ "username": "bob", "gid": "100" }])
        );
        assert_eq!(
            rows("SELECT u.username, p.pid FROM processes AS p JOIN users AS u ON u.uid = p.uid"),
            json!([{ "username": "alice", "pid": "9" }])
        );
        assert_eq!(
            rows("SELECT time FROM logged_in_users WHERE user = 'alice'"),
            json!([{ "time": "1790000000" }])
        );
        assert_eq!(
            rows(
                "SELECT g.groupname FROM user_groups m JOIN groups g ON g.gid = m.gid WHERE m.uid = '1000' ORDER BY 1"
            ),
            json!([{ "groupname": "alice" }, { "groupname": "sudo" }])
        );
        let all = answers().ask("SELECT * FROM users").expect("answered");
        assert_eq!(all["row_count"], 3);
    }

    #[test]
    fn what_is_no_question_or_not_known_is_said() {
        let why = |query: &str| answers().ask(query).expect_err("not answered");
        assert_eq!(
            why("SELECT * FROM listening_ports"),
            "the table listening_ports is not built in: ask osqueryi"
        );
        assert_eq!(why("SELECT resident_size FROM processes"), "no such column: resident_size: ask osqueryi");
        for refused in [
            "DELETE FROM users",
            "ATTACH '/tmp/x' AS x",
            "PRAGMA user_version",
            "CREATE TABLE x (y)",
            "SELECT load_extension('x')",
            "VACUUM INTO '/tmp/x'",
        ] {
            let why = why(refused);
            let known = ["authorization denied", "not authorized", "no such function"];
            assert!(known.iter().any(|one| why.contains(one)), "{refused}: {why}");
        }
    }

    #[test]
    fn a_question_without_end_is_given_up() {
        let until = Instant::now() + Duration::from_millis(50);
        let answers = Answers::of(&Accounts::default(), &[], &[], until).expect("filled");
        let endless =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        assert_eq!(answers.ask(endless), Err("it took too long".to_owned()));
    }
}
