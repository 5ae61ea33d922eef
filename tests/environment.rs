//! What a program was started with stands in no record: it is asked of the process while it runs that program, live,
//! and only of an execution.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;

use std::sync::{Arc, Mutex};

use auditward::event::ancestry::{Environment, Found, Gaps};
use auditward::event::{Host, Mapper, Options};
use documents::{at, documents, documents_by};
use serde_json::{Value as Json, json};

/// Processes that all run /usr/bin/su with the same variables, and when each was asked about.
#[derive(Clone, Default)]
struct Processes(Arc<Mutex<Vec<(u32, u64)>>>);

impl Gaps for Processes {
    fn look(&mut self, _pid: u32) -> Option<Found> {
        None
    }

    fn environment(&mut self, pid: u32, until: u64) -> Option<Environment> {
        self.0.lock().unwrap().push((pid, until));
        let variables =
            vec![b"GLIBC_TUNABLES=glibc.a=glibc.a=b".to_vec(), b"LD_PRELOAD=/tmp/\xff.so".to_vec()];
        Some(Environment { executable: b"/usr/bin/su".to_vec(), variables })
    }
}

/// execve(2), or another system call, by a process.
fn call(serial: u32, pid: u32, number: u32, program: &str) -> String {
    format!(
        "type=SYSCALL msg=audit(1790000000.500:{serial}): arch=c000003e syscall={number} success=yes exit=0 a0=0 a1=0 a2=0 \
         a3=0 items=0 ppid=10 pid={pid} auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=2 \
         comm=\"su\" exe=\"{program}\" key=\"execs\"\n\
         type=EOE msg=audit(1790000000.500:{serial}): \n"
    )
}

#[test]
fn an_execution_is_asked_about_and_another_program_by_then_is_not_taken_for_it() {
    let processes = Processes::default();
    let mut mapper = Mapper::with_gaps(Host::recorded(None), &Options::replay(), Box::new(processes.clone()));
    // 59 is execve, 42 is connect.
    let log =
        call(1, 20, 59, "/usr/bin/su") + &call(2, 21, 59, "/usr/bin/id") + &call(3, 22, 42, "/usr/bin/su");
    let all = documents_by(&mut mapper, log.as_bytes());
    let told = |document: &Json| at(document, "process.env_vars").clone();
    assert_eq!(told(&all[0]), json!(["GLIBC_TUNABLES=glibc.a=glibc.a=b", "LD_PRELOAD=/tmp/\\xff.so"]));
    assert_eq!((told(&all[1]), told(&all[2])), (Json::Null, Json::Null));
    assert_eq!(*processes.0.lock().unwrap(), [(20, 1_790_000_000_500), (21, 1_790_000_000_500)]);
}

#[test]
fn a_replay_asks_no_process() {
    let all = documents(call(1, 20, 59, "/usr/bin/su").as_bytes());
    assert_eq!(at(&all[0], "process.env_vars"), &Json::Null);
}
