//! Who may call: the rate counter, then the key, then `source`, then the access level.

use std::collections::{HashMap, VecDeque};

use axum::http::Method;

use super::format::Refusal;
use super::{USERS, integration, seed};
use crate::call::Call;
use crate::company::{KIM_LO, LEE_PARK, MAYA_STONE, SAM_COLE};
use crate::identity::Identity;
use crate::world::World;

/// When each key has called, for the sliding window of the rate limit.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    calls: HashMap<String, VecDeque<i64>>,
}

impl Meter {
    /// Counts a call at `now` (milliseconds); false when it is one too many. A refused call does not count.
    fn admit(&mut self, key: &str, now: i64, calls: u32, seconds: u32) -> bool {
        let window = self.calls.entry(key.to_owned()).or_default();
        let oldest = now - i64::from(seconds) * 1000;
        while window.front().is_some_and(|at| *at <= oldest) {
            window.pop_front();
        }
        if window.len() >= calls as usize {
            return false;
        }
        window.push_back(now);
        true
    }
}

/// On whose behalf a request is answered.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) level: String,
}

impl Caller {
    pub(super) fn is_administrator(&self) -> bool {
        matches!(self.level.as_str(), "Account_Owner" | "Administrator")
    }
}

/// The seeded keys by name; `api_key` is the Account Owner's.
pub(super) fn keys(identity: Identity) -> [(&'static str, String); 5] {
    let key = |n| identity.guid("litmos.key", n);
    [
        ("api_key", key(0)),
        ("integration_api_key", key(1)),
        ("administrator_api_key", key(2)),
        ("team_leader_api_key", key(3)),
        ("learner_api_key", key(4)),
    ]
}

/// The access level behind a key, read live.
fn level(world: &World, key: &str) -> Option<String> {
    if integration::key(world).is_some_and(|known| known == key) {
        return Some("Administrator".to_owned());
    }
    let (name, _) = keys(world.identity).into_iter().find(|(_, known)| known == key)?;
    let person = match name {
        "api_key" => MAYA_STONE,
        // One that was cleared, or not ticked again.
        "integration_api_key" => return None,
        "administrator_api_key" => KIM_LO,
        "team_leader_api_key" => LEE_PARK,
        _ => SAM_COLE,
    };
    let user = world.row(USERS, &seed::user_id(world.identity, person))?;
    user["AccessLevel"].as_str().map(str::to_owned)
}

/// Lets a request in, or says why not.
pub(super) fn admit(world: &mut World, call: &Call) -> Result<Caller, Refusal> {
    let key = call
        .header("apikey")
        .or_else(|| call.query_any_case("apikey"))
        .unwrap_or_default()
        .to_owned();
    let limit = world.settings.litmos.rate_limit;
    let now = world.now().as_millisecond();
    if !world.litmos.admit(&key, now, limit.calls, limit.seconds) {
        return Err(Refusal::rate_limited());
    }
    let level = level(world, &key).filter(|_| world.settings.litmos.api_enabled);
    let caller = Caller { level: level.ok_or_else(Refusal::unauthorized)? };
    if call.query_any_case("source").is_none_or(|source| source.trim().is_empty()) {
        return Err(Refusal::bad_parameters());
    }
    let owner_only = world.settings.litmos.strict_levels && !is_for_administrators(call);
    let allowed =
        if owner_only { caller.level == "Account_Owner" } else { caller.is_administrator() };
    if allowed { Ok(caller) } else { Err(Refusal::no_permission()) }
}

/// What is documented for Administrators, where the rest is for Account Owners.
fn is_for_administrators(call: &Call) -> bool {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let reads = call.method == Method::GET;
    match path.get(1..).unwrap_or_default() {
        ["users", _, "courses"] => !reads,
        ["users", "courses"] | ["users", _, "courses" | "teams" | "learningpaths", ..] => true,
        ["courses", _, "coursecustomfields"] | ["coursecustomfields"] => true,
        ["learningpaths", ..] => true,
        ["teams"] | ["teams", _, "teams"] => !reads,
        ["teams", _, "courses"] => call.method != Method::POST,
        ["teams", ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_refused_calls_do_not_count() {
        let mut meter = Meter::default();
        assert!(meter.admit("a", 0, 2, 60));
        assert!(meter.admit("a", 1_000, 2, 60));
        assert!(!meter.admit("a", 2_000, 2, 60));
        assert!(meter.admit("b", 2_000, 2, 60));
        assert!(meter.admit("a", 60_000, 2, 60));
        assert!(!meter.admit("a", 60_001, 2, 60));
    }
}
