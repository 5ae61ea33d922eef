//! Throughput of the audit room over a day of ordinary administration, stage by stage: each stage includes those
//! before it.
//!
//! `cargo bench --bench audit`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot read its input stops")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;

use auditward::audit::execve::Arguments;
use auditward::audit::reassembler::Limits;
use auditward::audit::{AuditEvent, Reassembler, RecordType, Syscall, fields};
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod recording;

use recording::{admin_day, records};

fn events(log: &[u8], mut emit: impl FnMut(&AuditEvent<'_>)) -> u64 {
    let mut reassembler = Reassembler::new(Limits::default());
    for record in records(log) {
        reassembler.push(&record, 0, &mut emit);
    }
    reassembler.finish(&mut emit);
    reassembler.counters.events
}

fn stage(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut run: impl FnMut() -> u64) {
    group.bench_function(name, |bencher| bencher.iter(|| black_box(run())));
}

fn audit(criterion: &mut Criterion) {
    let log = admin_day();
    let mut group = criterion.benchmark_group("audit");
    group.throughput(Throughput::Bytes(log.len() as u64)).sample_size(20);
    stage(&mut group, "lines", || memchr::memchr_iter(b'\n', &log).count() as u64);
    stage(&mut group, "parse", || records(&log).map(|record| record.stamp.serial).sum());
    stage(&mut group, "parse_all_fields", || {
        records(&log).flat_map(|record| fields::kernel(record.body)).map(|field| field.raw.len() as u64).sum()
    });
    stage(&mut group, "reassemble", || events(&log, |_| {}));
    stage(&mut group, "reassemble_syscall", || {
        let mut sum = 0;
        events(&log, |event| {
            if let Some(record) = event.record(RecordType::SYSCALL) {
                sum += Syscall::parse(record.body).pid.len() as u64;
            }
        });
        sum
    });
    let mut arguments = Arguments::default();
    stage(&mut group, "reassemble_arguments", || {
        let mut sum = 0;
        events(&log, |event| {
            arguments.read(event);
            sum += arguments.iter().map(|argument| argument.len() as u64).sum::<u64>();
        });
        sum
    });
    group.finish();
}

criterion_group!(benches, audit);
criterion_main!(benches);
