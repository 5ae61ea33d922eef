//! An event in ECS terms: the schema, the mapping from an audit event, the process table behind it, and
//! JSON.
//!
//! ```
//! use auditward::audit::reassembler::Limits;
//! use auditward::audit::{Reassembler, Record};
//! use auditward::event::{Document, Host, Mapper, Options, Value, Values, json, schema::field};
//!
//! let log = br#"type=USER_AUTH msg=audit(1790000100.111:12): pid=88 uid=0 auid=1000 ses=4 msg='op=PAM:authentication acct="bob" exe="/usr/bin/su" res=success'"#;
//! let mut mapper = Mapper::new(Host::recorded(None), &Options::replay());
//! let mut reassembler = Reassembler::new(Limits::default());
//! let arena = bumpalo::Bump::new();
//! let mut writer = json::Writer::default();
//! let record = Record::from_log_line(log).unwrap();
//! reassembler.push(&record, 0, &mut |event| {
//!     let document = mapper.map(event, &arena).unwrap();
//!     assert_eq!(document.values(field::USER_TARGET_NAME), Values::One(Value::Text(b"bob")));
//!     assert!(writer.write(&document).starts_with(br#"{"@timestamp":"2026-09-21T14:15:00.111Z""#));
//! });
//! ```

pub mod ancestry;
mod around;
mod audit_document;
mod births;
pub mod circumstances;
pub mod date;
pub mod document;
mod from_audit;
mod held;
mod host;
pub mod json;
pub mod kind;
pub mod live_document;
mod mapper;
pub mod mapping;
pub(crate) mod memo;
mod names;
pub mod ndjson;
pub mod origin;
mod places;
pub mod proc;
mod runs;
pub mod schema;
pub(crate) mod secrets;
pub mod skim;
pub mod snapshot;
mod spare;
mod stored;
pub mod text;
pub mod wrapped;

pub use audit_document::AuditDocument;
pub use births::Birth;
pub use document::{Document, Value, Values};
pub use held::Held;
pub use host::Host;
pub(crate) use mapper::base_name;
pub use mapper::{Mapper, Options};
pub use names::Names;
pub use runs::{Run, Runs};
pub use schema::{FieldId, FieldType, Schema};
pub use stored::{Resting, Stored};

/// The version of ECS that documents follow (`ecs.version`).
pub const ECS_VERSION: &str = "8.17.0";

/// `data_stream` of a document: the stream of Elasticsearch that it is for (`TYPE-DATASET-NAMESPACE`).
#[must_use]
pub fn data_stream(dataset: &str) -> serde_json::Value {
    serde_json::json!({ "type": "logs", "dataset": dataset, "namespace": "default" })
}
