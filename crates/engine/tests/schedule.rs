//! When schedules fall due, over every kind of offset change.

use std::time::Duration;

use jiff::Timestamp;
use linchpin_engine::flow::{Calendar, CalendarRef, Moment, Rule, Schedule};
use linchpin_engine::schedule::{Calendars, Error, Line, Timetable};

fn cron(pattern: &str, zone: &str) -> Schedule {
    Schedule { timezone: Some(zone.to_owned()), ..Schedule::of(Rule::Cron(pattern.to_owned())) }
}

fn every(period: Duration) -> Schedule {
    Schedule::of(Rule::Every(period))
}

fn table(schedule: &Schedule) -> Timetable {
    Timetable::new(schedule, &Calendars::default()).expect("a schedule that can be computed")
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn moment(text: &str) -> Moment {
    Moment::parse(text).expect("a moment")
}

/// The next instants as text, in UTC.
fn check(schedule: &Schedule, after: &str, expected: &[&str]) {
    let found = table(schedule).next(instant(after), expected.len());
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
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
fn what_cannot_be_computed_says_why_and_all_at_once() {
    let local = Schedule { start: Some(moment("2026-01-01")), ..every(Duration::from_secs(60)) };
    let named = Schedule {
        calendar: Some(CalendarRef::Named("paris".to_owned())),
        ..cron("0 7 * * *", "Europe/Londn")
    };
    let reversed = Schedule {
        start: Some(moment("2026-02-01")),
        end: Some(moment("2026-01-31")),
        ..cron("0 7 * * *", "UTC")
    };
    for (schedule, why) in [
        (cron("61 * * * *", "UTC"), vec!["cron pattern"]),
        (cron("* * *", "UTC"), vec!["cron pattern"]),
        (cron("0 7 * * *", "Europe/Londn"), vec!["time zone"]),
        (every(Duration::ZERO), vec!["period"]),
        (local, vec!["needs a `timezone`"]),
        (named, vec!["time zone", "calendar"]),
        (reversed, vec!["ends before it starts"]),
    ] {
        let errors = Timetable::new(&schedule, &Calendars::default()).unwrap_err();
        assert_eq!(errors.len(), why.len(), "{errors:?}");
        for (error, why) in errors.iter().map(Error::to_string).zip(why) {
            assert!(error.contains(why), "{error}");
        }
    }
    assert_eq!(table(&cron("0 0 30 2 *", "UTC")).first(), None);
}

#[test]
fn once_means_once_and_a_time_in_a_gap_is_the_first_valid_minute() {
    let at = |text: &str| Schedule {
        timezone: Some("Europe/London".to_owned()),
        ..Schedule::of(Rule::At(moment(text)))
    };
    let found = |schedule: &Schedule| table(schedule).next(Timestamp::UNIX_EPOCH, 9);
    assert_eq!(found(&at("2026-07-01T18:00")), [instant("2026-07-01T17:00:00Z")]);
    assert_eq!(found(&at("2026-07-01")), [instant("2026-06-30T23:00:00Z")]);
    assert_eq!(found(&at("2026-07-01T18:00:00+02:00")), [instant("2026-07-01T16:00:00Z")]);
    assert_eq!(found(&at("2026-03-29T01:30")), [instant("2026-03-29T01:00:00Z")]);
    assert_eq!(found(&at("2026-10-25T01:30")), [instant("2026-10-25T00:30:00Z")]);
    let passed = table(&at("2026-07-01T18:00"));
    assert!(passed.next(instant("2026-07-01T17:00:00Z"), 9).is_empty());
}

#[test]
fn start_and_end_bound_a_schedule_and_an_end_day_counts_whole() {
    let bounded = Schedule {
        start: Some(moment("2026-12-01T07:00")),
        end: Some(moment("2026-12-03")),
        ..cron("0 7,19 * * *", "Europe/Berlin")
    };
    check(
        &bounded,
        "2026-01-01T00:00:00Z",
        &[
            "2026-12-01T06:00:00Z",
            "2026-12-01T18:00:00Z",
            "2026-12-02T06:00:00Z",
            "2026-12-02T18:00:00Z",
            "2026-12-03T06:00:00Z",
            "2026-12-03T18:00:00Z",
        ],
    );
    assert!(table(&bounded).next(instant("2026-12-03T18:00:00Z"), 1).is_empty());
}

#[test]
fn a_period_counts_from_its_start_by_elapsed_time() {
    let weekly = Schedule {
        timezone: Some("Europe/London".to_owned()),
        start: Some(moment("2026-10-19T09:00")),
        ..every(Duration::from_secs(7 * 24 * 3600))
    };
    check(
        &weekly,
        "2026-01-01T00:00:00Z",
        &["2026-10-19T08:00:00Z", "2026-10-26T08:00:00Z", "2026-11-02T08:00:00Z"],
    );
}

fn business(holidays: &[(&str, &str)]) -> Calendar {
    let holidays = holidays.iter();
    Calendar {
        holidays: holidays
            .map(|(day, name)| (day.parse().expect("a day"), Some((*name).to_owned())))
            .collect(),
        ..Calendar::default()
    }
}

#[test]
fn a_calendar_leaves_out_weekends_and_holidays_in_the_zone_of_the_schedule() {
    let calendar =
        business(&[("2026-12-25", "Christmas Day"), ("2026-12-28", "Boxing Day, moved")]);
    // 23:30 UTC on a Sunday is Monday in Auckland.
    let auckland = Schedule {
        calendar: Some(CalendarRef::Own(calendar.clone())),
        ..cron("30 12 * * *", "Pacific/Auckland")
    };
    check(
        &auckland,
        "2026-12-23T00:00:00Z",
        &["2026-12-23T23:30:00Z", "2026-12-28T23:30:00Z", "2026-12-29T23:30:00Z"],
    );
    let named = Schedule {
        calendar: Some(CalendarRef::Named("office".to_owned())),
        timezone: Some("UTC".to_owned()),
        ..every(Duration::from_secs(1))
    };
    let calendars = Calendars::from([("office".to_owned(), calendar)]);
    let found = Timetable::new(&named, &calendars).unwrap();
    let next = found.next(instant("2026-12-24T23:59:58Z"), 2);
    assert_eq!(next, [instant("2026-12-24T23:59:59Z"), instant("2026-12-29T00:00:00Z")]);
}

#[test]
fn a_schedule_without_a_business_day_never_fires() {
    let sunday = Schedule {
        calendar: Some(CalendarRef::Own(Calendar::default())),
        ..cron("0 7 * * 0", "UTC")
    };
    assert_eq!(table(&sunday).first(), None);
}

#[test]
fn a_jitter_delays_within_its_bound_and_is_the_same_each_time() {
    let schedule =
        Schedule { jitter: Some(Duration::from_secs(60)), ..every(Duration::from_secs(300)) };
    let found = table(&schedule);
    let delays: Vec<_> =
        found.next(Timestamp::UNIX_EPOCH, 50).iter().map(|due| found.delay("tick", *due)).collect();
    assert!(delays.iter().all(|delay| (0..=60).contains(&delay.as_secs())), "{delays:?}");
    assert!(delays.windows(2).any(|pair| pair[0] != pair[1]));
    let due = instant("2026-01-01T00:00:00Z");
    assert_eq!(found.delay("tick", due), found.delay("tick", due));
    assert_ne!(found.delay("tick", due), found.delay("tock", due));
    assert!(table(&every(Duration::from_secs(300))).delay("tick", due).is_zero());
}

/// A preview as text: what is due with its marks, and the days left out.
fn preview(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let lines = table(schedule).preview(instant(after), count);
    let text = |line: &Line| match line {
        Line::Due { at, mark, change } => {
            let mark = mark.map(|mark| format!(" ({})", mark.words(at))).unwrap_or_default();
            let change = change.map(|by| format!(" [{}s]", by.as_secs())).unwrap_or_default();
            format!("{}{mark}{change}", at.strftime("%F %H:%M %:z"))
        }
        Line::LeftOut { at, count, why } => format!("{} left out {count}: {why}", at.date()),
    };
    lines.iter().map(text).collect()
}

#[test]
fn a_preview_says_in_words_what_a_change_of_the_clock_does() {
    assert_eq!(
        preview(&cron("30 1 * * *", "Europe/London"), "2026-03-28T12:00:00Z", 2),
        [
            "2026-03-29 02:00 +01:00 (01:30 does not exist on this day; it runs at the first \
             valid minute) [3600s]",
            "2026-03-30 01:30 +01:00",
        ]
    );
    assert_eq!(
        preview(&cron("30 1 * * *", "Europe/London"), "2026-10-24T12:00:00Z", 2),
        [
            "2026-10-25 01:30 +01:00 (01:30 comes twice on this day; it runs the first time only)",
            "2026-10-26 01:30 +00:00 [-3600s]",
        ]
    );
    assert_eq!(
        preview(&cron("*/30 * * * *", "Europe/London"), "2026-10-25T00:00:00Z", 4),
        [
            "2026-10-25 01:30 +01:00 (01:30 comes twice on this day: the first)",
            "2026-10-25 01:00 +00:00 (01:00 comes twice on this day: the second) [-3600s]",
            "2026-10-25 01:30 +00:00 (01:30 comes twice on this day: the second)",
            "2026-10-25 02:00 +00:00",
        ]
    );
    let at = Schedule {
        timezone: Some("Australia/Lord_Howe".to_owned()),
        ..Schedule::of(Rule::At(moment("2026-10-04T02:15")))
    };
    assert_eq!(
        preview(&at, "2026-10-03T00:00:00Z", 5),
        ["2026-10-04 02:30 +11:00 (02:15 does not exist on this day; it runs at the first \
             valid minute) [1800s]"]
    );
}

#[test]
fn a_preview_shows_the_days_that_a_calendar_leaves_out() {
    let calendar = business(&[("2026-12-25", "Christmas Day")]);
    let hourly = Schedule {
        calendar: Some(CalendarRef::Own(calendar)),
        ..cron("0 9,17 * * *", "Europe/London")
    };
    assert_eq!(
        preview(&hourly, "2026-12-24T12:00:00Z", 2),
        [
            "2026-12-24 17:00 +00:00",
            "2026-12-25 left out 2: Christmas Day",
            "2026-12-26 left out 2: Saturday is no business day",
            "2026-12-27 left out 2: Sunday is no business day",
            "2026-12-28 09:00 +00:00",
        ]
    );
}

proptest::proptest! {
    #[test]
    fn instants_ascend_and_asking_again_from_any_of_them_goes_on_the_same(
        minute in 0u8..60, hour in 0u8..24, second_hour in 0u8..24,
        zone in proptest::sample::select(vec!["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]),
        start in 1_500_000_000i64..2_000_000_000,
    ) {
        let schedule = cron(&format!("{minute} {hour},{second_hour} * * *"), zone);
        let all = table(&schedule).next(Timestamp::from_second(start).unwrap(), 12);
        proptest::prop_assert_eq!(all.len(), 12);
        for (at, pair) in all.windows(2).enumerate() {
            proptest::prop_assert!(pair[0] < pair[1]);
            let again = table(&schedule).next(pair[0], 11 - at);
            proptest::prop_assert_eq!(&again[..], &all[at + 1..]);
        }
    }

    #[test]
    fn no_pattern_panics(pattern in "[0-9*/,LW#?@a-z -]{0,24}") {
        let schedule = cron(&pattern, "Europe/London");
        if let Ok(found) = Timetable::new(&schedule, &Calendars::default()) {
            found.next(Timestamp::UNIX_EPOCH, 2);
        }
    }
}
