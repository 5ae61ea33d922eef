//! The language from query to answer.

mod properties;
mod regexes;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, render};
use crate::event::document::Order;
use crate::event::{Document, FieldId, FieldType, Schema, Value, Values};

use super::Program;
use super::ast::{Body, ExprKind};

/// Fields by name, with their types.
pub(crate) struct Fields(pub(crate) Vec<(&'static str, FieldType)>);

impl Schema for Fields {
    fn resolve(&self, name: &str) -> Option<(FieldId, FieldType)> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some((FieldId(u16::try_from(at).unwrap()), self.0[at].1))
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        crate::event::schema::nearest(self.0.iter().map(|(known, _)| *known), name)
    }

    fn name(&self, field: FieldId) -> &str {
        self.0[usize::from(field.0)].0
    }
}

/// The fields that the tests here use.
pub(crate) fn fields() -> Fields {
    Fields(vec![
        ("event.category", FieldType::Keyword),
        ("event.type", FieldType::Keyword),
        ("event.action", FieldType::Keyword),
        ("host.os.type", FieldType::Keyword),
        ("process.name", FieldType::Keyword),
        ("process.args", FieldType::Keyword),
        ("process.pid", FieldType::Long),
        ("ok", FieldType::Boolean),
        ("load", FieldType::Double),
        ("@timestamp", FieldType::Date),
        ("source.ip", FieldType::Ip),
        ("package.version", FieldType::Version),
        ("message", FieldType::Text),
    ])
}

/// An event with these values.
#[derive(Default)]
pub(crate) struct Event<'a>(BTreeMap<FieldId, Vec<Value<'a>>>);

impl<'a> Event<'a> {
    pub(crate) fn with(mut self, name: &str, values: &[Value<'a>]) -> Self {
        let (field, _) = fields().resolve(name).unwrap();
        self.0.insert(field, values.to_vec());
        self
    }

    pub(crate) fn text(self, name: &str, values: &[&'a str]) -> Self {
        let values: Vec<Value<'a>> = values.iter().map(|value| Value::Text(value.as_bytes())).collect();
        self.with(name, &values)
    }
}

impl Document for Event<'_> {
    fn values(&self, field: FieldId) -> Values<'_> {
        match self.0.get(&field).map(Vec::as_slice) {
            None | Some([]) => Values::None,
            Some([one]) => Values::One(*one),
            Some(many) => Values::Many(many),
        }
    }

    fn order(&self) -> Order {
        Order { millis: 0, tiebreaker: 0 }
    }
}

pub(crate) fn compile(text: &str) -> Result<Program, Vec<Diagnostic>> {
    let source = Arc::new(Source { name: "<query>".into(), text: text.to_owned() });
    Program::compile(&source, &fields())
}

fn faults(text: &str) -> String {
    let found = compile(text).expect_err(text);
    found.iter().map(|fault| render(fault, false)).collect::<Vec<_>>().join("\n")
}

/// What an expression without fields comes to, printed as a literal.
pub(crate) fn constant(expression: &str) -> String {
    use super::value::Val;
    let query = super::parser::parse(&format!("any where null == ({expression})")).unwrap();
    let Body::Event(filter) = query.body else { panic!("no event query") };
    let ExprKind::Compare(_, _, inner) = filter.condition.kind else { panic!("no comparison") };
    match super::fold::constant(&inner).unwrap() {
        Val::Null => "null".to_owned(),
        Val::Bool(truth) => truth.to_string(),
        Val::Long(number) => number.to_string(),
        Val::Double(number) => number.to_string(),
        Val::Text(text) => format!("{:?}", String::from_utf8_lossy(&text)),
        other => format!("{other:?}"),
    }
}

const V7: &str = r#"process where host.os.type == "linux" and event.type == "start" and
  event.action in ("exec", "exec_event", "executed", "process_started") and
  process.name == "usermod" and process.args : "-u" and process.args : "0" and process.args : "-o""#;

fn usermod<'a>(args: &[&'a str]) -> Event<'a> {
    Event::default()
        .text("event.category", &["process"])
        .text("host.os.type", &["linux"])
        .text("event.type", &["start"])
        .text("event.action", &["executed", "exec"])
        .text("process.name", &["usermod"])
        .text("process.args", args)
}

#[test]
fn the_first_rule() {
    let rule = compile(V7).unwrap();
    assert!(rule.matches(&usermod(&["usermod", "-u", "0", "-o", "bob"])));
    assert!(rule.matches(&usermod(&["usermod", "bob", "-O", "-U", "0"])));
    assert!(!rule.matches(&usermod(&["usermod", "-u", "0", "bob"])));
    assert!(!rule.matches(&usermod(&["usermod", "-ou", "0", "bob"])));
    assert!(!rule.matches(&usermod(&["usermod", "-u", "0", "-o"]).text("event.category", &["file"])));
}

#[test]
fn what_the_first_rule_needs() {
    let rule = compile(V7).unwrap();
    let requirements = rule.requirements();
    let schema = fields();
    let told: Vec<String> = requirements[0]
        .unwrap()
        .iter()
        .map(|requirement| {
            let literals = requirement.any_of.iter().map(|l| {
                format!("{}{}", String::from_utf8_lossy(&l.bytes), if l.insensitive { "~" } else { "" })
            });
            format!("{} {}", schema.name(requirement.field), literals.collect::<Vec<_>>().join("|"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "event.category process",
            "host.os.type linux",
            "event.type start",
            "event.action exec|exec_event|executed|process_started",
            "process.name usermod",
            "process.args -u~",
            "process.args 0~",
            "process.args -o~",
        ]
    );
}

#[test]
fn a_condition_alone() {
    let source = Arc::new(Source { name: "<condition>".into(), text: r#"process.name == "usermod""#.into() });
    let condition = Program::compile_condition(&source, &fields()).unwrap();
    assert!(condition.matches(&usermod(&[])));
    let source = Arc::new(Source { name: "<condition>".into(), text: "process where true".into() });
    assert!(Program::compile_condition(&source, &fields()).is_err());
}

#[test]
fn f53_operators_and_quotes() {
    let event = || usermod(&["C:\\dir\\x"]).text("process.name", &["UserMod"]);
    for (condition, expected) in [
        (r#"process.name == "usermod""#, false),
        (r#"process.name : "usermod""#, true),
        (r#"process.name == "User*""#, false),
        (r#"process.name : "user*""#, true),
        (r#"process.name like "User*""#, true),
        (r#"process.name like "user*""#, false),
        (r#"process.name like~ "user*""#, true),
        (r#"process.name in ("usermod")"#, false),
        (r#"process.name in~ ("usermod")"#, true),
        (r#"process.args : """*C:\dir*""""#, true),
    ] {
        let query = compile(&format!("\"process\" where {condition}")).unwrap();
        assert_eq!(query.matches(&event()), expected, "{condition}");
    }
    insta::assert_snapshot!(faults(r#"process where process.name == ?"usermod""#), @r#"
    error[E103]: strings are no longer written like this
     --> <query>:1:31
      |
    1 | process where process.name == ?"usermod"
      |                               ^^^^^^^^^^ old form of a string
      |
      = help: write "usermod", or """usermod""" where backslashes are to stand for themselves
    "#);
    insta::assert_snapshot!(faults(r#"process where process.name == 'us\er'"#), @r#"
    error[E103]: strings are no longer written like this
     --> <query>:1:31
      |
    1 | process where process.name == 'us\er'
      |                               ^^^^^^^ old form of a string
      |
      = help: write "us\\er", or """us\er""" where backslashes are to stand for themselves
    "#);
}

#[test]
fn f48_fields_with_many_values() {
    let event = usermod(&["usermod", "-u", "0", "-o", "carol"]);
    for (condition, expected) in [
        (r#"process.args == "-o" and process.args == "0""#, true),
        (r#"not process.args == "-o""#, false),
        (r#"process.args in ("x", "0")"#, true),
        ("process.args == null", false),
        (r#"process.args != "-o""#, false),
        (r#"process.args != "-x""#, true),
        (r#"startsWith(process.args, "car")"#, true),
        ("length(process.args) == 1 and length(process.args) == 7", true),
        (r#"concat(process.args, process.args) == "-o-o""#, true),
        (r#"concat(process.args, process.args) == "-o-u""#, false),
    ] {
        let query = compile(&format!("process where {condition}")).unwrap();
        assert_eq!(query.matches(&event), expected, "{condition}");
    }
    assert!(compile("process where process.args == null").unwrap().matches(&usermod(&[])));
}

#[test]
fn comparisons_that_are_cut_are_counted() {
    let args: Vec<String> = (0..300).map(|i| format!("a{i}")).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let many = Event::default().text("process.args", &args).text("process.name", &args);
    let few = Event::default().text("process.args", &args[..256]).text("process.name", &args[..256]);
    let rule = compile("any where concat(process.args, process.name) == \"a299a299\"").unwrap();
    assert!(!rule.matches(&few));
    assert_eq!(rule.cut_comparisons(), 0);
    // 90,000 combinations, of which the last would be the one.
    assert!(!rule.matches(&many));
    assert_eq!(rule.cut_comparisons(), 1);
    let rule = compile("any where not concat(process.args, process.name) == \"a0a0\"").unwrap();
    assert!(!rule.matches(&many));
    assert_eq!(rule.cut_comparisons(), 0);

    let long = vec![Value::Text(b"x"); 70_000];
    let event = Event::default().with("process.args", &long);
    let rule = compile("any where length(process.args) == 2").unwrap();
    assert!(!rule.matches(&event));
    assert_eq!(rule.cut_comparisons(), 1);
}

#[test]
fn f03_one_unknown_field() {
    insta::assert_snapshot!(faults(r#"process where process.naem == "usermod""#), @r#"
    error[E201]: unknown field process.naem
     --> <query>:1:15
      |
    1 | process where process.naem == "usermod"
      |               ^^^^^^^^^^^^ no such field
      |
      = help: did you mean process.name, process.args, process.pid?
    "#);
    let optional = r#"process where process.name == "usermod" and ?process.parent.args == "sudo""#;
    assert!(!compile(optional).unwrap().matches(&usermod(&[])));
    let missing = r#"process where process.name == "usermod" and ?process.parent.args == null"#;
    assert!(compile(missing).unwrap().matches(&usermod(&[])));
}
