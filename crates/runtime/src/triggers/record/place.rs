//! How far a record trigger has come: which changes are dealt with, and which are to come.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use linchpin_connector::StreamSpec;
use linchpin_engine::flow::RecordChange;
use linchpin_language::{Type, Value, print};
use serde::{Deserialize, Serialize};

/// Systems show a change a little later than the time that it bears: so long before the newest
/// one that was seen, others are still looked for.
const OVERLAP: SignedDuration = SignedDuration::from_secs(60);

/// A place, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    /// What is looked at: another call begins anew.
    pub(super) kind: String,
    /// Where it began; nothing before counts. Null before the first look has ended.
    pub(super) begin: Value,
    /// The newest watermark that was seen.
    pub(super) newest: Value,
    /// The changes that are dealt with and come again in the next look, each with its watermark.
    pub(super) seen: BTreeMap<String, Value>,
    /// A batch that is being started.
    pub(super) pending: Option<Batch>,
}

/// Records that start one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Batch {
    pub(super) key: String,
    pub(super) rows: Vec<Value>,
    /// The newest watermark of them.
    pub(super) newest: Value,
}

/// A change that a look has found.
#[derive(Debug)]
pub(super) struct Change {
    /// The same whenever it is seen again.
    pub(super) id: String,
    pub(super) mark: Value,
    pub(super) row: Value,
}

impl Place {
    /// A place that begins now, where the stream's watermark is a time.
    pub(super) fn now(kind: String, stream: &StreamSpec, now: Timestamp) -> Self {
        let mark = stream.watermark.as_ref().and_then(|mark| stream.row.field(mark));
        let begin = match mark.map(|mark| &mark.ty) {
            // Times of systems are in whole seconds.
            Some(Type::Datetime) => {
                let second = Timestamp::from_second(now.as_second()).unwrap_or(now);
                Value::from(second.to_string())
            }
            _ => Value::Null,
        };
        Self { kind, newest: begin.clone(), begin, ..Self::default() }
    }

    /// Whether nothing is known yet of what is old: the first look only finds out.
    pub(super) fn is_blank(&self) -> bool {
        self.begin.is_null()
    }

    /// From which watermark on the next look must see changes.
    pub(super) fn from(&self) -> Value {
        let earlier = self.newest.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        let Some(earlier) = earlier.and_then(|newest| newest.checked_sub(OVERLAP).ok()) else {
            return self.newest.clone();
        };
        let earlier = Value::from(earlier.to_string());
        if compare(&earlier, &self.begin) == Ordering::Less { self.begin.clone() } else { earlier }
    }

    /// What is new of a row that a look found, if it is what the flow waits for.
    pub(super) fn change(
        &self,
        (row, key): (Value, &str),
        stream: &StreamSpec,
        on: RecordChange,
    ) -> Option<Change> {
        let mark = row.get(stream.watermark.as_ref()?)?.clone();
        if mark.is_null() || compare(&mark, &self.from()) == Ordering::Less {
            return None;
        }
        let created = stream.created.as_ref().and_then(|field| row.get(field));
        let is_new = |created: &Value| {
            !created.is_null() && compare(created, &self.from()) != Ordering::Less
        };
        // Several fields of a key have a control character between them.
        let key = key.replace('\u{1f}', "/");
        let id = match on {
            RecordChange::CreatedOrUpdated => format!("{key}@{}", print(&mark)),
            RecordChange::Updated if created? != &mark => format!("{key}@{}", print(&mark)),
            RecordChange::Created if is_new(created?) => {
                format!("{}@new", print(row.get(stream.identity.as_ref()?)?))
            }
            RecordChange::Created | RecordChange::Updated => return None,
        };
        (!self.seen.contains_key(&id)).then_some(Change { id, mark, row })
    }

    /// Notes that a change is dealt with.
    pub(super) fn saw(&mut self, change: &Change) {
        self.seen.insert(change.id.clone(), change.mark.clone());
    }

    /// Ends a look: what the next one does not see again is forgotten.
    pub(super) fn end(&mut self, newest: Value) {
        if self.newest.is_null() || compare(&newest, &self.newest) == Ordering::Greater {
            self.newest = newest;
        }
        if self.begin.is_null() {
            // The system has nothing yet: whatever comes is new.
            self.begin = if self.newest.is_null() { Value::from(0) } else { self.newest.clone() };
        }
        let from = self.from();
        self.seen.retain(|_, mark| compare(mark, &from) != Ordering::Less);
    }
}

/// The later of two watermarks; null is none.
pub(super) fn later(newest: Value, mark: Option<&Value>) -> Value {
    match mark.filter(|mark| !mark.is_null()) {
        Some(mark) if newest.is_null() || compare(mark, &newest) == Ordering::Greater => {
            mark.clone()
        }
        _ => newest,
    }
}

/// The order of watermarks: times, numbers, else texts.
pub(super) fn compare(one: &Value, other: &Value) -> Ordering {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    if let (Some(one), Some(other)) = (time(one), time(other)) {
        return one.cmp(&other);
    }
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => print(one).cmp(&print(other)),
    }
}

#[cfg(test)]
mod tests;
