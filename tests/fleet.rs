//! Many hosts through a relay: real rsyslogds, TLS with a certificate for each host, the relay restarted in the middle.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

mod syslog_support;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use auditward::alert::Alert;
use jiff::Timestamp;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Uid, sethostname};
use syslog_support::growth::while_more_comes;
use syslog_support::rsyslog::Rsyslog;
use syslog_support::tls::{self, Authority, FAR};
use syslog_support::{configured, exec, free_port, pair, rule};

const HOSTS: usize = 200;
const ALERTS: u64 = 25;

/// A relay as docs/fleet.md wants it: what comes by TLS goes on to the centre, over a queue on disk.
fn relay(folder: &Path, port: u16, centre: u16) -> Option<Rsyslog> {
    let spool = folder.join("spool");
    std::fs::create_dir(&spool).unwrap();
    let input = tls::input(folder, &["*.example"], port, "ruleset=\"relay\"");
    Rsyslog::start_with(&format!(
        r#"{input}
ruleset(name="relay" queue.type="LinkedList" queue.filename="relay" queue.spoolDirectory="{spool}"
    queue.maxDiskSpace="1g" queue.saveOnShutdown="on") {{
  action(type="omfwd" target="127.0.0.1" port="{centre}" protocol="tcp" TCP_Framing="octet-counted"
      template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" action.resumeInterval="1")
}}
"#,
        spool = spool.display()
    ))
}

/// What of one host has come to the centre: the ids in the order of their first arrival, and how many came again.
fn arrived(centre: &Rsyslog) -> (BTreeMap<String, Vec<String>>, usize) {
    let (mut hosts, mut seen, mut again) = (BTreeMap::<String, Vec<String>>::new(), HashSet::new(), 0);
    for message in centre.received() {
        let host = message["hostname"].as_str().unwrap().to_owned();
        let id = pair(message["msg"].as_str().unwrap(), "alert").expect("an id");
        let id = String::from_utf8(id).unwrap();
        if seen.insert(id.clone()) {
            hosts.entry(host).or_default().push(id);
        } else {
            again += 1;
        }
    }
    (hosts, again)
}

/// A host of its own name that sends alerts with pauses, all of which it says at the end.
fn host(n: usize, folder: &Path, port: u16, all_there: Arc<Barrier>) -> JoinHandle<(String, Vec<String>)> {
    let name = format!("host-{n:03}");
    let own = format!("{0}/{name}.pem\"\nkey = \"{0}/{name}.key", folder.display());
    let destination = format!(
        "[[destination]]\nname = \"relay\"\ntype = \"tls\"\naddress = \"127.0.0.1:{port}\"\nca = \"{}/ca.pem\"\n\
         certificate = \"{own}\"\nserver_name = \"relay.example\"\n",
        folder.display()
    );
    thread::spawn(move || {
        // Of this thread alone, and of the writer that it starts.
        unshare(CloneFlags::CLONE_NEWUTS).expect("a UTS namespace");
        sethostname(&name).expect("a name");
        let outputs = configured(&destination);
        let (rule, host_id) = (rule(), format!("{n:032x}"));
        all_there.wait();
        let mut sent = Vec::new();
        for serial in 1..=ALERTS {
            let (mut document, stamp) = exec(&["usermod", "-u", "0", "-o", "bob"], serial);
            document["host"] = serde_json::json!({ "name": name, "id": host_id });
            let alert = Arc::new(Alert::new(&rule, &[document], &[stamp], &host_id, Timestamp::now()));
            outputs.push(&alert);
            sent.push(alert.id.clone());
            thread::sleep(Duration::from_millis(200));
        }
        all_there.wait();
        drop(outputs);
        (name, sent)
    })
}

#[test]
fn every_alert_of_200_hosts_comes_through_a_relay_that_is_restarted_in_the_middle() {
    if !Uid::effective().is_root() {
        println!("skipped: only root gives 200 threads a host name of their own");
        return;
    }
    if !tls::is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "ca");
    authority.give("server", &["relay.example"], FAR);
    for n in 0..HOSTS {
        authority.give(&format!("host-{n:03}"), &[&format!("host-{n:03}.example")], FAR);
    }
    let Some(centre) = Rsyslog::start() else { return };
    let port = free_port();
    let mut relay = relay(folder.path(), port, centre.tcp).unwrap();
    let all_there = Arc::new(Barrier::new(HOSTS + 1));
    let hosts: Vec<_> = (0..HOSTS).map(|n| host(n, folder.path(), port, Arc::clone(&all_there))).collect();
    all_there.wait();

    let all = HOSTS * usize::try_from(ALERTS).unwrap();
    let come = || arrived(&centre).0.values().map(Vec::len).sum::<usize>();
    let until_come = |enough: usize| {
        while_more_comes(&format!("{enough} alerts"), || match come() {
            now if now < enough => Err(now),
            _ => Ok(()),
        });
    };
    until_come(all / 5);
    relay.stop();
    let at_the_stop = come();
    assert!(at_the_stop < all, "it was stopped too late");
    thread::sleep(Duration::from_secs(1));
    relay.run();
    until_come(all);
    all_there.wait();

    let sent: BTreeMap<_, _> = hosts.into_iter().map(|host| host.join().expect("a host")).collect();
    let (arrived, again) = arrived(&centre);
    for (host, ids) in &sent {
        assert_eq!(arrived.get(host), Some(ids), "{host}: each once, in order");
    }
    assert_eq!(arrived.len(), HOSTS);
    println!("{all} alerts of {HOSTS} hosts, {at_the_stop} before the relay was stopped; {again} came twice");
}
