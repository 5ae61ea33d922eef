//! An event in ECS terms.

pub mod date;
pub mod document;
pub mod schema;

pub use document::{Document, Value, Values};
pub use schema::{FieldId, FieldType, Schema};
