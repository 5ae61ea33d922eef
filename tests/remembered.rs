//! What the index remembers outcomes by: of events that look the same there, all fields that it stands for have the
//! same values.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its fixtures fails")]

mod common;

use std::collections::hash_map::{Entry, HashMap};

use auditward::event::origin::{Number, Origin};
use auditward::event::schema::{ROWS, field};
use auditward::event::{AuditDocument, Document, FieldId};
use common::{each_document, recordings};

/// What the engine remembers of one event it takes for the answer of the next with the same numbers.
#[test]
fn events_with_equal_numbers_of_origin_have_equal_values() {
    let origins =
        [Origin::Started, Origin::Parent, Origin::EntryLeader, Origin::GroupLeader, Origin::SessionLeader];
    let fields: Vec<(FieldId, Origin)> = (0..ROWS.len())
        .map(|id| FieldId(u16::try_from(id).unwrap()))
        .filter_map(|field| Some((field, Origin::of(field)?)))
        .collect();
    let mut known: HashMap<(Origin, FieldId, Number), String> = HashMap::new();
    let (mut numbered, mut again) = (0, 0);
    for (name, log) in recordings() {
        each_document(&log, |event| {
            for origin in origins {
                let Some(number) = event.origin(origin) else { continue };
                numbered += u32::from(number.is_some());
                for (field, _) in fields.iter().filter(|(_, of)| *of == origin) {
                    let values = format!("{:?}", event.values(*field));
                    match known.entry((origin, *field, number)) {
                        Entry::Occupied(before) => {
                            again += 1;
                            assert_eq!(*before.get(), values, "{name}: {field:?}");
                        }
                        Entry::Vacant(place) => _ = place.insert(values),
                    }
                }
            }
        });
    }
    assert!(numbered > 10_000 && again > 10_000, "{numbered} numbers, {again} that came again");
}

/// The fields that [`Document::push_program`] stands for.
const PROGRAM: [FieldId; 5] = [
    field::PROCESS_NAME,
    field::PROCESS_EXECUTABLE,
    field::PROCESS_ARGS,
    field::PROCESS_COMMAND_LINE,
    field::PROCESS_WORKING_DIRECTORY,
];

/// The fields that [`Document::push_files`] stands for.
const NAMES: [FieldId; 6] = [
    field::FILE_PATH,
    field::FILE_NAME,
    field::FILE_EXTENSION,
    field::FILE_EXT_ORIGINAL_PATH,
    field::FILE_EXT_ORIGINAL_NAME,
    field::FILE_EXT_ORIGINAL_EXTENSION,
];

/// The values of each key, all of one key alike; how many events had a name, and how many a key that was known.
#[derive(Default)]
struct Known {
    names: HashMap<Vec<u8>, String>,
    calls: HashMap<[u8; 16], String>,
    programs: HashMap<Vec<u8>, String>,
    named: usize,
    again: usize,
}

impl Known {
    fn ask(&mut self, event: &AuditDocument<'_>) {
        let kind = Document::kind(event).unwrap();
        let mut key = kind.to_vec();
        if event.push_files(&mut key) {
            self.named += usize::from(!event.values(field::FILE_NAME).as_slice().is_empty());
            let values = format!("{:?}", NAMES.map(|name| event.values(name)));
            match self.names.entry(key) {
                Entry::Occupied(before) => {
                    self.again += 1;
                    assert_eq!(*before.get(), values);
                }
                Entry::Vacant(place) => _ = place.insert(values),
            }
        }
        for fields in [&PROGRAM[..], &PROGRAM[..4]] {
            let mut key = kind.to_vec();
            if event.push_program(fields.len() == PROGRAM.len(), &mut key) {
                let values: Vec<_> = fields.iter().map(|field| event.values(*field)).collect();
                let values = format!("{values:?}");
                assert_eq!(*self.programs.entry(key).or_insert_with(|| values.clone()), values);
            }
        }
        if event.kind_tells_call() {
            let call = format!("{:?}", event.values(field::AUDITD_DATA_SYSCALL));
            assert_eq!(*self.calls.entry(kind).or_insert_with(|| call.clone()), call);
        }
    }
}

#[test]
fn recorded_events_with_equal_records_of_files_have_equal_names() {
    let mut known = Known::default();
    for (_, log) in recordings() {
        each_document(&log, |event| known.ask(event));
    }
    assert!(known.named > 1_000 && known.again > 1_000, "{} named, {} again", known.named, known.again);
    let (calls, programs) = (known.calls.len(), known.programs.len());
    assert!(calls > 10 && programs > 20, "{calls} calls, {programs} programs");
}

/// PATH records in every order and with every oddity, each alone and beside each other, in two directories, relative
/// to a descriptor and not.
#[test]
fn odd_records_of_files_with_equal_keys_have_equal_names() {
    const PATHS: [&str; 18] = [
        "item=0 name=\"/a/b.c\" inode=1 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE",
        "item=0 name=\"/a/b.c\" inode=2 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=CREATE",
        "item=0 name=\"/a/b.c\" inode=1 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=DELETE",
        "item=1 name=\"/a/b.c\" inode=1 dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=DELETE",
        "item=0 name=\"b c.d\" inode=1 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0",
        "item=0 name=\"b c.d\" inode=9 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0",
        "item=0 name=\"b c.d\" inode=1 nametype=NORMAL cap_fp=1 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0",
        "item=0 name=\"x inode=1\" inode=1 nametype=NORMAL",
        "item=0 name=\"x inode=2\" inode=1 nametype=NORMAL",
        "item=0 name=612F62 inode=3 nametype=NORMAL",
        "item=0 name=(null) inode=3 nametype=NORMAL name=\"later\"",
        "item=0 name=(null) inode=3 nametype=NORMAL",
        "item=0 inode=3 name=\"first\" nametype=NORMAL",
        "item=0 inode=3 name=\"second\" nametype=NORMAL",
        "name=\"n\" inode=4 item=0 nametype=PARENT",
        "item=0 name=\"n\" inode=4x nametype=UNKNOWN",
        "item=0 name=\"n\" inode= nametype=UNKNOWN",
        "item=0 name=\"cut",
    ];
    let mut known = Known::default();
    let mut log = String::new();
    let mut serial = 0;
    for (call, success) in [("257", "yes"), ("82", "yes"), ("87", "no"), ("264", "yes")] {
        for descriptor in ["ffffff9c", "3"] {
            for directory in ["\"/root\"", "\"/home/x\"", "(null)"] {
                for (one, other) in PATHS.iter().flat_map(|one| PATHS.iter().map(move |other| (one, other))) {
                    serial += 1;
                    let head = |kind: &str| format!("type={kind} msg=audit(1795600800.500:{serial}): ");
                    log += &format!(
                        "{}arch=c000003e syscall={call} success={success} exit=0 a0={descriptor} a1=0 a2=41 a3=0 \
                         items=2 ppid=40 pid=41 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 \
                         tty=pts0 ses=3 comm=\"x\" exe=\"/x\" key=(null)\n{}cwd={directory}\n{}{one}\n{}{other}\n{}\n",
                        head("SYSCALL"),
                        head("CWD"),
                        head("PATH"),
                        head("PATH"),
                        head("EOE"),
                    );
                }
            }
        }
    }
    let mut count = 0;
    each_document(log.as_bytes(), |event| {
        count += 1;
        known.ask(event);
    });
    assert_eq!(count, serial);
    assert!(known.named > 1_000 && known.again > 100, "{} named, {} again", known.named, known.again);
}
