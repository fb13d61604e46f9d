//! The dry run's side of a read: simulated rows are merged into what the system really holds.

use linchpin_language::{Truth, Value};

use crate::action::SimulatedRow;
use crate::error::ActionError;
use crate::manifest::exchange::Exchange;
use crate::manifest::names::Names;
use crate::manifest::request::Sending;
use crate::manifest::shape::identity;

/// The rows of a read with the simulated ones of its collection. `last` says that no page follows: only then
/// are rows added.
pub(crate) fn merge(
    exchange: &Exchange<'_>,
    sending: &Sending,
    names: &Names<'_>,
    rows: Vec<Value>,
    last: bool,
) -> Result<Vec<Value>, ActionError> {
    let Some(overlay) = exchange.call.overlay else { return Ok(rows) };
    let Some(collection) = exchange.collection(sending, names)? else { return Ok(rows) };
    let simulated = overlay.rows(&collection);
    apply(sending, names, rows, &simulated, last)
}

/// The rows after the simulated ones, in their order.
pub(crate) fn apply(
    sending: &Sending,
    names: &Names<'_>,
    mut rows: Vec<Value>,
    simulated: &[SimulatedRow],
    last: bool,
) -> Result<Vec<Value>, ActionError> {
    for one in simulated {
        let keys = match &sending.shape {
            Some(shape) if !shape.keys.is_empty() => &shape.keys,
            _ => &one.keys,
        };
        let same = |row: &Value| is_same(row, &one.row, keys);
        if one.gone {
            rows.retain(|row| !same(row));
            continue;
        }
        match rows.iter_mut().find(|row| same(row)) {
            Some(row) => {
                if let (Some(row), Some(new)) = (row.as_object_mut(), one.row.as_object()) {
                    row.extend(new.clone());
                }
            }
            None if last => rows.push(one.row.clone()),
            None => {}
        }
    }
    let Some(condition) = &sending.keep_simulated else { return Ok(rows) };
    let mut kept = Vec::new();
    for row in rows {
        let is_simulated = simulated.iter().any(|one| {
            let fields = one.row.as_object().into_iter().flatten();
            fields.into_iter().all(|(key, value)| row.get(key) == Some(value))
        });
        // A real row has passed the system's own condition already.
        let holds = if is_simulated { names.row_truth(condition, &row)? } else { Truth::True };
        // What only the run will give is not what is looked for by a value that is known now.
        let is_kept = match holds {
            Truth::Unknown => sending.one.is_none(),
            Truth::True | Truth::False => holds == Truth::True,
        };
        if is_kept {
            kept.push(row);
        }
    }
    Ok(kept)
}

/// Without keys a row is the same when it agrees in every field that the simulated one has.
fn is_same(row: &Value, simulated: &Value, keys: &[String]) -> bool {
    if keys.is_empty() {
        let fields = simulated.as_object().into_iter().flatten();
        return fields.into_iter().all(|(key, value)| row.get(key) == Some(value));
    }
    keys.iter().all(|key| simulated.get(key).is_some_and(|value| !value.is_null()))
        && identity(row, keys) == identity(simulated, keys)
}
