//! Structures whose string leaves are texts: what stands under `with`, bodies, rows.

use crate::diagnostic::Diagnostic;
use crate::document::Node;
use crate::references::{EvalError, Mistake, Reference};
use crate::scope::Scope;
use crate::text::Text;
use crate::value::{Map, Value};
use crate::work::not_too_deep;

/// A value with texts as its string leaves; a part without pills is kept as it is.
#[derive(Clone, Debug)]
pub struct Template {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Value(Value),
    Text(Text),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
}

impl Template {
    /// Reads a structure in a document. All mistakes at once, each at its place.
    pub fn parse(node: &Node<'_>) -> Result<Self, Vec<Diagnostic>> {
        let (template, found) = Self::read(node);
        if found.is_empty() { Ok(template) } else { Err(found) }
    }

    /// The same as far as it can be read, with everything that is wrong with it.
    pub fn read(node: &Node<'_>) -> (Self, Vec<Diagnostic>) {
        let mut found = Vec::new();
        let template = read_node(node, &mut found);
        (template, found)
    }

    /// Reads a structure without places; each mistake comes with the JSON pointer of its text.
    pub fn from_value(value: &Value) -> Result<Self, Vec<(String, Mistake)>> {
        let mut found = Vec::new();
        let template = read_value(value, "", &mut found);
        if found.is_empty() { Ok(template) } else { Err(found) }
    }

    /// The value with every text rendered.
    pub fn render(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match &self.form {
            Form::Value(value) => Ok(value.clone()),
            Form::Text(text) => text.render(scope),
            Form::List(_) | Form::Object(_) => not_too_deep(self.render_part(scope)?),
        }
    }

    fn render_part(&self, scope: &dyn Scope) -> Result<Value, EvalError> {
        match &self.form {
            Form::Value(value) => Ok(value.clone()),
            Form::Text(text) => text.render(scope),
            Form::List(items) => items.iter().map(|item| item.render_part(scope)).collect(),
            Form::Object(fields) => {
                let mut object = Map::new();
                for (name, field) in fields {
                    object.insert(name.clone(), field.render_part(scope)?);
                }
                Ok(Value::Object(object))
            }
        }
    }

    /// The names that its texts read, each with the JSON pointer of its text.
    pub fn references(&self) -> Vec<(String, Reference)> {
        let mut found = Vec::new();
        self.each_text("", &mut |pointer, text| {
            found.extend(text.references().iter().map(|one| (pointer.to_owned(), one.clone())));
        });
        found
    }

    /// Calls with every text that is not literal and its JSON pointer.
    pub fn each_text(&self, pointer: &str, call: &mut dyn FnMut(&str, &Text)) {
        match &self.form {
            Form::Value(_) => {}
            Form::Text(text) => call(pointer, text),
            Form::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    item.each_text(&format!("{pointer}/{i}"), call);
                }
            }
            Form::Object(fields) => {
                for (name, field) in fields {
                    field.each_text(&child(pointer, name), call);
                }
            }
        }
    }

    /// The value, when it has no pill anywhere.
    pub fn literal(&self) -> Option<&Value> {
        match &self.form {
            Form::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The text, when it is one with pills.
    pub fn text(&self) -> Option<&Text> {
        match &self.form {
            Form::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The fields of an object with pills in it, in written order; none of anything else.
    pub fn entries(&self) -> Vec<(String, Template)> {
        match &self.form {
            Form::Object(fields) => fields.clone(),
            Form::Value(Value::Object(fields)) => {
                fields.iter().map(|(name, field)| (name.clone(), plain(field.clone()))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> Vec<Template> {
        match &self.form {
            Form::List(items) => items.clone(),
            Form::Value(Value::Array(items)) => items.iter().cloned().map(plain).collect(),
            _ => Vec::new(),
        }
    }

    /// The template at a field of an object.
    pub fn get(&self, name: &str) -> Option<Template> {
        match &self.form {
            Form::Object(fields) => {
                fields.iter().find(|(field, _)| field == name).map(|(_, field)| field.clone())
            }
            Form::Value(Value::Object(fields)) => fields.get(name).cloned().map(plain),
            _ => None,
        }
    }

    /// What stands in a file for it: read again it is the same template.
    pub fn written(&self) -> Value {
        match &self.form {
            Form::Value(value) => escaped(value),
            Form::Text(text) => Value::from(text.source()),
            Form::List(items) => items.iter().map(Self::written).collect(),
            Form::Object(fields) => {
                fields.iter().map(|(name, field)| (name.clone(), field.written())).collect()
            }
        }
    }

    /// The static kind where it can be told without rendering: `list`, `object`, or that of a literal.
    pub fn kind(&self) -> Option<&'static str> {
        match &self.form {
            Form::Value(value) => Some(crate::value::kind(value)),
            Form::Text(text) => (!text.is_pill()).then_some("string"),
            Form::List(_) => Some("list"),
            Form::Object(_) => Some("object"),
        }
    }
}

/// A value without pills as the texts that give it.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(text.replace("{{", "\\{{")),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), escaped(field))).collect()
        }
        other => other.clone(),
    }
}

fn plain(value: Value) -> Template {
    Template { form: Form::Value(value) }
}

fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn read_node(node: &Node<'_>, found: &mut Vec<Diagnostic>) -> Template {
    let mut mistakes = Vec::new();
    let template = read_value(node.value(), "", &mut mistakes);
    for (pointer, mistake) in mistakes {
        found.push(node_at(node, &pointer).as_ref().unwrap_or(node).mistake(&mistake));
    }
    template
}

fn node_at<'d>(node: &Node<'d>, pointer: &str) -> Option<Node<'d>> {
    pointer.split('/').skip(1).try_fold(node.clone(), |at, name| match at.value() {
        Value::Array(_) => at.items().into_iter().nth(name.parse().ok()?),
        _ => at.get(&name.replace("~1", "/").replace("~0", "~")),
    })
}

fn read_value(value: &Value, pointer: &str, found: &mut Vec<(String, Mistake)>) -> Template {
    let form = match value {
        Value::String(source) => match Text::read(source) {
            Ok((text, _)) if text.is_literal() => match text.render(&Map::new()) {
                Ok(value) => Form::Value(value),
                Err(_) => Form::Text(text),
            },
            Ok((text, mistakes)) => {
                found.extend(mistakes.into_iter().map(|one| (pointer.to_owned(), one)));
                Form::Text(text)
            }
            Err(mistake) => {
                found.push((pointer.to_owned(), mistake));
                Form::Value(value.clone())
            }
        },
        Value::Array(items) => {
            let items: Vec<Template> = items
                .iter()
                .enumerate()
                .map(|(i, item)| read_value(item, &format!("{pointer}/{i}"), found))
                .collect();
            match items.iter().map(|item| item.literal().cloned()).collect() {
                Some(values) => Form::Value(Value::Array(values)),
                None => Form::List(items),
            }
        }
        Value::Object(fields) => {
            let fields: Vec<(String, Template)> = fields
                .iter()
                .map(|(name, field)| {
                    (name.clone(), read_value(field, &child(pointer, name), found))
                })
                .collect();
            let literals: Option<Map<String, Value>> = fields
                .iter()
                .map(|(name, field)| Some((name.clone(), field.literal()?.clone())))
                .collect();
            literals.map_or(Form::Object(fields), |values| Form::Value(Value::Object(values)))
        }
        other => Form::Value(other.clone()),
    };
    Template { form }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::value::json;

    #[test]
    fn only_string_leaves_are_rendered_and_order_is_kept() {
        let value =
            json!({ "z": "{{ a }}", "b": ["x", "{{ n }}", { "k": "v" }], "{{ a }}": 1, "c": null });
        let template = Template::from_value(&value).unwrap();
        let scope = json!({ "a": "A", "n": [1] });
        let rendered = template.render(scope.as_object().unwrap()).unwrap();
        assert_eq!(
            rendered.to_string(),
            r#"{"z":"A","b":["x",[1],{"k":"v"}],"{{ a }}":1,"c":null}"#
        );
        let references: Vec<String> =
            template.references().iter().map(|(at, one)| format!("{at} {}", one.root)).collect();
        assert_eq!(references, ["/z a", "/b/1 n"]);
        assert!(template.get("b").unwrap().items()[0].literal().is_some());
        assert_eq!(template.entries().len(), 4);
    }

    #[test]
    fn mistakes_stand_at_their_place_in_the_file() {
        let text = "with:\n  a: 'x {{ lowr b }}'\n  c: [1, '{{ d']\n";
        let document = Document::parse("t.yaml", text).unwrap();
        let found = Template::parse(&document.root()).unwrap_err();
        let places: Vec<_> = found.iter().map(|d| (d.code.0, d.position())).collect();
        assert_eq!(places, [("unknown-function", (2, 12)), ("bad-text", (3, 11))]);
    }
}
