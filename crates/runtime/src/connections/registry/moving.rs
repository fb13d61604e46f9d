//! Taking connections to another project: everything but the secrets.

use std::collections::BTreeMap;

use linchpin_connector::CREDENTIAL;
use linchpin_language::{Map, Value, json};

use super::{Connections, FORM, Form, vaulted};
use crate::connections::error::ConnectionError;
use crate::connections::file::is_own;
use crate::secret::Secret;

impl Connections {
    /// What forms say of the aliases, as `connections.yaml` would: a secret is only named.
    pub async fn export(&self) -> Result<BTreeMap<String, Map<String, Value>>, ConnectionError> {
        let mut all = BTreeMap::new();
        for status in self.list().await?.into_iter().filter(|status| !status.left_over) {
            let mut entry = Map::new();
            entry.insert("spoke".to_owned(), Value::String(status.spoke));
            for field in status.fields.into_iter().filter(|field| field.used && !field.fixed) {
                let value = match (field.secret, field.value) {
                    (true, _) => Some(source(field.source.as_deref())),
                    (false, value) => value.filter(|value| *value != ""),
                };
                entry.extend(value.map(|value| (field.name, value)));
            }
            let mut attributes: Map<String, Value> =
                status.attributes.into_iter().filter(|(_, value)| !value.is_null()).collect();
            // It stands beside the fields, whether the form asks for it or not.
            let chosen = attributes.shift_remove(CREDENTIAL);
            entry.extend(chosen.map(|chosen| (CREDENTIAL.to_owned(), chosen)));
            if !attributes.is_empty() {
                entry.insert("attributes".to_owned(), Value::Object(attributes));
            }
            let written = self.file.entries.get(&status.alias);
            entry.extend(written.into_iter().flat_map(|written| written.own.clone()));
            let Some((whole, part)) = self.whole_of(&status.alias) else {
                all.insert(status.alias, entry);
                continue;
            };
            let spoke = entry.shift_remove("spoke");
            let default = self.file.entries.get(&whole).and_then(|entry| entry.default.as_ref());
            let default = default.map(|alias| alias.rsplit('.').next().unwrap_or(alias).to_owned());
            let several: &mut Map<String, Value> = all.entry(whole).or_default();
            several.extend(spoke.map(|spoke| ("spoke".to_owned(), spoke)));
            several.extend(default.map(|name| ("default".to_owned(), Value::String(name))));
            let parts = several.entry("connections".to_owned()).or_insert_with(|| json!({}));
            if let Value::Object(parts) = parts {
                parts.insert(part, Value::Object(entry));
            }
        }
        Ok(all)
    }

    /// The alias that an alias is one of several connections of, and its name there.
    fn whole_of(&self, alias: &str) -> Option<(String, String)> {
        let (whole, part) = alias.split_once('.')?;
        let entry = self.file.entries.get(whole)?;
        entry.parts.iter().any(|one| one == alias).then(|| (whole.to_owned(), part.to_owned()))
    }

    /// Fills the forms of aliases with what was exported. None of them is active before it has its
    /// secrets and its test has succeeded.
    pub async fn import(
        &self,
        all: BTreeMap<String, Map<String, Value>>,
    ) -> Result<Vec<String>, ConnectionError> {
        let mut forms = Vec::new();
        for (alias, mut entry) in all.into_iter().flat_map(apart) {
            let spoke = entry.shift_remove("spoke").unwrap_or_default();
            let spoke = spoke.as_str().unwrap_or(&alias).to_owned();
            let mut values = match entry.shift_remove("attributes") {
                Some(Value::Object(attributes)) => attributes,
                _ => Map::new(),
            };
            // Where a secret is kept is the business of the file here.
            entry.retain(|key, value| *value != "vault" && !value.is_object() && !is_own(key));
            values.extend(entry);
            let form = Form { spoke, values, tested_at: None, tested: String::new() };
            let bad = |alias: &str, detail: String| ConnectionError::Field {
                alias: alias.to_owned(),
                field: "the import".to_owned(),
                detail,
            };
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
            if alias.is_empty() || !alias.chars().all(is_name) {
                return Err(bad(&alias, "an alias is made of letters, digits and _".to_owned()));
            }
            // Everything is looked at before anything is stored. One that is off may be filled in.
            let is_off = self.file.entries.get(&alias).is_some_and(|entry| entry.is_off);
            let whole = alias.split_once('.').map(|(whole, _)| whole);
            if whole.is_some_and(|whole| !self.file.entries.contains_key(whole)) {
                let detail = "several connections of an alias are written in connections.yaml, and \
                              what was exported can be put there as it is";
                return Err(bad(&alias, detail.to_owned()));
            }
            if !is_off {
                self.chosen(&alias)?;
            }
            self.agrees(&alias, &form.values)?;
            let settings = self.unsettled(&alias, &form)?;
            if settings.spoke.name != form.spoke {
                let is = &settings.spoke.name;
                return Err(bad(&alias, format!("here it is a connection of {is}")));
            }
            forms.push((alias, form));
        }
        let mut imported = Vec::new();
        for (alias, form) in forms {
            let text = Secret::new(serde_json::to_string(&form).unwrap_or_default());
            let kept = self.vault.put(&alias, FORM, &text).await;
            kept.map_err(|source| vaulted(&alias, source))?;
            self.write().made.remove(&alias);
            imported.push(alias);
        }
        Ok(imported)
    }
}

/// Each of several connections of an alias under its own name, with what stands beside them.
fn apart((alias, mut entry): (String, Map<String, Value>)) -> Vec<(String, Map<String, Value>)> {
    entry.shift_remove("default");
    let Some(Value::Object(parts)) = entry.shift_remove("connections") else {
        return vec![(alias, entry)];
    };
    let one = |(name, part): (String, Value)| {
        let mut own = entry.clone();
        own.extend(part.as_object().cloned().unwrap_or_default());
        (format!("{alias}.{name}"), own)
    };
    parts.into_iter().map(one).collect()
}

/// Where a secret is kept, as files say it.
fn source(described: Option<&str>) -> Value {
    match described.and_then(|text| text.split_once(' ')) {
        Some((kind @ ("env" | "file"), rest)) => json!({ kind: rest }),
        _ => Value::String("vault".to_owned()),
    }
}
