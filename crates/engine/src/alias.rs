//! What an alias of a flow is called in the environment. The call of a subflow may bind its aliases to
//! others; what it does not bind has the same name there.

use std::collections::BTreeMap;

/// The name in the environment of an alias, or of one of its connections: `lms`, `lms.emea`.
pub fn resolve(bound: &BTreeMap<String, String>, alias: &str) -> String {
    if let Some(bound) = bound.get(alias) {
        return bound.clone();
    }
    // One of several connections of an alias goes where the alias goes; the call of the flow may have
    // picked another one of them, which counts where no step picks.
    match alias.split_once('.').and_then(|(base, part)| Some((bound.get(base)?, part))) {
        Some((bound, part)) => {
            let base = bound.split_once('.').map_or(bound.as_str(), |(base, _)| base);
            format!("{base}.{part}")
        }
        None => alias.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_is_followed_and_a_step_picks_among_its_connections() {
        let bound = [("lms", "school"), ("hr", "people.emea")];
        let bound = bound.map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned())).into();
        for (alias, expected) in [
            ("lms", "school"),
            ("lms.us", "school.us"),
            ("hr", "people.emea"),
            ("hr.us", "people.us"),
            ("sn", "sn"),
            ("sn.us", "sn.us"),
        ] {
            assert_eq!(resolve(&bound, alias), expected);
        }
    }
}
