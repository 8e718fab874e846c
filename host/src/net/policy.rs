//! Where a name may lead: a name's owner, or whoever answers for it, decides
//! what it resolves to, and may send a connection to where no service that is
//! waited for lives, such as a cloud's metadata service with its credentials.
//!
//! The reasons are in `docs/decisions/0007-addresses.md`. The ranges are those
//! of the registries of special-purpose addresses (RFC 6890 and its updates);
//! the metadata services are those that the clouds document.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who chose the name that is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The user, as a target.
    User,
    /// A probe, out of what the user allowed it.
    Probe,
}

/// Whether `host` is an address, and not a name: the user wrote it, and means
/// it. A scope such as `%eth0` belongs to the address.
pub fn is_literal(host: &str) -> bool {
    let address = host.split('%').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok()
}

/// What `address` is, where a name must not lead to it.
pub fn forbidden(address: IpAddr, named_by: NamedBy) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address, named_by),
        IpAddr::V6(address) => forbidden_v6(address, named_by),
    }
}

fn forbidden_v4(address: Ipv4Addr, named_by: NamedBy) -> Option<&'static str> {
    match address.octets() {
        // AWS, Azure, Google, OpenStack and others; AWS for containers; AWS's
        // own name and time servers are beside them.
        [169, 254, 169 | 170, _] => Some("a metadata service"),
        // Alibaba; Azure's for its agents.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Some("a metadata service"),
        [0, ..] => Some("no address of a host"),
        [224..=239, ..] => Some("a multicast address"),
        [255, 255, 255, 255] => Some("a broadcast address"),
        // Containers reach their host there, by a name that the user gave.
        [169, 254, ..] if named_by == NamedBy::Probe => Some("a link-local address"),
        _ => None,
    }
}

fn forbidden_v6(address: Ipv6Addr, named_by: NamedBy) -> Option<&'static str> {
    if address.is_loopback() {
        return None;
    }
    if let Some(inner) = within(address) {
        return forbidden_v4(inner, named_by);
    }
    match address.segments() {
        // AWS; Google.
        [0xfd00, 0x0ec2, 0, 0, ..] | [0xfd20, 0x00ce, 0, 0, ..] => Some("a metadata service"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0xfe80..=0xfebf, ..] if named_by == NamedBy::Probe => Some("a link-local address"),
        _ => None,
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped and compatible (RFC
/// 4291, 2.5.5; `::` among them), NAT64 (RFC 6052; RFC 8215), 6to4 (RFC 3056)
/// and Teredo (RFC 4380, which inverts it).
fn within(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let inner = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => inner(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => inner(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x64, 0xff9b, 1, _, _, _, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        [0x2001, 0, .., high, low] => inner(!high, !low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An address, and what it is where the user's name or a probe's leads
    /// there.
    const TABLE: &[(&str, Option<&str>, Option<&str>)] = &[
        ("127.0.0.1", None, None),
        ("10.0.0.1", None, None),
        ("172.16.0.1", None, None),
        ("192.168.1.1", None, None),
        ("100.64.0.1", None, None),
        ("100.100.100.199", None, None),
        ("8.8.8.8", None, None),
        ("::1", None, None),
        ("fd00::1", None, None),
        ("fd00:ec3::254", None, None),
        ("2600::1", None, None),
        ("64:ff9b::8.8.8.8", None, None),
        ("::ffff:10.0.0.1", None, None),
        ("169.254.1.2", None, Some("a link-local address")),
        ("::ffff:169.254.1.2", None, Some("a link-local address")),
        ("2002:a9fe:0102::1", None, Some("a link-local address")),
        ("fe80::1", None, Some("a link-local address")),
        ("febf::1", None, Some("a link-local address")),
        ("fec0::1", None, None),
    ];

    /// What neither name may lead to.
    const NEVER: &[(&str, &str)] = &[
        ("169.254.169.254", "a metadata service"),
        ("169.254.169.253", "a metadata service"),
        ("169.254.170.2", "a metadata service"),
        ("169.254.170.23", "a metadata service"),
        ("100.100.100.200", "a metadata service"),
        ("168.63.129.16", "a metadata service"),
        ("fd00:ec2::254", "a metadata service"),
        ("fd20:ce::254", "a metadata service"),
        ("::ffff:169.254.169.254", "a metadata service"),
        ("::169.254.169.254", "a metadata service"),
        ("::ffff:0:169.254.169.254", "a metadata service"),
        ("64:ff9b::169.254.169.254", "a metadata service"),
        ("64:ff9b:1::169.254.169.254", "a metadata service"),
        ("2002:a9fe:a9fe::1", "a metadata service"),
        ("2001::5601:5601", "a metadata service"),
        ("0.0.0.0", "no address of a host"),
        ("0.1.2.3", "no address of a host"),
        ("::", "no address of a host"),
        ("::ffff:0.0.0.0", "no address of a host"),
        ("224.0.0.1", "a multicast address"),
        ("239.255.255.255", "a multicast address"),
        ("ff02::1", "a multicast address"),
        ("255.255.255.255", "a broadcast address"),
        ("::ffff:255.255.255.255", "a broadcast address"),
    ];

    #[test]
    fn names_lead_where_services_live_and_nowhere_else() {
        let never = NEVER
            .iter()
            .map(|(text, what)| (*text, Some(*what), Some(*what)));
        for (text, user, probe) in TABLE.iter().copied().chain(never) {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(
                forbidden(address, NamedBy::User),
                user,
                "{text} by the user"
            );
            assert_eq!(
                forbidden(address, NamedBy::Probe),
                probe,
                "{text} by a probe"
            );
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        for literal in ["127.0.0.1", "::1", "fe80::1%eth0", "169.254.169.254"] {
            assert!(is_literal(literal), "{literal}");
        }
        // What the resolver takes for addresses is checked as a name.
        for name in [
            "localhost",
            "127.1",
            "2852039166",
            "0xa9fea9fe",
            "%eth0",
            "",
        ] {
            assert!(!is_literal(name), "{name}");
        }
    }
}
