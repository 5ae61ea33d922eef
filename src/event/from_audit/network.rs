//! `source.*`, `destination.*`, `network.*` and `auditd.data.socket.*`: the address of a socket call, and
//! where a login came from.

use std::net::IpAddr;

use super::super::audit_document::{AuditDocument, long_or_none, text_or_none};
use super::super::document::{Value, Values};
use super::super::kind::Act;
use super::super::schema::{FieldId, field, row};
use super::data;
use crate::audit::fields;
use crate::audit::value::{self, SocketAddress};

/// The other side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Destination,
    Source,
}

pub(super) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    match id {
        field::DESTINATION_IP | field::DESTINATION_PORT | field::DESTINATION_ADDRESS => {
            peer(doc, Side::Destination).map_or(Values::None, |peer| part(doc, &peer, id))
        }
        field::SOURCE_IP | field::SOURCE_PORT | field::SOURCE_ADDRESS => match peer(doc, Side::Source) {
            Some(peer) => part(doc, &peer, id),
            None => told(doc, id),
        },
        field::NETWORK_DIRECTION => match side(doc) {
            Some(Side::Destination) => doc.one_text(b"egress"),
            Some(Side::Source) => doc.one_text(b"ingress"),
            None => Values::None,
        },
        field::NETWORK_TYPE => match address(doc) {
            Some(SocketAddress::Inet { .. }) => doc.one_text(b"ipv4"),
            Some(SocketAddress::Inet6 { .. }) => doc.one_text(b"ipv6"),
            _ => Values::None,
        },
        _ => row(id).map_or(Values::None, |row| data::values(doc, row.name)),
    }
}

fn side(doc: &AuditDocument<'_>) -> Option<Side> {
    let kind = doc.parts.kind;
    if kind.is(Act::CONNECTED) || kind.is(Act::SENT) {
        Some(Side::Destination)
    } else if kind.is(Act::ACCEPTED) || kind.is(Act::RECEIVED) {
        Some(Side::Source)
    } else {
        None
    }
}

fn peer(doc: &AuditDocument<'_>, wanted: Side) -> Option<SocketAddress> {
    (side(doc)? == wanted).then(|| address(doc)).flatten()
}

fn address(doc: &AuditDocument<'_>) -> Option<SocketAddress> {
    let field = fields::find(doc.parts.socket?.body, b"saddr")?;
    value::socket_address(field.raw)
}

fn part<'e>(doc: &AuditDocument<'e>, peer: &SocketAddress, id: FieldId) -> Values<'e> {
    let (address, port) = match peer {
        SocketAddress::Inet { address, port } => (IpAddr::V4(*address), *port),
        SocketAddress::Inet6 { address, port, .. } => (IpAddr::V6(*address), *port),
        SocketAddress::Unix(path) if is_address(id) && !path.is_empty() => {
            return doc.one_text(doc.keep(path));
        }
        SocketAddress::UnixAbstract(name) if is_address(id) => return doc.one_text(abstract_name(doc, name)),
        _ => return Values::None,
    };
    match id {
        field::DESTINATION_IP | field::SOURCE_IP => Values::One(Value::Ip(address)),
        field::DESTINATION_PORT | field::SOURCE_PORT => long_or_none(Some(port)),
        _ => doc.number_text(address),
    }
}

fn is_address(id: FieldId) -> bool {
    id == field::DESTINATION_ADDRESS || id == field::SOURCE_ADDRESS
}

/// Where a message of sshd, login or PAM says that somebody came from.
fn told<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let body = doc.parts.lead.body;
    let of = |key: &[u8]| fields::user(body).find(|f| f.key == key && !value::is_absent(f)).map(|f| f.raw);
    match id {
        field::SOURCE_IP => {
            let text = of(b"addr").or_else(|| of(b"hostname")).and_then(|t| std::str::from_utf8(t).ok());
            text.and_then(|t| t.parse().ok()).map_or(Values::None, |ip| Values::One(Value::Ip(ip)))
        }
        field::SOURCE_ADDRESS => text_or_none(of(b"addr").or_else(|| of(b"hostname"))),
        _ => Values::None,
    }
}

/// The name of an abstract socket, with the `@` that tools show for its NUL.
fn abstract_name<'e>(doc: &AuditDocument<'e>, name: &[u8]) -> &'e [u8] {
    let mut text = bumpalo::collections::Vec::with_capacity_in(name.len() + 1, doc.arena);
    text.push(b'@');
    text.extend_from_slice_copy(name);
    text.into_bump_slice()
}

/// The parts of `auditd.data.socket`.
pub(super) fn socket_parts<'e>(doc: &AuditDocument<'e>, raw: &[u8]) -> Vec<(&'static [u8], &'e [u8])> {
    let Some(address) = value::socket_address(raw) else { return Vec::new() };
    let text = |display: &dyn std::fmt::Display| doc.format(display);
    match &address {
        SocketAddress::Inet { address, port } => {
            vec![(ADDRESS, text(address)), (FAMILY, b"ipv4"), (PORT, text(port))]
        }
        SocketAddress::Inet6 { address, port, .. } => {
            vec![(ADDRESS, text(address)), (FAMILY, b"ipv6"), (PORT, text(port))]
        }
        SocketAddress::Unix(path) if path.is_empty() => vec![(FAMILY, b"unix")],
        SocketAddress::Unix(path) => vec![(FAMILY, b"unix"), (PATH, doc.keep(path))],
        SocketAddress::UnixAbstract(name) => vec![(FAMILY, b"unix"), (PATH, abstract_name(doc, name))],
        SocketAddress::Netlink { .. } => vec![(FAMILY, b"netlink")],
        SocketAddress::Other { family } => vec![(FAMILY, text(family))],
    }
}

const ADDRESS: &[u8] = b"socket.addr";
const FAMILY: &[u8] = b"socket.family";
const PATH: &[u8] = b"socket.path";
const PORT: &[u8] = b"socket.port";
