//! Faults on demand: what can go wrong, on which requests, and how often.

use axum::http::Method;
use serde::{Deserialize, Serialize};

use crate::call::{Call, Reply};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Wait `delay_ms`, then go on as usual.
    Delay,
    /// Take effect, then wait `delay_ms` before the answer.
    DelayAfterCommit,
    /// Cut the connection before anything takes effect.
    ResetBeforeCommit,
    /// Take effect, then cut the connection without an answer.
    ResetAfterCommit,
    /// Answer `status` without taking effect.
    Status,
    /// Answer as this system does when there are too many calls.
    RateLimit,
    /// Take effect, then answer `status`.
    CommitThenFail,
    /// Answer a maintenance page in HTML without taking effect.
    HtmlError,
    /// Take effect, then answer with half of the body.
    Truncate,
    /// Answer 401 without taking effect.
    Unauthorized,
    /// Let every token end now, then go on as usual.
    ExpireTokens,
}

/// A fault that waits for its requests. Every absent condition matches.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    #[serde(default)]
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) system: Option<String>,
    #[serde(default)]
    pub(crate) method: Option<String>,
    /// A prefix of the path, segment by segment; `*` stands for any one segment.
    #[serde(default)]
    pub(crate) path: Option<String>,
    /// The path must have no further segments.
    #[serde(default)]
    pub(crate) exact: bool,
    /// So many matching requests pass unharmed first.
    #[serde(default)]
    pub(crate) skip: u64,
    /// How many requests it strikes; absent: all.
    #[serde(default, alias = "count")]
    pub(crate) times: Option<u64>,
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) delay_ms: Option<u64>,
    /// Seconds, for `rate_limit` and `status`.
    #[serde(default)]
    pub(crate) retry_after: Option<u64>,
    #[serde(default)]
    pub(crate) struck: u64,
}

impl Fault {
    fn matches(&self, system: &str, method: &Method, segments: &[String]) -> bool {
        let same = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        same(&self.system, system)
            && same(&self.method, method.as_str())
            && self.path.as_ref().is_none_or(|path| on_path(path, segments, self.exact))
    }

    fn is_spent(&self) -> bool {
        self.times == Some(0)
    }

    /// `rate_limit on litmos`, for the ledger.
    pub(crate) fn name(&self) -> String {
        let kind = serde_json::to_value(self.kind).unwrap_or_default();
        kind.as_str().unwrap_or_default().to_owned()
    }

    /// The answer in place of the usual one; `limited` is the system's own rate limit answer.
    pub(crate) fn refusal(&self, limited: Reply) -> Reply {
        let retry = |reply: Reply| match self.retry_after {
            Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
            None => reply,
        };
        match self.kind {
            Kind::RateLimit => {
                let status = self.status.unwrap_or(limited.status);
                retry(Reply { status, ..limited })
            }
            Kind::Unauthorized => {
                Reply::empty(401).with_header("www-authenticate", "Bearer error=\"invalid_token\"")
            }
            Kind::HtmlError => Reply::text(self.status.unwrap_or(503), "text/html", MAINTENANCE),
            _ => {
                let status = self.status.unwrap_or(500);
                retry(Reply::text(status, "text/plain", "The sandbox was told to fail here."))
            }
        }
    }
}

const MAINTENANCE: &str = "<!DOCTYPE html><html><head><title>Request Error</title></head>\
<body><h1>Down for maintenance</h1></body></html>";

/// Whether `pattern` is a prefix of the path, with or without the API's own base before it.
fn on_path(pattern: &str, segments: &[String], exact: bool) -> bool {
    let wanted: Vec<&str> = pattern.split('/').filter(|s| !s.is_empty()).collect();
    let fits = |found: &[String]| {
        found.len() >= wanted.len()
            && (!exact || found.len() == wanted.len())
            && wanted.iter().zip(found).all(|(want, have)| *want == "*" || want == have)
    };
    let based = segments.first().is_some_and(|first| first == "v1.svc");
    fits(segments) || (based && fits(&segments[1..]))
}

/// The faults that wait, in the order they were set.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    list: Vec<Fault>,
    last_id: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, mut fault: Fault) -> Fault {
        self.last_id += 1;
        fault.id = self.last_id;
        self.list.push(fault.clone());
        fault
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.list
    }

    /// Removes one, or all.
    pub(crate) fn clear(&mut self, id: Option<u64>) {
        self.list.retain(|fault| id.is_some_and(|id| id != fault.id));
    }

    /// The fault that strikes this request, if one does; its counts go down.
    pub(crate) fn strike(&mut self, system: &str, call: &Call) -> Option<Fault> {
        for fault in &mut self.list {
            if fault.is_spent() || !fault.matches(system, &call.method, &call.segments) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            fault.struck += 1;
            return Some(fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, exact: bool, path: &str, expect: bool) {
        let segments: Vec<String> =
            path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect();
        assert_eq!(on_path(pattern, &segments, exact), expect, "{pattern} on {path}");
    }

    #[test]
    fn a_path_matches_by_segments() {
        check("/users", false, "/v1.svc/users", true);
        check("/v1.svc/users", false, "/v1.svc/users/1/courses", true);
        check("/users/*/courses", true, "/v1.svc/users/1/courses", true);
        check("/users", true, "/v1.svc/users/1", false);
        check("/user", false, "/v1.svc/users", false);
    }
}
