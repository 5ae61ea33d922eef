//! What taints a kernel module that is loaded stands in no record: it is asked of the kernel, live, and only of an
//! event that is one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;

use std::sync::{Arc, Mutex};

use auditward::event::ancestry::{Found, Gaps};
use auditward::event::{Host, Mapper, Options};
use documents::{at, documents, documents_by};
use serde_json::Value as Json;

/// A kernel in which one module is tainted, and what was asked of it.
#[derive(Clone, Default)]
struct Modules(Arc<Mutex<Vec<String>>>);

impl Gaps for Modules {
    fn look(&mut self, _pid: u32) -> Option<Found> {
        None
    }

    fn taint(&mut self, module: &[u8]) -> Option<Vec<u8>> {
        let name = String::from_utf8_lossy(module).into_owned();
        let letters = (name == "rootkit").then(|| b"OE".to_vec());
        self.0.lock().unwrap().push(name);
        letters
    }
}

/// finit_module(2) by kmod, as Linux 6.1 records it; `name` as the kernel encodes it.
fn loaded(serial: u32, name: &str) -> String {
    format!(
        "type=KERN_MODULE msg=audit(1790000000.000:{serial}): name={name}\n\
         type=SYSCALL msg=audit(1790000000.000:{serial}): arch=c000003e syscall=313 success=yes exit=0 a0=0 a1=5 a2=0 a3=0 \
         items=0 ppid=10 pid=20 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=2 \
         comm=\"modprobe\" exe=\"/usr/bin/kmod\" key=\"modules\"\n\
         type=EOE msg=audit(1790000000.000:{serial}): \n"
    )
}

#[test]
fn a_module_that_taints_the_kernel_is_told_live() {
    let modules = Modules::default();
    let mut mapper = Mapper::with_gaps(Host::recorded(None), &Options::replay(), Box::new(modules.clone()));
    let mut log = loaded(1, "\"rootkit\"") + &loaded(2, "\"dummy\"");
    // Another act by the same program is no load.
    log += &loaded(3, "\"rootkit\"").replace("syscall=313", "syscall=176");
    let all = documents_by(&mut mapper, log.as_bytes());
    let taint = |document: &Json| at(document, "process.Ext.load_module.taint_flags").clone();
    assert_eq!(at(&all[0], "event.action"), "loaded-kernel-module");
    assert_eq!(taint(&all[0]), "OE");
    assert_eq!(taint(&all[1]), Json::Null);
    assert_eq!(taint(&all[2]), Json::Null);
    assert_eq!(*modules.0.lock().unwrap(), ["rootkit", "dummy"]);
}

#[test]
fn a_replay_asks_no_kernel() {
    let all = documents(loaded(1, "\"rootkit\"").as_bytes());
    assert_eq!(at(&all[0], "process.Ext.load_module.taint_flags"), &Json::Null);
}
