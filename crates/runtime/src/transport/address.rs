//! Which network addresses a connection may lead to.
//!
//! A name is judged by the addresses it resolves to, and exactly those are then connected to: there is
//! no second look-up in between that could answer differently.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why an address is refused, or `None` when it is a public one.
pub(crate) fn refused(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, ..) => Some("loopback"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Some("private"),
        (169, 254, _) => Some("link-local"),
        (100, 64..=127, _) => Some("shared"),
        (0, ..) | (192, 0, 0) | (198, 18..=19, _) | (224..=255, ..) => Some("reserved"),
        _ => None,
    }
}

fn refused_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(inner) = embedded(address) {
        return refused_v4(inner);
    }
    match address.segments()[0] {
        _ if address.is_loopback() => Some("loopback"),
        _ if address.is_unspecified() => Some("reserved"),
        0xfc00..=0xfdff => Some("private"),
        0xfe80..=0xfebf => Some("link-local"),
        0xfec0.. => Some("reserved"),
        _ => None,
    }
}

/// The IPv4 address that an IPv6 address leads to: mapped, translated (NAT64) or tunnelled (6to4).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(of(g, h)),
        (0x2002, ..) => Some(of(b, c)),
        _ => None,
    }
}

/// A name resolved to an address that the connection may not lead to.
#[derive(Debug)]
pub(super) struct RefusedAddress {
    address: IpAddr,
    why: &'static str,
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it resolves to the {} address {}", self.why, self.address)
    }
}

impl std::error::Error for RefusedAddress {}

/// The addresses of a name. With `any`, those that are not public pass too.
pub(super) async fn addresses(
    name: &str,
    port: u16,
    any: bool,
) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((name, port)).await?.collect();
    for address in found.iter().filter(|_| !any) {
        if let Some(why) = refused(address.ip()) {
            return Err(RefusedAddress { address: address.ip(), why }.into());
        }
    }
    Ok(found)
}

/// Resolves names, and refuses a name as a whole when any of its addresses is not public.
pub(super) struct PublicOnly {
    /// The proxy's name, which is ours to choose and may well be private.
    pub(super) except: Option<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let is_excepted = self.except.as_deref() == Some(name.as_str());
        Box::pin(async move {
            let found = addresses(name.as_str(), 0, is_excepted).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_pass() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(refused(text.parse().unwrap()), expect, "{text}");
        };
        check("127.0.0.1", Some("loopback"));
        check("10.1.2.3", Some("private"));
        check("172.31.0.1", Some("private"));
        check("172.32.0.1", None);
        check("192.168.1.1", Some("private"));
        check("169.254.169.254", Some("link-local"));
        check("100.100.0.1", Some("shared"));
        check("0.0.0.0", Some("reserved"));
        check("255.255.255.255", Some("reserved"));
        check("93.184.216.34", None);
        check("::1", Some("loopback"));
        check("::", Some("reserved"));
        check("fd00:ec2::254", Some("private"));
        check("fe80::1", Some("link-local"));
        check("::ffff:10.0.0.1", Some("private"));
        check("64:ff9b::7f00:1", Some("loopback"));
        check("2002:a00:1::", Some("private"));
        check("2606:4700::1111", None);
    }
}
