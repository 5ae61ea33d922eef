//! Any bytes in the place of the store's file and of its log: it opens all the same, stores alerts, and after the next start
//! the last one is read.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arbitrary::Arbitrary;
use auditward::alert::Alert;
use auditward::audit::Stamp;
use auditward::event::schema::Live;
use auditward::rule::load;
use auditward::store::{FILE, Query, Reader, Settings, Store};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    before: Before<'a>,
    edits: Vec<Edit<'a>>,
    cut: Option<u16>,
    cut_log: Option<u16>,
}

#[derive(Arbitrary, Debug)]
enum Before<'a> {
    Bytes {
        file: &'a [u8],
        log: Option<&'a [u8]>,
    },
    /// A store that was closed.
    Closed,
    /// One that was killed, its log beside it.
    Killed,
}

#[derive(Arbitrary, Debug)]
struct Edit<'a> {
    in_log: bool,
    at: u16,
    bytes: &'a [u8],
}

const SOON: Duration = Duration::from_secs(60);

/// File and log of a store of three alerts, closed and killed.
static STORES: LazyLock<[(Vec<u8>, Vec<u8>); 2]> = LazyLock::new(|| {
    let folder = folder("made");
    let store = open(&folder);
    let mut store = Some(store);
    for n in 1..=3 {
        let _ = store.as_ref().and_then(|store| store.hand_over(&alert(n)));
    }
    if let Some(store) = &mut store {
        let place = store.position("slow");
        let begun = Instant::now();
        while !place.is_settled(3, SOON) {
            assert!(begun.elapsed() < SOON);
        }
    }
    let log = |folder: &Path| fs::read(folder.join(format!("{FILE}-wal"))).unwrap_or_default();
    let killed = (fs::read(folder.join(FILE)).expect("a file"), log(&folder));
    assert!(!killed.1.is_empty(), "what was not brought into the file yet");
    assert!(store.take().is_some_and(|store| store.close(Instant::now() + SOON)));
    [(fs::read(folder.join(FILE)).expect("a file"), Vec::new()), killed]
});

fn folder(name: &str) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let below = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = below.join(format!("auditward-fuzz-store-{}-{name}", std::process::id()));
    fs::create_dir_all(&folder).expect("a directory");
    folder
}

fn alert(serial: u64) -> Arc<Alert> {
    static RULE: LazyLock<Arc<auditward::rule::Rule>> =
        LazyLock::new(|| load::embedded(&Live).rules.remove(0));
    let stamp = Stamp { millis: 1_790_000_100_101, serial };
    let event =
        json!({ "host": { "id": "h" }, "process": { "args": ["usermod", "-o", serial.to_string()] } });
    let time = Timestamp::from_millisecond(1_790_000_100_101).expect("a time");
    Arc::new(Alert::new(&RULE, &[event.as_object().cloned().unwrap_or_default()], &[stamp], "h", time))
}

fn open(folder: &Path) -> Store {
    Store::open(Settings { path: folder.join(FILE), days: 36_500, bytes: 64 << 20 }).expect("it opens")
}

fuzz_target!(|input: Input<'_>| {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| folder("tried"));
    let folder = &*FOLDER;
    for entry in fs::read_dir(folder).expect("a directory").flatten() {
        fs::remove_file(entry.path()).expect("a file");
    }
    let (mut file, mut log) = match &input.before {
        Before::Bytes { file, log } => (file.to_vec(), log.unwrap_or_default().to_vec()),
        Before::Closed => STORES[0].clone(),
        Before::Killed => STORES[1].clone(),
    };
    for Edit { in_log, at, bytes } in &input.edits {
        let target = if *in_log { &mut log } else { &mut file };
        let at = usize::from(*at).min(target.len());
        let end = (at + bytes.len()).min(target.len());
        target.splice(at..end, bytes.iter().copied());
    }
    let cut = |bytes: &mut Vec<u8>, at: Option<u16>| bytes.truncate(at.map_or(usize::MAX, usize::from));
    cut(&mut file, input.cut);
    cut(&mut log, input.cut_log);
    fs::write(folder.join(FILE), &file).expect("memory");
    if !log.is_empty() {
        fs::write(folder.join(format!("{FILE}-wal")), &log).expect("memory");
    }

    let mut store = open(folder);
    // Damage may be met only where it is written to: what is sent behind that must be there.
    let first = store.hand_over(&alert(77)).expect("room");
    assert!(store.position("slow").is_settled(first, SOON));
    let sent = alert(78);
    assert!(store.hand_over(&sent).is_some());
    let told = store.told();
    assert!(store.close(Instant::now() + SOON), "{told:?}");
    let store = open(folder);
    assert_eq!(store.figures().set_aside, 0, "{told:?}, then {:?}", store.told());
    assert!(store.close(Instant::now() + SOON));
    let reader = Reader::open(&folder.join(FILE)).unwrap_or_else(|why| panic!("{why}, after {told:?}"));
    let page = reader.page(&Query { id: Some(sent.id.clone()), newest: true, ..Query::default() });
    let page = page.unwrap_or_else(|why| panic!("{why}, after {told:?}"));
    assert_eq!(page.len(), 1, "{told:?}");
    assert_eq!((&page[0].line, &*page[0].document), (&sent.line, &*sent.json()), "{told:?}");
});
