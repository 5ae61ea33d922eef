//! What rules cost: compiling queries, asking an event, and a day of ordinary administration (7,139 events)
//! under no rule, one, hundreds, and under sequences that wait.
//!
//! `cargo bench --bench eql`. Elastic's rules are among them where they lie beside the checkout.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot read its input stops")]
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use auditward::detect::Engine;
use auditward::diagnostic::Source;
use auditward::eql::Program;
use auditward::event::schema::Live;
use auditward::rule::Rule;
use auditward::rule::load::{embedded, load};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[allow(dead_code, reason = "each benchmark uses a part of it")]
mod recording;

use recording::{admin_day, each_event, manifest};

/// Rules of ours in the common shapes: by name, by arguments, by path, by parent, by a regular expression.
fn made_up(count: usize) -> Vec<Arc<Rule>> {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..count {
        let condition = match number % 5 {
            0 => {
                format!("process.name in (\"tool-{number}\", \"tool-{number}d\") and process.args : \"-x*\"")
            }
            1 => format!("process.args == \"--flag-{number}\" and process.args : \"*=/tmp/*\""),
            2 => format!("process.executable : (\"/tmp/{number}/*\", \"/dev/shm/{number}/*\")"),
            3 => format!("process.parent.name == \"server-{number}\" and process.name in (\"sh\", \"bash\")"),
            _ => format!(
                "process.name == \"python{number}\" and process.command_line regex \".*socket{number}.*\""
            ),
        };
        let rule = format!(
            "[rule]\nrule_id = \"{number}\"\nname = \"{number}\"\ndescription = \"d\"\ntype = \"eql\"\n\
             severity = \"low\"\nrisk_score = 21\nquery = '''\nprocess where event.type == \"start\" and \
             event.action in (\"exec\", \"executed\") and {condition}\n'''\n"
        );
        std::fs::write(directory.path().join(format!("{number:05}.toml")), rule).unwrap();
    }
    let loaded = load(&[directory.path().to_owned()], &Live);
    assert_eq!(loaded.rules.len(), count);
    loaded.rules
}

fn elastic() -> Option<Vec<Arc<Rule>>> {
    let corpus = manifest("../shared/elastic-rules");
    corpus.exists().then(|| load(&[corpus], &Live).rules)
}

fn day(criterion: &mut Criterion) {
    let log = admin_day();
    let mut sets = vec![
        ("none", Vec::new()),
        ("shipped", embedded(&Live).rules),
        ("sequences", load(&[manifest("benches/rules/sequences")], &Live).rules),
        ("made_up_300", made_up(300)),
        ("made_up_3000", made_up(3000)),
    ];
    sets.extend(elastic().map(|rules| ("elastic", rules)));
    let mut group = criterion.benchmark_group("day");
    group.throughput(Throughput::Elements(each_event(&log, |_| {}))).sample_size(20);
    for (name, rules) in sets {
        group.bench_function(name, |bencher| {
            let mut engine = Engine::new(rules.clone());
            bencher.iter(|| black_box(each_event(&log, |event| engine.process(event, |_| {}))));
        });
    }
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    let v7 = r#"process where host.os.type == "linux" and event.type == "start" and
        event.action in ("exec", "exec_event", "executed", "process_started") and
        process.name == "usermod" and process.args : "-u" and process.args : "0" and process.args : "-o""#;
    let mut many = "process where process.command_line : (".to_owned();
    (0..500).for_each(|number| write!(many, "\"*word-{number}*x?z*\", ").unwrap());
    many += "\"*last*\")";
    let regex = r#"process where process.command_line regex "(curl|wget).*&~(.*(localhost|127\\.0\\.0\\.<1-254>).*)""#;
    let mut group = criterion.benchmark_group("compile");
    for (name, text) in [("v7", v7), ("wildcards_500", &many), ("regex_algebra", regex)] {
        let source = Arc::new(Source { name: "<query>".into(), text: text.to_owned() });
        Program::compile(&source, &Live).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(Program::compile(&source, &Live).unwrap()));
        });
    }
    group.finish();
}

/// One condition over the day's events, the event's mapping included: against `day/none`.
fn asking(criterion: &mut Criterion) {
    let log = admin_day();
    let mut many = "process where process.command_line : (".to_owned();
    (0..500).for_each(|number| write!(many, "\"*word-{number}*x?z*\", ").unwrap());
    many += "\"*last-of-all*\")";
    let queries = [
        ("name", r#"process where process.name == "usermod""#.to_owned()),
        ("wildcards_500", many),
        (
            "regex",
            r#"process where process.command_line regex ".*(curl|wget).*[0-9]{1,3}\\.[0-9]+.*""#.to_owned(),
        ),
        ("regex_algebra", r#"process where process.command_line regex "(.*-u.*)&~(.*-o.*)""#.to_owned()),
        (
            "function",
            r#"process where length(process.args) > 4000 and stringContains~(process.args, "X")"#.to_owned(),
        ),
    ];
    let mut group = criterion.benchmark_group("ask");
    group.throughput(Throughput::Elements(each_event(&log, |_| {}))).sample_size(20);
    for (name, text) in queries {
        let program = Program::compile(&Arc::new(Source { name: "<query>".into(), text }), &Live).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut matches = 0_u64;
                each_event(&log, |event| matches += u64::from(program.matches(event)));
                black_box(matches)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, day, compiling, asking);
criterion_main!(benches);
