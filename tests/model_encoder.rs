//! Any argument list, written as the kernel writes it, is read back exactly.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod model;

use auditward::audit::execve::Arguments;
use auditward::audit::fields::{self, Field};
use auditward::audit::{Record, RecordType, value};
use common::{Event, events, fixtures, lines};
use proptest::collection::vec;
use proptest::prelude::*;

/// The longest string that execve takes (`MAX_ARG_STRLEN` with its NUL).
const LONGEST: usize = 131_071;

#[test]
fn the_model_writes_what_a_real_kernel_wrote() {
    let mut recordings = 0;
    for entry in std::fs::read_dir(fixtures().join("kernel")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let log = std::fs::read(&path).unwrap();
        for event in events(&log).0 {
            let args: Vec<_> = event.arguments().iter().map(<[u8]>::to_vec).collect();
            if args.is_empty() {
                continue;
            }
            let stamp = format!(":{}): ", event.stamp.serial);
            let recorded: Vec<_> = lines(&log)
                .filter(|line| line.starts_with(b"type=EXECVE"))
                .filter_map(|line| std::str::from_utf8(line).unwrap().split_once(&stamp))
                .map(|(_, text)| text.to_owned())
                .collect();
            // Not assert_eq: a quarter of a megabyte would be printed.
            assert!(model::execve(&args) == recorded, "{}", path.display());
            for kind in [RecordType::CWD, RecordType::SYSCALL] {
                for key in ["cwd", "comm", "exe"] {
                    let Some(field) = fields::find(event.body(kind), key.as_bytes()) else { continue };
                    let written = model::untrusted(&value::untrusted(&field).unwrap());
                    assert_eq!(written.trim_matches('"').as_bytes(), field.raw, "{}", path.display());
                    assert_eq!(written.starts_with('"'), field.quoted);
                }
            }
            recordings += 1;
        }
    }
    assert!(recordings > 140, "{recordings}");
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![4 => 0x21_u8..=0x7e, 1 => 1_u8..=255, 1 => Just(b'"'), 1 => Just(b' ')]
}

/// Lengths around every bound of the kernel's buffers, and any other.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 0_usize..40,
        2 => 0_usize..3_000,
        2 => 3_600_usize..3_800,
        2 => 7_300_usize..7_700,
        1 => 14_900_usize..15_100,
        1 => 0_usize..=LONGEST,
        1 => Just(LONGEST),
    ]
}

/// Plain text, mixed bytes, or one byte that makes the whole hex.
fn argument() -> impl Strategy<Value = Vec<u8>> {
    let long = (length(), 0_u8..3, any::<u64>()).prop_map(|(length, kind, seed)| {
        let mut state = seed | 1;
        let mut bytes: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let byte = (state >> 56) as u8;
                if kind == 1 { byte.max(1) } else { b'#' + byte % 90 }
            })
            .collect();
        if kind == 2 && length > 0 {
            bytes[(seed % length as u64) as usize] = b' ';
        }
        bytes
    });
    let texts = ["", "?", "(null)", "DEADBEEF", "a1=x", "msg='", "'", "\"", "\x1d", "\x7f", "-o"];
    prop_oneof![
        3 => vec(byte(), 0..30),
        2 => long,
        1 => proptest::sample::select(texts.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn read(records: &[String]) -> Arguments {
    let mut arguments = Arguments::default();
    let lines: Vec<_> =
        records.iter().map(|text| format!("type=EXECVE msg=audit(1.000:1): {text}\n")).collect();
    let bodies: Vec<_> =
        lines.iter().map(|line| Record::from_log_line(line.as_bytes()).unwrap().body).collect();
    arguments.read_bodies(bodies.into_iter());
    arguments
}

fn assert_exact(arguments: &Arguments, args: &[Vec<u8>]) {
    assert!(arguments.is_whole(), "{} missing, {} partial", arguments.missing, arguments.partial);
    assert_eq!(arguments.argc, args.len() as u64);
    assert!(arguments.iter().eq(args.iter().map(Vec::as_slice)));
    assert!((0..args.len()).all(|at| arguments.index(at) == Some(at as u32)));
}

/// The next argument before the rest of a split one: the late piece is no repeat.
#[test]
fn a_late_piece_of_a_split_argument_is_taken() {
    let args = [vec![b' '; 7_436], b"\x07".to_vec()];
    let records = model::execve(&args);
    let [first, second, third] = records.as_slice() else { panic!("{} records", records.len()) };
    let order = [first, third, second].map(String::clone);
    assert_exact(&read(&order), &args);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_arguments_are_read_back_exactly(args in vec(argument(), 1..12)) {
        assert_exact(&read(&model::execve(&args)), &args);
    }

    #[test]
    fn any_number_of_arguments_is_read_back_exactly(
        args in vec(vec(byte(), 0..6), 1..1_500),
    ) {
        assert_exact(&read(&model::execve(&args)), &args);
    }

    /// The records need not come in the kernel's order.
    #[test]
    fn arguments_are_read_back_from_records_in_any_order(
        (args, order) in vec(argument(), 1..8).prop_flat_map(|args| {
            let records = model::execve(&args);
            (Just(args), Just(records).prop_shuffle())
        }),
    ) {
        assert_exact(&read(&order), &args);
    }

    /// A record lost: what is given is right, and what is not is known.
    #[test]
    fn a_lost_record_is_noticed(
        (args, lost) in (vec(argument(), 1..8), any::<proptest::sample::Index>()),
    ) {
        let mut records = model::execve(&args);
        prop_assume!(records.len() > 1);
        let lost = lost.index(records.len());
        records.remove(lost);
        let arguments = read(&records);
        prop_assert!(!arguments.is_whole());
        if lost > 0 {
            prop_assert_eq!(arguments.argc, args.len() as u64);
            prop_assert_eq!(arguments.missing + arguments.len() as u64, args.len() as u64);
        }
        let mut wrong = 0;
        for (at, argument) in arguments.iter().enumerate() {
            wrong += u64::from(argument != args[arguments.index(at).unwrap() as usize]);
        }
        prop_assert!(wrong <= arguments.partial);
    }

    #[test]
    fn any_untrusted_string_is_read_back_exactly(text in vec(1_u8..=255, 0..300)) {
        let body = format!("cwd={}", model::untrusted(&text));
        let field: Field<'_> = fields::find(body.as_bytes(), b"cwd").unwrap();
        // An empty string in hex is no string; the kernel quotes it.
        prop_assert_eq!(value::untrusted(&field).unwrap().into_owned(), text);
    }
}

#[test]
fn seventy_thousand_long_and_short_arguments_through_the_reassembler() {
    let args: Vec<_> = (0..70_000_u32)
        .map(|at| match at % 1000 {
            0 => vec![b'x'; 9_000],
            1 => b"with a blank".to_vec(),
            2 => Vec::new(),
            _ => at.to_string().into_bytes(),
        })
        .collect();
    let mut log =
        String::from("type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 success=yes items=0\n");
    for text in model::execve(&args) {
        log += &format!("type=EXECVE msg=audit(1.000:1): {text}\n");
    }
    log += "type=EOE msg=audit(1.000:1): \n";
    let (events, _) = events(log.as_bytes());
    let [event]: &[Event] = &events[..] else { panic!("{}", events.len()) };
    assert!(event.gaps.is_empty(), "{}", event.gaps);
    assert_exact(&event.arguments(), &args);
}
