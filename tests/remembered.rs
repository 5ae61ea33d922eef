//! What the index remembers outcomes by: of events that look the same there, all fields that it stands for have the
//! same values.
#![allow(clippy::unwrap_used, reason = "a test that cannot read its fixtures fails")]

mod common;

use std::collections::hash_map::{Entry, HashMap};

use auditward::event::circumstances::Circumstances;
use auditward::event::origin::{Number, Origin};
use auditward::event::schema::{ROWS, field};
use auditward::event::{AuditDocument, Document, FieldId, json};
use bstr::ByteSlice;
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

/// Pieces of documents are written once, for all events that have them.
#[test]
fn documents_are_the_same_written_anew_and_out_of_what_was_written_before() {
    let mut count = 0;
    for (name, log) in recordings() {
        let mut remembering = json::MaskedWriter::default();
        each_document(&log, |event| {
            // Knows nothing of other events.
            let mut anew = json::Writer::exporting();
            let (known, anew) = (remembering.write(event), anew.write(event));
            // Where a secret stood, the whole document is another.
            if !known.contains_str("{secret:") {
                assert_eq!(known.to_str_lossy(), anew.to_str_lossy(), "{name}");
                count += 1;
            }
        });
    }
    assert!(count > 8000, "{count} events");
}

/// The same with fields in other places, missing, doubled, and with ids and parents that change.
#[test]
fn odd_records_are_the_same_written_anew_and_out_of_what_was_written_before() {
    let call = "arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=2 a2=3 a3=4 items=1 ppid=7 pid=8 auid=1000 uid=0 \
        gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"a\" exe=\"/bin/a\" subj=u:r:t key=\"k\"";
    let capabilities =
        "fver=0 fp=0 fi=0 fe=0 old_pp=0 old_pi=0 old_pe=0 old_pa=0 pp=1 pi=(null) pe=3 pa=0 frootid=0";
    let path = "item=0 name=\"/bin/a\" inode=5 dev=fe:00 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0";
    let odd = |text: &str, seed: usize| {
        let mut fields: Vec<&str> = text.split(' ').collect();
        let at = seed % fields.len();
        match seed / 64 % 6 {
            0 => {}
            1 => _ = fields.remove(at),
            2 => fields.insert(at, "new=\"x\""),
            3 => fields.insert(at, fields[(seed / 7) % fields.len()]),
            4 => fields[at] = fields[at].split_inclusive('=').next().unwrap(),
            _ => fields.rotate_left(at),
        }
        fields.join(" ")
    };
    let mut log = String::new();
    for seed in 0..6000_usize {
        let stamp = format!("audit({}.000:{seed}):", 1_790_000_000 + seed);
        let ids = odd(call, seed * 31).replace("uid=0", &format!("uid={}", seed / 64 % 3));
        let pids = ids.replace("pid=8", &format!("pid={}", 7 + seed / 8 % 3));
        log += &format!("type=SYSCALL msg={stamp} {pids}\n");
        if seed % 5 != 0 {
            log += &format!("type=BPRM_FCAPS msg={stamp} {}\n", odd(capabilities, seed * 17));
        }
        log += &format!("type=EXECVE msg={stamp} {}\n", odd("argc=2 a0=\"a\" a1=C3BC", seed * 13));
        log += &format!("type=PATH msg={stamp} {}\n", odd(path, seed * 11));
        log += &format!("type=EOE msg={stamp}\n");
    }
    let (mut remembering, mut count) = (json::MaskedWriter::default(), 0);
    each_document(log.as_bytes(), |event| {
        let mut anew = json::Writer::exporting();
        let (known, anew) = (remembering.write(event), anew.write(event));
        assert_eq!(known.to_str_lossy(), anew.to_str_lossy());
        count += 1;
    });
    assert_eq!(count, 6000);
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

/// The fields that [`Document::push_circumstances`] stands for.
const AROUND: [FieldId; 12] = [
    field::USER_ID,
    field::PROCESS_REAL_USER_ID,
    field::USER_EFFECTIVE_ID,
    field::PROCESS_USER_ID,
    field::GROUP_ID,
    field::PROCESS_REAL_GROUP_ID,
    field::USER_EFFECTIVE_GROUP_ID,
    field::PROCESS_GROUP_ID,
    field::EVENT_OUTCOME,
    field::CONTAINER_ID,
    field::PROCESS_INTERACTIVE,
    field::PROCESS_ENTRY_LEADER_ENTRY_META_TYPE,
];

/// The values of each key, all of one key alike; how many events had a name, and how many a key that was known.
#[derive(Default)]
struct Known {
    names: HashMap<Vec<u8>, String>,
    calls: HashMap<[u8; 16], String>,
    programs: HashMap<Vec<u8>, String>,
    /// With the first of the fields, of those that stand next to each other above.
    circumstances: HashMap<(usize, Vec<u8>), String>,
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
        for (first, fields) in (1..=AROUND.len()).flat_map(|many| AROUND.windows(many).enumerate()) {
            let mut key = vec![u8::try_from(fields.len()).unwrap()];
            let around = fields.iter().map(|field| Circumstances::of(*field).unwrap()).collect();
            assert!(event.push_circumstances(around, &mut key));
            let values: Vec<_> = fields.iter().map(|field| event.values(*field)).collect();
            let values = format!("{values:?}");
            let known = self.circumstances.entry((first, key)).or_insert_with(|| values.clone());
            assert_eq!(*known, values);
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
    let (calls, programs, around) = (known.calls.len(), known.programs.len(), known.circumstances.len());
    assert!(
        calls > 10 && programs > 20 && around > 100,
        "{calls} calls, {programs} programs, {around} around"
    );
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

/// Numbers of every length that are written in different ways, and what beside a call could tell it another name.
#[test]
fn odd_numbers_and_odd_records_beside_a_call_with_equal_keys_have_equal_values() {
    const IDS: [&str; 10] = ["", "0", "00", "1", "1000", "1234567", "12345678", "4294967295", "-1", "\u{1}1"];
    const BESIDE: [&[(&str, &str)]; 8] = [
        &[],
        &[("BPRM_FCAPS", "fver=0 fp=0 fi=0 fe=0 old_pp=1 pp=1 frootid=0")],
        &[("BPRM_FCAPS", "fver=0 fp=0 syscall=2")],
        &[("BPRM_FCAPS", "pp=0 fver=syscall=2")],
        &[("BPRM_FCAPS", "fver=0"), ("BPRM_FCAPS", "fver=0 syscall=3")],
        &[("SYSCALL", "arch=c000003e syscall=2 success=yes")],
        &[("SECCOMP", "auid=0 uid=0 gid=0 ses=1 sig=0 arch=c000003e syscall=2")],
        &[("PATH", "item=0 name=\"/a\" inode=1 nametype=NORMAL syscall=2")],
    ];
    let mut log = String::new();
    let mut serial = 0;
    for (uid, euid) in IDS.iter().flat_map(|one| IDS.iter().map(move |other| (one, other))) {
        for (beside, more) in
            BESIDE.iter().flat_map(|beside| ["", " syscall=4", " odd=4"].map(|more| (beside, more)))
        {
            serial += 1;
            let head = |kind: &str| format!("type={kind} msg=audit(1795600800.500:{serial}): ");
            log += &format!(
                "{}arch=c000003e syscall=59 success=yes exit=0 a0=1 a1=0 a2=41 a3=0 items=1 ppid=40 pid=41 auid=0 \
                 uid={uid} gid={euid} euid={euid} suid=0 fsuid=0 egid={uid} sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"x\" \
                 exe=\"/x\" key=(null){more}\n",
                head("SYSCALL")
            );
            beside.iter().for_each(|(kind, body)| log += &format!("{}{body}\n", head(kind)));
            log += &format!("{}\n", head("EOE"));
        }
    }
    let (mut known, mut count, mut told) = (Known::default(), 0, 0);
    each_document(log.as_bytes(), |event| {
        count += 1;
        told += usize::from(event.kind_tells_call());
        known.ask(event);
    });
    assert!(count >= serial, "{count} of {serial}");
    // Three of the eight have nothing of the kind, and so have two of the three ends of the record of the call.
    assert_eq!(told * 4, count);
}
