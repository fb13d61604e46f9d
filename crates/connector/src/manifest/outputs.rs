//! An action's outputs: one expression each, read as their type.

use linchpin_language::{Expression, Map, Schema, Value, contains_unknown};

use crate::error::{ActionError, ErrorKind};
use crate::manifest::action::ManifestAction;
use crate::manifest::names::Names;

/// The output that stands for all fields of its value.
pub(crate) const ALL: &str = "*";

/// One output.
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) schema: Schema,
    /// Its rows were read by a shape and have their types already.
    pub(crate) is_shaped: bool,
    pub(crate) value: Expression,
}

impl ManifestAction {
    /// The outputs, from the names of the last phase.
    pub(crate) fn outputs(&self, names: &Names<'_>) -> Result<Value, ActionError> {
        let mut outputs = Map::new();
        for output in &self.parsed.outputs {
            let value = names.eval(&output.value).map_err(|error| {
                let message = format!("output `{}`: {}", output.name, error.message);
                ActionError { message, ..error }
            })?;
            output.put(value, &mut outputs)?;
        }
        Ok(Value::Object(outputs))
    }
}

impl Output {
    /// Adds the value, read as the output's type.
    pub(crate) fn put(
        &self,
        value: Value,
        outputs: &mut Map<String, Value>,
    ) -> Result<(), ActionError> {
        if self.name == ALL {
            if let Value::Object(fields) = value {
                outputs.extend(fields);
            }
            return Ok(());
        }
        let is_typed = self.is_shaped || value.is_null() || contains_unknown(&value);
        let value = if is_typed {
            value
        } else {
            self.schema.coerce(value, &self.name).map_err(|mismatch| {
                ActionError::new(ErrorKind::BadResponse, format!("output {}", mismatch.message))
            })?
        };
        outputs.insert(self.name.clone(), value);
        Ok(())
    }
}
