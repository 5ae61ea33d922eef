//! `cidrMatch(address, network, …)`

use std::net::IpAddr;

use super::super::text::Case;
use super::super::value::{Val, address_bits};
use super::{Function, Kind, Parameter};

pub(super) const CIDR_MATCH: Function = Function {
    name: "cidrMatch",
    usage: "cidrMatch(address, \"network/bits\", …)",
    doc: "Whether the address lies in any of the networks, which are constants; IPv4 and IPv6 may be \
          mixed, and bits of the network behind its prefix are ignored. An IPv4 address lies in no IPv6 network.",
    parameters: &[Parameter::new("address", Kind::Ip), Parameter::new("network", Kind::Text).constant()],
    variadic: true,
    insensitive: false,
    result: Kind::Bool,
    examples: &[
        (r#"cidrMatch("10.6.48.157", "10.0.0.0/8")"#, "true"),
        (r#"cidrMatch("10.6.48.157", "192.168.0.0/16", "10.6.48.157/8")"#, "true"),
        (r#"cidrMatch("2001:db8::1", "10.0.0.0/8", "2001:db8::/32")"#, "true"),
        (r#"cidrMatch("10.6.48.157", "2001:db8::/32")"#, "false"),
        (r#"cidrMatch(null, "10.0.0.0/8")"#, "null"),
    ],
    call: cidr_match,
};

fn cidr_match<'a>(arguments: &[Val<'a>], _: Case) -> Val<'a> {
    let Some((address, networks)) = arguments.split_first() else { return Val::Null };
    let Some(address) = address_of(address) else { return Val::Null };
    let bits = address_bits(address);
    Val::Bool(networks.iter().any(|text| match text {
        Val::Text(text) => network(text).is_some_and(|blocks| blocks.iter().any(|b| b.contains(bits))),
        _ => false,
    }))
}

/// The address that a value is or spells.
pub(crate) fn address_of(value: &Val<'_>) -> Option<IpAddr> {
    match value {
        Val::Ip(address) => Some(*address),
        Val::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// A block of addresses, as the first and last of 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Network {
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl Network {
    /// Whether it holds the address of these bits.
    pub(crate) fn contains(self, bits: u128) -> bool {
        (self.first..=self.last).contains(&bits)
    }
}

/// The IPv4 addresses among all of them.
const IPV4: Network = Network { first: 0xffff_0000_0000, last: 0xffff_ffff_ffff };

/// Reads `address/bits`, or an address alone: one block, or two around the IPv4 addresses, which lie in no block of IPv6
/// unless it is within theirs.
pub(crate) fn network(text: &[u8]) -> Option<Vec<Network>> {
    let text = std::str::from_utf8(text).ok()?;
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let free = match length {
        None => 0,
        Some(length) => {
            let length: u32 = Some(length).filter(|l| !l.starts_with('+'))?.parse().ok()?;
            (if address.is_ipv4() { 32 } else { 128_u32 }).checked_sub(length)?
        }
    };
    let host = 1_u128.checked_shl(free).map_or(u128::MAX, |bit| bit - 1);
    let first = address_bits(address) & !host;
    let last = first | host;
    if first < IPV4.first && IPV4.last < last {
        let (below, above) = (IPV4.first - 1, IPV4.last + 1);
        return Some(vec![Network { first, last: below }, Network { first: above, last }]);
    }
    Some(vec![Network { first, last }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let bits = |s: &str| address_bits(s.parse().unwrap());
        let holds = |n: &str, s: &str| network(n.as_bytes()).unwrap().iter().any(|b| b.contains(bits(s)));
        assert!(holds("0.0.0.0/0", "255.255.255.255") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("::/0", "::1") && holds("::/0", "ff02::1") && !holds("::/0", "10.0.0.1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.0.0.1"));
        assert!(holds("10.0.0.1/32", "10.0.0.1"));
        assert!(holds("::1", "::1") && !holds("::1", "::2"));
        for wrong in ["10.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "::/129", "x/8", ""] {
            assert_eq!(network(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
