//! When schedules fall due, over every kind of offset change.

use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::flow::{Missed, Rule, Schedule};
use linchpin_engine::schedule::{next_instants, validate};

fn cron(pattern: &str, zone: &str) -> Schedule {
    Schedule {
        rule: Rule::Cron(pattern.to_owned()),
        timezone: Some(zone.to_owned()),
        missed: Missed::Latest,
        jitter: None,
    }
}

fn every(period: Duration) -> Schedule {
    Schedule { rule: Rule::Every(period), timezone: None, missed: Missed::Latest, jitter: None }
}

/// The next instants as text, in UTC.
fn check(schedule: &Schedule, after: &str, expected: &[&str]) {
    let after: Timestamp = after.parse().expect("an instant");
    let found: Vec<String> =
        next_instants(schedule, after, expected.len()).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{:?}", schedule.rule);
}

#[test]
fn a_daily_time_follows_the_zone_through_the_year() {
    let daily = cron("0 7 * * *", "Europe/London");
    check(&daily, "2026-03-28T07:00:00Z", &["2026-03-29T06:00:00Z", "2026-03-30T06:00:00Z"]);
    check(&daily, "2026-10-24T06:30:00Z", &["2026-10-25T07:00:00Z", "2026-10-26T07:00:00Z"]);
}

#[test]
fn a_fixed_time_in_a_gap_runs_at_the_first_valid_minute_and_once() {
    // London: 01:00 becomes 02:00 on 2026-03-29, which is 01:00 UTC.
    check(
        &cron("30 1 * * *", "Europe/London"),
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    );
    check(
        &cron("0,30 1 * * *", "Europe/London"),
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z", "2026-03-30T00:30:00Z"],
    );
    check(
        &cron("15 1-3 * * *", "Europe/London"),
        "2026-03-28T12:00:00Z",
        &["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T02:15:00Z"],
    );
}

#[test]
fn a_fixed_time_in_an_overlap_runs_once_the_first_time_round() {
    // London: 02:00 becomes 01:00 on 2026-10-25, which is 01:00 UTC.
    check(
        &cron("30 1 * * *", "Europe/London"),
        "2026-10-24T12:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    );
    check(
        &cron("30 1,13 * * *", "Europe/London"),
        "2026-10-24T13:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T13:30:00Z", "2026-10-26T01:30:00Z"],
    );
    // Asked between the two halves, the second half is not a new chance.
    check(&cron("30 1 * * *", "Europe/London"), "2026-10-25T00:45:00Z", &["2026-10-26T01:30:00Z"]);
}

#[test]
fn an_interval_like_pattern_goes_by_elapsed_time() {
    let half_hourly = cron("*/30 * * * *", "Europe/London");
    check(
        &half_hourly,
        "2026-10-25T00:00:00Z",
        &["2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"],
    );
    check(&half_hourly, "2026-03-29T00:30:00Z", &["2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]);
}

#[test]
fn a_change_of_half_an_hour_is_followed() {
    // Lord Howe: 02:00 becomes 02:30 on 2026-10-04 (15:30 UTC the day before), and back on
    // 2026-04-05 at 02:00 (15:00 UTC the day before).
    check(
        &cron("15 2 * * *", "Australia/Lord_Howe"),
        "2026-10-03T00:00:00Z",
        &["2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"],
    );
    check(
        &cron("45 1 * * *", "Australia/Lord_Howe"),
        "2026-04-04T00:00:00Z",
        &["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"],
    );
}

#[test]
fn six_fields_begin_with_seconds_and_rare_days_are_found() {
    check(
        &cron("30 0 12 * * 1", "UTC"),
        "2026-11-21T00:00:00Z",
        &["2026-11-23T12:00:30Z", "2026-11-30T12:00:30Z"],
    );
    check(&cron("0 0 29 2 *", "UTC"), "2026-01-01T00:00:00Z", &["2028-02-29T00:00:00Z"]);
}

#[test]
fn a_period_counts_from_the_epoch_so_that_a_restart_changes_nothing() {
    let quarter = every(Duration::from_secs(900));
    check(&quarter, "2026-11-21T10:07:31Z", &["2026-11-21T10:15:00Z", "2026-11-21T10:30:00Z"]);
    check(&quarter, "2026-11-21T10:15:00Z", &["2026-11-21T10:30:00Z"]);
    check(&every(Duration::from_secs(7)), "1969-12-31T23:59:58Z", &["1970-01-01T00:00:00Z"]);
}

#[test]
fn what_cannot_be_computed_gives_nothing_and_says_why() {
    let start = Timestamp::UNIX_EPOCH;
    for (schedule, why) in [
        (cron("61 * * * *", "UTC"), "cron pattern"),
        (cron("* * *", "UTC"), "cron pattern"),
        (cron("0 7 * * *", "Europe/Londn"), "time zone"),
        (every(Duration::ZERO), "period"),
    ] {
        assert!(next_instants(&schedule, start, 3).is_empty());
        let error = validate(&schedule).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let never = cron("0 0 30 2 *", "UTC");
    assert!(validate(&never).is_ok());
    assert!(next_instants(&never, start, 1).is_empty());
}

proptest::proptest! {
    #[test]
    fn instants_ascend_and_asking_again_from_any_of_them_goes_on_the_same(
        minute in 0u8..60, hour in 0u8..24, second_hour in 0u8..24,
        zone in proptest::sample::select(vec!["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]),
        start in 1_500_000_000i64..2_000_000_000,
    ) {
        let schedule = cron(&format!("{minute} {hour},{second_hour} * * *"), zone);
        let all = next_instants(&schedule, Timestamp::from_second(start).unwrap(), 12);
        proptest::prop_assert_eq!(all.len(), 12);
        for (at, pair) in all.windows(2).enumerate() {
            proptest::prop_assert!(pair[0] < pair[1]);
            let again = next_instants(&schedule, pair[0], 11 - at);
            proptest::prop_assert_eq!(&again[..], &all[at + 1..]);
        }
    }

    #[test]
    fn no_pattern_panics(pattern in "[0-9*/,LW#?@a-z -]{0,24}") {
        let schedule = cron(&pattern, "Europe/London");
        next_instants(&schedule, Timestamp::UNIX_EPOCH, 2);
    }
}
