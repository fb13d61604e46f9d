//! Functions of business days: Monday to Friday, but for the holidays that are given.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::dates::{instant, out_of_range, zone, zoned};
use super::{Args, Function, may, need};
use crate::value::{Value, json};

/// How many holidays can be given, and how many days one can move.
const MOST: usize = 10_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "is_business_day",
        category: "dates",
        about: "Whether the day of an instant in a zone (else UTC) is Monday to Friday and none of the holidays.",
        params: &[need("value", "string"), may("zone", "string"), may("holidays", "list")],
        returns: "boolean",
        examples: &[
            ("is_business_day('2026-01-31')", "false"),
            ("is_business_day('2026-02-02')", "true"),
            ("is_business_day('2026-12-25', null, ['2026-12-25'])", "false"),
        ],
        call: |args| Ok(json!(Calendar::read(args, 2)?.is_open(zoned(args, 1)?.date()))),
        shallow: false,
    },
    Function {
        name: "add_business_days",
        category: "dates",
        about: "The date so many business days later, or earlier with a minus; holidays are a list of dates.",
        params: &[
            need("value", "string"),
            need("days", "integer"),
            may("zone", "string"),
            may("holidays", "list"),
        ],
        returns: "date",
        examples: &[
            ("add_business_days('2026-01-30', 1)", r#""2026-02-02""#),
            ("add_business_days('2026-02-02', -1)", r#""2026-01-30""#),
            (
                "add_business_days('2026-12-24', 1, 'Europe/London', ['2026-12-25', '2026-12-28'])",
                r#""2026-12-29""#,
            ),
        ],
        call: add_business_days,
        shallow: false,
    },
    Function {
        name: "business_days_between",
        category: "dates",
        about: "How many business days there are from one day to before another; holidays are a list of dates.",
        params: &[
            need("from", "string"),
            need("to", "string"),
            may("zone", "string"),
            may("holidays", "list"),
        ],
        returns: "integer",
        examples: &[
            ("business_days_between('2026-01-30', '2026-02-03')", "2"),
            ("business_days_between('2026-12-21', '2026-12-28', null, ['2026-12-25'])", "4"),
        ],
        call: business_days_between,
        shallow: false,
    },
];

/// Which days are worked.
struct Calendar {
    holidays: BTreeSet<Date>,
}

impl Calendar {
    /// The calendar with the holidays that an argument lists.
    fn read(args: &Args<'_>, at: usize) -> Result<Self, String> {
        let mut holidays = BTreeSet::new();
        if args.given(at).is_some() {
            let list = args.list(at)?;
            if list.len() > MOST {
                return Err(format!("{} has more than {MOST} days", args.name(at)));
            }
            for day in list {
                let date = day.as_str().and_then(|day| day.trim().parse::<Date>().ok());
                let date = date.ok_or_else(|| {
                    format!("{} holds {day}, which is no date: write 2026-12-25", args.name(at))
                })?;
                holidays.insert(date);
            }
        }
        Ok(Self { holidays })
    }

    fn is_open(&self, date: Date) -> bool {
        is_weekday(date) && !self.holidays.contains(&date)
    }
}

fn is_weekday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn add_business_days(args: &Args<'_>) -> Result<Value, String> {
    let calendar = Calendar::read(args, 3)?;
    let mut left = args.integer(1)?;
    if left.unsigned_abs() > MOST as u64 {
        return Err(format!("{} must be at most {MOST} either way", args.name(1)));
    }
    let step = left.signum();
    let mut date = zoned(args, 2)?.date();
    while left != 0 {
        date = date.checked_add(step.days()).map_err(|_| out_of_range())?;
        if calendar.is_open(date) {
            left -= step;
        }
    }
    Ok(json!(date.to_string()))
}

fn business_days_between(args: &Args<'_>) -> Result<Value, String> {
    let (calendar, zone) = (Calendar::read(args, 3)?, zone(args, 2)?);
    let day = |at: usize| -> Result<Date, String> {
        Ok(instant(&args.text(at)?, &zone)?.to_zoned(zone.clone()).date())
    };
    let (from, to) = (day(0)?, day(1)?);
    let (first, last, sign) = if from <= to { (from, to, 1) } else { (to, from, -1) };
    let days = last.duration_since(first).as_hours() / 24;
    let mut count = days / 7 * 5;
    let mut at = last.checked_sub((days % 7).days()).map_err(|_| out_of_range())?;
    while at < last {
        count += i64::from(is_weekday(at));
        at = at.tomorrow().map_err(|_| out_of_range())?;
    }
    let off = calendar.holidays.range(first..last).filter(|day| is_weekday(**day)).count();
    let off = i64::try_from(off).map_err(|_| out_of_range())?;
    Ok(json!(sign * (count - off)))
}
