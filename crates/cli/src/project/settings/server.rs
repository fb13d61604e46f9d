//! `server:` of the settings: where the daemon is reached by others than its own commands.

use std::net::{Ipv4Addr, SocketAddr};

use linchpin_language::{Diagnostic, Node, codes, did_you_mean};

/// The port that webhooks are served on where nothing is said.
const PORT: u16 = 7733;
const KEYS: [&str; 1] = ["webhooks"];

/// Where webhooks are served unless the settings say otherwise: on this machine only.
pub(super) fn webhooks() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, PORT).into()
}

/// Reads where webhooks are served.
pub(super) fn read(node: &Node<'_>, mistakes: &mut Vec<Diagnostic>) -> SocketAddr {
    let mut address = webhooks();
    for (key, value) in node.entries() {
        if key != "webhooks" {
            let mistake = value.error_at_key(codes::UNKNOWN_KEY, format!("server has no {key:?}"));
            mistakes.push(match did_you_mean(key, KEYS) {
                Some(near) => mistake.with_help(format!("did you mean {near}?")),
                None => mistake.with_help(format!("the keys are {}", KEYS.join(", "))),
            });
            continue;
        }
        match value.as_str().map(str::parse) {
            Some(Ok(found)) => address = found,
            _ => {
                let message = "webhooks is an IP address with a port";
                let mistake = value.error(codes::BAD_VALUE, message);
                mistakes.push(mistake.with_help(
                    "write webhooks: 127.0.0.1:7733; with port 0 the system chooses one",
                ));
            }
        }
    }
    address
}
