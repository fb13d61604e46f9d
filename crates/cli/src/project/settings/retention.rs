//! `retention:` of the settings, with every mistake.

use linchpin_language::{Diagnostic, Node, codes, did_you_mean, parse_duration};
use linchpin_runtime::retention::{Limits, Retention};

/// Reads the limits of a project.
pub(super) fn read(node: &Node<'_>, mistakes: &mut Vec<Diagnostic>) -> Retention {
    let mut retention = Retention { all: limits(node, true, mistakes), ..Retention::default() };
    for (key, flows) in node.entries().into_iter().filter(|(key, _)| *key == "flows") {
        if !flows.value().is_object() {
            let mistake =
                flows.error(codes::WRONG_TYPE, format!("{key} is a map of flows to limits"));
            mistakes.push(mistake.with_help("write flows: { FLOW: { age: 7d } }"));
            continue;
        }
        for (flow, own) in flows.entries() {
            if own.value().is_object() {
                retention.flows.insert(flow.to_owned(), limits(&own, false, mistakes));
            } else {
                let mistake =
                    own.error(codes::WRONG_TYPE, format!("the limits of {flow} are a map"));
                mistakes.push(mistake.with_help("write { age: 7d, count: 100 }; {} keeps all"));
            }
        }
    }
    retention
}

fn limits(node: &Node<'_>, has_flows: bool, mistakes: &mut Vec<Diagnostic>) -> Limits {
    let mut limits = Limits::default();
    for (key, value) in node.entries() {
        match key {
            "age" => match value.as_str().map(parse_duration) {
                Some(Ok(age)) => limits.age = Some(age),
                Some(Err(why)) => mistakes.push(value.error(codes::BAD_DURATION, why)),
                None => {
                    let mistake = value.error(codes::WRONG_TYPE, "age is a duration");
                    mistakes.push(mistake.with_help("write it as 90d or 12h"));
                }
            },
            "count" => match value.value().as_u64() {
                Some(count) => limits.count = Some(count),
                None => mistakes.push(value.error(codes::WRONG_TYPE, "count is a whole number")),
            },
            "flows" if has_flows => {}
            _ => {
                let names =
                    if has_flows { &["age", "count", "flows"][..] } else { &["age", "count"] };
                let message = format!("retention has no {key:?}");
                let mistake = value.error_at_key(codes::UNKNOWN_KEY, message);
                mistakes.push(match did_you_mean(key, names.iter().copied()) {
                    Some(near) => mistake.with_help(format!("did you mean {near}?")),
                    None => mistake.with_help(format!("the keys are {}", names.join(", "))),
                });
            }
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Settings;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn limits_are_read_for_all_flows_and_for_some() {
        let text = "retention: { age: 90d, count: 1000, flows: { audit: {}, sync: { age: 1d } } }";
        let retention = Settings::read("linchpin.yaml", text).0.retention;
        assert_eq!((retention.all.age, retention.all.count), (Some(90 * DAY), Some(1000)));
        let sync = retention.flows["sync"];
        assert_eq!((sync.age, sync.count), (Some(DAY), None));
        assert_eq!(retention.flows["audit"].age, None);
        assert!(Settings::read("linchpin.yaml", "store: x").0.retention.keeps_all());
    }

    #[test]
    fn every_mistake_of_the_limits_is_told() {
        let text =
            "retention: { age: soon, count: many, flow: {}, flows: { a: 3, b: { ages: 1d } } }";
        let found = Settings::read("linchpin.yaml", text).1;
        let codes: Vec<_> = found.iter().map(|mistake| mistake.code.0).collect();
        assert_eq!(
            codes,
            ["bad-duration", "wrong-type", "unknown-key", "wrong-type", "unknown-key"]
        );
        assert!(!Settings::read("linchpin.yaml", "retention: 90d").1.is_empty());
    }
}
