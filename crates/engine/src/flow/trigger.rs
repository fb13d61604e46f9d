//! What an author wrote under `trigger:`: schedules, webhooks, records, the ends of other flows,
//! forms. When a schedule falls due is computed by [`crate::schedule`].

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use linchpin_language::{Expression, Fields};

use super::{Call, Located};

/// What starts a run by itself.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// `schedule:`
    Schedule(Schedule),
    /// `webhook:`
    Webhook(Webhook),
    /// `record:`
    Record(RecordTrigger),
    /// `flow:`
    Flow(FlowTrigger),
    /// `form:`, a page for people.
    Form {
        /// `title:`
        title: Option<String>,
    },
}

impl Trigger {
    /// The key that says what it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Schedule(_) => "schedule",
            Self::Webhook(_) => "webhook",
            Self::Record(_) => "record",
            Self::Flow(_) => "flow",
            Self::Form { .. } => "form",
        }
    }

    /// The names of what it gives in `trigger`, beside `kind`.
    pub fn fields(&self) -> &'static [&'static str] {
        match self {
            Self::Schedule(_) => &["due"],
            Self::Webhook(_) => &["path", "id", "received_at", "headers", "query", "payload"],
            Self::Record(RecordTrigger { run_for: RunFor::Each, .. }) => &["record", "watermark"],
            Self::Record(RecordTrigger { run_for: RunFor::Batch, .. }) => &["records", "watermark"],
            Self::Flow(_) => &["flow", "run", "state", "outputs", "error"],
            Self::Form { .. } => &[],
        }
    }
}

/// `schedule:`, when runs fall due.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// When.
    pub rule: Rule,
    /// `timezone:`, an IANA name; none only beside `every` and instants with an offset.
    pub timezone: Option<String>,
    /// `missed:`
    pub missed: Missed,
    /// `jitter:`, the largest delay.
    pub jitter: Option<Duration>,
    /// `start:`, nothing falls due before it.
    pub start: Option<Moment>,
    /// `end:`, nothing falls due after it.
    pub end: Option<Moment>,
    /// `calendar:`, the days on which it falls due at all.
    pub calendar: Option<CalendarRef>,
}

impl Schedule {
    /// A schedule that says nothing but its rule.
    pub fn of(rule: Rule) -> Self {
        let (timezone, start, end, calendar) = (None, None, None, None);
        Self { rule, timezone, missed: Missed::Latest, jitter: None, start, end, calendar }
    }
}

/// The rule of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// `cron:`, 5 or 6 fields.
    Cron(String),
    /// `every:`, counted from `start`, else from the Unix epoch, so that a restart changes
    /// nothing.
    Every(Duration),
    /// `at:`, once.
    At(Moment),
}

/// A moment as written: a day, a time of day in the zone of the schedule, or an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `2026-12-24`
    Day(Date),
    /// `2026-12-24T18:00`
    Local(DateTime),
    /// `2026-12-24T18:00:00Z`, or with another offset.
    Instant(Timestamp),
}

impl Moment {
    /// Reads a moment; `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() == 10 {
            return text.parse().ok().map(Self::Day);
        }
        if let Ok(instant) = text.parse() {
            return Some(Self::Instant(instant));
        }
        // A zone in brackets would contradict that of the schedule.
        if text.contains('[') {
            return None;
        }
        text.parse().ok().map(Self::Local)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Local(time) => write!(f, "{time}"),
            Self::Instant(instant) => write!(f, "{instant}"),
        }
    }
}

/// What happens to due instants that passed while no daemon ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// None of them is made up for.
    None,
    /// The newest one is.
    Latest,
    /// Each one is, oldest first.
    All,
}

/// `calendar:` of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalendarRef {
    /// Written in the flow.
    Own(Calendar),
    /// One of the `calendars:` in `linchpin.yaml`.
    Named(String),
}

/// Business days: on any other day a schedule does not fall due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// `days:`, the days of the week that are business days.
    pub days: Vec<Weekday>,
    /// `holidays:`, days that are none all the same, each with what it is called.
    pub holidays: BTreeMap<Date, Option<String>>,
}

impl Default for Calendar {
    fn default() -> Self {
        let days = [
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ];
        Self { days: days.to_vec(), holidays: BTreeMap::new() }
    }
}

impl Calendar {
    /// Why a day is no business day; `None` when it is one.
    pub fn excludes(&self, day: Date) -> Option<String> {
        if let Some(name) = self.holidays.get(&day) {
            return Some(name.clone().unwrap_or_else(|| "a holiday".to_owned()));
        }
        let weekday = day.weekday();
        (!self.days.contains(&weekday)).then(|| format!("{} is no business day", day_name(weekday)))
    }
}

/// The English name of a day of the week.
pub(crate) fn day_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

/// `webhook:`, an address that other systems send to.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// `path:`, below the address for webhooks.
    pub path: Located<String>,
    /// `auth:`
    pub auth: Auth,
    /// `dedupe:`, the identity of a delivery; becomes the run key.
    pub dedupe: Option<Located<Expression>>,
    /// `respond:`
    pub respond: Respond,
    /// `payload:`, the fields of the body; any when absent.
    pub payload: Option<Fields>,
}

/// How a delivery shows that it is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `auth: none`: anybody can start the flow.
    None,
    /// With a secret that both sides have.
    Shared {
        /// `scheme:`
        scheme: Scheme,
        /// `secret:`, one or, while it is being changed, several.
        secrets: Vec<SecretRef>,
    },
}

/// What a delivery does with the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `standard`, as the Standard Webhooks specification says.
    Standard,
    /// `hmac`, a signature over the body in a header.
    Hmac {
        /// `header:`
        header: String,
        /// `algorithm:`
        algorithm: Algorithm,
        /// `encoding:`
        encoding: Encoding,
        /// `prefix:` of the signature, such as `sha256=`.
        prefix: Option<String>,
    },
    /// `token`, the secret is the last part of the address.
    Token,
    /// `servicenow`, a signature as its outbound messages usually carry it.
    ServiceNow,
    /// `litmos`, which signs nothing: the secret is the last part of the address.
    Litmos,
    /// `sumtotal`, its own signature with a time.
    SumTotal,
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `sha1`
    Sha1,
    /// `sha256`
    Sha256,
    /// `sha512`
    Sha512,
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `hex`
    Hex,
    /// `base64`
    Base64,
}

/// Where a secret is kept; never in the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// `vault`
    Vault,
    /// `{ env: NAME }`
    Env(String),
    /// `{ file: PATH }`
    File(String),
    /// `{ command: [PROGRAM, ARGUMENT] }`
    Command(Vec<String>),
}

/// What the sender of a delivery is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Respond {
    /// That the run is accepted, as soon as it is on disk.
    Accepted,
    /// The outputs, when the run has ended.
    Result,
}

/// `record:`, rows of a stream that are new or changed since the last look.
#[derive(Clone, Debug)]
pub struct RecordTrigger {
    /// The stream action; it has a watermark.
    pub call: Call,
    /// `on:`
    pub on: RecordChange,
    /// `every:`, how often it is looked for them.
    pub every: Duration,
    /// `run_for:`
    pub run_for: RunFor,
}

/// Which rows start a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordChange {
    /// `created`
    Created,
    /// `updated`
    Updated,
    /// `created_or_updated`
    CreatedOrUpdated,
}

/// How many runs the rows of one look start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFor {
    /// One for each row.
    Each,
    /// One for all rows of the look.
    Batch,
}

/// `flow:`, the end of a run of another flow.
#[derive(Clone, Debug)]
pub struct FlowTrigger {
    /// `name:`, the other flow.
    pub flow: Located<String>,
    /// `on:`
    pub on: Vec<End>,
}

/// How a run of another flow stands when it starts this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// A step of it is held: a person is needed.
    Held,
}

impl End {
    /// The words of `on:` of a flow trigger.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        (Self::Succeeded.as_str(), Self::Succeeded),
        (Self::Failed.as_str(), Self::Failed),
        (Self::Held.as_str(), Self::Held),
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

impl Scheme {
    /// The words of `scheme:`.
    pub const WORDS: &'static [&'static str] =
        &["standard", "hmac", "token", "servicenow", "litmos", "sumtotal"];

    /// The word for it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Hmac { .. } => "hmac",
            Self::Token => "token",
            Self::ServiceNow => "servicenow",
            Self::Litmos => "litmos",
            Self::SumTotal => "sumtotal",
        }
    }
}

impl Auth {
    /// The word for it: `none`, or that of its scheme.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Shared { scheme, .. } => scheme.as_str(),
        }
    }
}

impl Missed {
    /// The words of `missed:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("latest", Self::Latest), ("all", Self::All)];
}

impl Algorithm {
    /// The words of `algorithm:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("sha1", Self::Sha1), ("sha256", Self::Sha256), ("sha512", Self::Sha512)];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl Encoding {
    /// The words of `encoding:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("hex", Self::Hex), ("base64", Self::Base64)];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }
}

impl Respond {
    /// The words of `respond:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("accepted", Self::Accepted), ("result", Self::Result)];
}

impl RecordChange {
    /// The words of `on:`.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("created", Self::Created),
        ("updated", Self::Updated),
        ("created_or_updated", Self::CreatedOrUpdated),
    ];
}

impl RunFor {
    /// The words of `run_for:`.
    pub const WORDS: &'static [(&'static str, Self)] =
        &[("each", Self::Each), ("batch", Self::Batch)];
}
