//! What is written, stage by stage: events as documents and lines, alerts as documents, lines and syslog messages. An
//! event's own stages before that are `day/none` of the benchmark `eql`.
//!
//! `cargo bench --bench written`

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot read its input stops")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::sync::Arc;

use auditward::alert::Alert;
use auditward::daemon::detector::{Created, Detector};
use auditward::event::schema::Live;
use auditward::event::{json, text};
use auditward::output::{Body, Format, Formatter, Lines, Protocol};
use auditward::rule::load::load;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod recording;

use recording::{admin_day, each_event, manifest};

fn events(criterion: &mut Criterion) {
    let log = admin_day();
    let mut group = criterion.benchmark_group("event");
    group.throughput(Throughput::Elements(each_event(&log, |_| {}))).sample_size(20);
    let mut bytes = 0_u64;
    let mut masked = json::MaskedWriter::default();
    group.bench_function("json_masked", |bencher| {
        bencher.iter(|| each_event(&log, |event| bytes += masked.write(event).len() as u64));
    });
    let mut plain = json::Writer::default();
    group.bench_function("json", |bencher| {
        bencher.iter(|| each_event(&log, |event| bytes += plain.write(event).len() as u64));
    });
    let mut lines = text::Writer::default();
    group.bench_function("text", |bencher| {
        bencher.iter(|| each_event(&log, |event| bytes += lines.write(event).len() as u64));
    });
    black_box(bytes);
    group.finish();
}

/// The first 500 events' executions, each of them an alert.
fn alerts() -> (u64, impl Fn(&mut dyn FnMut(Alert))) {
    let log = admin_day();
    let end = memchr::memchr_iter(b'\n', &log).nth(5_000).unwrap();
    let rules = load(&[manifest("benches/rules/each_execution.toml")], &Live).rules;
    let each = move |emit: &mut dyn FnMut(Alert)| {
        let mut detector = Detector::new(rules.clone(), Created::Stamp);
        each_event(&log[..end], |event| detector.event(event, emit));
        detector.finish(emit);
    };
    let mut count = 0;
    each(&mut |_| count += 1);
    (count, each)
}

fn alert(criterion: &mut Criterion) {
    let (count, each) = alerts();
    let mut group = criterion.benchmark_group("alert");
    group.throughput(Throughput::Elements(count)).sample_size(20);
    group.bench_function("made", |bencher| bencher.iter(|| each(&mut |alert| drop(black_box(alert)))));
    let formats = [
        ("line", Format::Text),
        ("json", Format::Json),
        ("syslog", Format::Syslog(Box::new(Formatter::new(Protocol::Rfc5424, Body::Text)))),
    ];
    for (name, format) in formats {
        group.bench_function(name, |bencher| {
            let mut lines = Lines::new(std::io::sink(), format.clone());
            bencher.iter(|| each(&mut |alert| lines.write(&Arc::new(alert)).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, events, alert);
criterion_main!(benches);
