//! What a write would do: the rows later reads of a dry run must see, and outputs with unknown leaves.

use std::sync::Arc;

use linchpin_language::{
    CREATED, Map, Template, Text, Value, as_unknown, contains_unknown, leave_open, print, unknown,
};

use crate::action::{Action, Call, Look, Simulated, SimulatedRow};
use crate::effect::Effect;
use crate::error::{ActionError, ErrorKind};
use crate::manifest::action::{ManifestAction, effect_is};
use crate::manifest::build::identify;
use crate::manifest::exchange::Exchange;
use crate::manifest::names::Names;
use crate::manifest::outputs::{ALL, Output};
use crate::manifest::overlay;
use crate::manifest::request::What;
use crate::manifest::shape::Shape;

/// What a write alters, for the dry run.
pub(crate) struct OverlaySpec {
    pub(crate) collection: Text,
    pub(crate) row: Option<Template>,
    /// Whether there is a row for each change.
    pub(crate) per_change: bool,
    pub(crate) gone: bool,
    pub(crate) keys: Vec<String>,
    pub(crate) shape: Option<Arc<Shape>>,
}

impl ManifestAction {
    pub(crate) fn simulated(&self, call: &Call<'_>, look: &Look) -> Result<Simulated, ActionError> {
        if look.chunks == 0 {
            let names = self.names_written(call, look, &[]);
            return Ok(Simulated {
                output: self.outputs(&names)?,
                rows: Vec::new(),
                effect: Effect::None,
            });
        }
        self.refuses(call, look)?;
        let created = format!("{CREATED}{}", call.key);
        let mut names = self.names_written(call, look, &[]);
        let answer = format!("answer of {}", self.parsed.spec.name);
        names.set("answer", unknown(&format!("{created}.answer"), "any", &answer));
        names.set("status", Value::from(200));
        names.set("changed", Value::Array(look.changes.clone()));
        names.compute(&self.parsed.lets);
        let rows = self.simulated_rows(look, &names, &created)?;
        let after = self.after_simulated(call, look, &names, &rows)?;
        names.set("after", after);
        names.compute(&self.parsed.lets);
        let output = self.simulated_outputs(&names, &created)?;
        Ok(Simulated { output, rows, effect: self.simulated_effect(look, &names) })
    }

    /// What the write would be; where only the answer tells, what the action declares.
    fn simulated_effect(&self, look: &Look, names: &Names<'_>) -> Effect {
        match self.write_of(look) {
            Some((_, sending)) if sending.effect_is.is_some() => {
                effect_is(sending, names).unwrap_or(self.parsed.spec.effect)
            }
            _ => look.effect,
        }
    }

    fn simulated_rows(
        &self,
        look: &Look,
        names: &Names<'_>,
        created: &str,
    ) -> Result<Vec<SimulatedRow>, ActionError> {
        let Some(spec) = &self.parsed.overlay else { return Ok(Vec::new()) };
        let changes: &[Value] = if spec.per_change {
            &look.changes
        } else {
            &look.changes[..look.changes.len().min(1)]
        };
        let mut rows = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            let names = names.with("change", change.clone());
            let row = match &spec.row {
                None => Value::Object(Map::new()),
                Some(template) => names.fill(template)?,
            };
            let Value::Object(mut row) = row else {
                if as_unknown(&row).is_some() {
                    continue;
                }
                let message = format!("the overlay's row is no object but {}", print(&row));
                return Err(ActionError::new(ErrorKind::Internal, message));
            };
            if look.effect == Effect::Create && !spec.gone {
                // One thing is the one that the answer tells of.
                let is_one = changes.len() <= 1;
                let place = if is_one { ".answer".to_owned() } else { format!("[{index}]") };
                self.fill_unknown(spec, &mut row, &format!("{created}{place}"));
            }
            rows.push(SimulatedRow {
                collection: identify(&spec.collection, &names)?,
                row: Value::Object(row),
                gone: spec.gone,
                keys: spec.keys.clone(),
            });
        }
        Ok(rows)
    }

    /// Fields of a created row that only the real write decides.
    fn fill_unknown(&self, spec: &OverlaySpec, row: &mut Map<String, Value>, id: &str) {
        for (name, schema) in spec.shape.iter().flat_map(|shape| shape.fields()) {
            if !row.contains_key(name) {
                let label = format!("{name} of {}", self.parsed.spec.name);
                row.insert(
                    name.to_owned(),
                    unknown(&format!("{id}.{name}"), &schema.type_name(), &label),
                );
            }
        }
        // Others may read it with more fields.
        leave_open(row, id, &self.parsed.spec.name);
    }

    /// What a look would find after the write.
    fn after_simulated(
        &self,
        call: &Call<'_>,
        look: &Look,
        names: &Names<'_>,
        simulated: &[SimulatedRow],
    ) -> Result<Value, ActionError> {
        let exchange = Exchange { protocol: &self.protocol, call };
        let mut after = look.found.as_object().cloned().unwrap_or_default();
        for spec in &self.parsed.looks {
            let What::Send(sending) = &spec.what else { continue };
            let id = spec.id.as_deref().unwrap_or("rows");
            let Some(collection) = exchange.collection(sending, names)? else { continue };
            let own: Vec<SimulatedRow> =
                simulated.iter().filter(|row| row.collection == collection).cloned().collect();
            let Some(found) = after.get(id) else { continue };
            if own.is_empty() || as_unknown(found).is_some() {
                continue;
            }
            let before = match found {
                Value::Null => Vec::new(),
                Value::Array(rows) => rows.clone(),
                row => vec![row.clone()],
            };
            let rows = overlay::apply(sending, names, before, &own, true)?;
            let value = match &sending.one {
                Some(_) => rows.into_iter().next().unwrap_or_default(),
                None => Value::Array(rows),
            };
            after.insert(id.to_owned(), value);
        }
        Ok(Value::Object(after))
    }

    fn simulated_outputs(&self, names: &Names<'_>, created: &str) -> Result<Value, ActionError> {
        let mut outputs = Map::new();
        for output in &self.parsed.outputs {
            match names.eval(&output.value) {
                Ok(value) => output.put(self.typed(output, value), &mut outputs)?,
                Err(_) if output.name == ALL => {}
                Err(_) => {
                    let label = format!("{} of {}", output.name, self.parsed.spec.name);
                    let id = format!("{created}.{}", output.name);
                    let value = unknown(&id, &output.schema.type_name(), &label);
                    outputs.insert(output.name.clone(), value);
                }
            }
        }
        Ok(Value::Object(outputs))
    }

    /// An unknown that came from an answer gets the output's type and name.
    fn typed(&self, output: &Output, value: Value) -> Value {
        match as_unknown(&value) {
            Some(found) if found.ty == "any" => {
                let label = format!("{} of {}", output.name, self.parsed.spec.name);
                unknown(&found.id, &output.schema.type_name(), &label)
            }
            _ => value,
        }
    }

    /// One row of a stream that a dry run cannot read.
    pub(crate) fn symbolic_row(&self, call: &Call<'_>) -> Value {
        let name = &self.parsed.spec.name;
        let Some(stream) = &self.parsed.spec.stream else {
            return unknown(&format!("{}.row", call.key), "any", &format!("row of {name}"));
        };
        let mut row = Map::new();
        if let linchpin_language::Type::Object(fields) = &stream.row.ty {
            for (field, schema) in fields {
                let id = format!("{}.row.{field}", call.key);
                let label = format!("{field} of {name}");
                row.insert(field.clone(), unknown(&id, &schema.type_name(), &label));
            }
        }
        let row = Value::Object(row);
        if contains_unknown(&row) {
            return row;
        }
        unknown(&format!("{}.row", call.key), "any", &format!("row of {name}"))
    }
}
