//! Questions that runs ask people: with the choices as they are now, and answers that fit them.

use std::collections::BTreeMap;

use linchpin_connector::{ActionError, Call};
use linchpin_engine::event::Event;
use linchpin_engine::flow::ChoicesFrom;
use linchpin_engine::{Run, RunId, StepPath};
use linchpin_language::{Fields, Map, Schema, Type, Value};
use serde::Serialize;

use crate::connections::Connections;
use crate::host::{self, Host};

/// The most choices that are read for one field.
const MOST_CHOICES: usize = 10_000;

/// A question that waits for a person.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// The step that asks.
    pub step: StepPath,
    /// Who is asked.
    pub of: String,
    /// The question.
    pub message: Option<String>,
    /// The words on the button.
    pub submit: Option<String>,
    /// What is to be filled in.
    pub fields: Vec<Field>,
}

/// A field of a question's form.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type in words.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it takes a list of values.
    pub many: bool,
    /// Whether it must be filled.
    pub required: bool,
    /// What it means.
    pub about: Option<String>,
    /// What it is when it is not filled.
    pub default: Option<Value>,
    /// What can be chosen; absent when anything of the type can.
    pub choices: Option<Choices>,
}

/// What can be chosen for a field.
#[derive(Clone, Debug, Serialize)]
pub struct Choices {
    /// The field of a row that is the answer.
    pub value: String,
    /// The fields that are shown.
    pub columns: Vec<String>,
    /// The rows as they are now.
    pub rows: Vec<Value>,
    /// Why they could not be read.
    pub problem: Option<String>,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run refused.
    #[error(transparent)]
    Host(#[from] host::Error),
    /// There is no such question.
    #[error("run {run} asks nothing{}", step.as_ref().map(|step| format!(" at {step}")).unwrap_or_default())]
    NoQuestion {
        /// The run.
        run: RunId,
        /// The step that was named.
        step: Option<StepPath>,
    },
    /// The values do not fit the form.
    #[error("the answer to {step} cannot be taken: {}", problems.join("; "))]
    Unfit {
        /// The step that asks.
        step: StepPath,
        /// One sentence each.
        problems: Vec<String>,
    },
}

/// A question as the run has it, without its choices.
struct Open {
    step: StepPath,
    of: String,
    message: Option<String>,
    submit: Option<String>,
    form: Fields,
    reads: BTreeMap<String, (String, ChoicesFrom, Value)>,
}

fn open_questions(run: &Run) -> Vec<Open> {
    let of = |ask: linchpin_engine::run::OpenAsk<'_>| {
        let reads = ask.ask.form.iter().filter_map(|(name, field)| {
            let from = field.choices.clone()?;
            let alias = ask.aliases.get(name)?.clone();
            let input = ask.choices.get(name).cloned().unwrap_or_default();
            Some((name.clone(), (alias, from, input)))
        });
        Open {
            step: ask.path.clone(),
            of: ask.of.to_owned(),
            message: ask.message.map(str::to_owned),
            submit: ask.ask.submit.clone(),
            form: ask.ask.form.iter().map(|(n, f)| (n.clone(), f.schema.clone())).collect(),
            reads: reads.collect(),
        }
    };
    run.asks().into_iter().map(of).collect()
}

impl Host {
    /// The questions of a run that wait, with their choices read now.
    pub async fn questions(&self, run: &RunId) -> Result<Vec<Question>, host::Error> {
        let mut questions = Vec::new();
        for open in self.open(run).await? {
            let mut fields = Vec::new();
            for (name, schema) in &open.form {
                let choices = match open.reads.get(name) {
                    Some(read) => Some(self.choices(read).await),
                    None => fixed_choices(schema),
                };
                fields.push(Field {
                    name: name.clone(),
                    type_name: schema.type_name(),
                    many: matches!(schema.ty, Type::List(_)),
                    required: schema.required,
                    about: schema.about.clone(),
                    default: schema.default.clone(),
                    choices,
                });
            }
            let Open { step, of, message, submit, .. } = open;
            questions.push(Question { step, of, message, submit, fields });
        }
        Ok(questions)
    }

    /// Answers a question; without a step the only one there is. After `Ok` it is on disk.
    pub async fn answer(
        &self,
        run: &RunId,
        step: Option<&StepPath>,
        values: Map<String, Value>,
        by: &str,
    ) -> Result<StepPath, Error> {
        let mut open = self.open(run).await?;
        open.retain(|question| step.is_none_or(|step| question.step == *step));
        let nothing = || Error::NoQuestion { run: run.clone(), step: step.cloned() };
        let question = match open.len() {
            0 => return Err(nothing()),
            1 => open.remove(0),
            _ => {
                let steps: Vec<_> = open.iter().map(|open| open.step.to_string()).collect();
                let step = open.remove(0).step;
                let problem = format!("the run asks at {}: name one", steps.join(", "));
                return Err(Error::Unfit { step, problems: vec![problem] });
            }
        };
        let unfit = |problems| Error::Unfit { step: question.step.clone(), problems };
        let values = Schema::coerce_fields(&question.form, Value::Object(values))
            .map_err(|all| unfit(all.into_iter().map(|one| one.message).collect()))?;
        let mut problems = Vec::new();
        for (name, read) in &question.reads {
            let choices = self.choices(read).await;
            problems.extend(misfits(name, values.get(name), &choices));
        }
        if !problems.is_empty() {
            return Err(unfit(problems));
        }
        let event = Event::Answered { path: question.step.clone(), values, by: by.to_owned() };
        self.tell(run, event).await?;
        Ok(question.step)
    }

    async fn open(&self, run: &RunId) -> Result<Vec<Open>, host::Error> {
        if let Some(open) = self.look(run, open_questions).await {
            return Ok(open);
        }
        let replayed = self.rebuilt(run).await?;
        Ok(if replayed.outcome().is_some() { Vec::new() } else { open_questions(&replayed) })
    }

    async fn choices(&self, (alias, from, input): &(String, ChoicesFrom, Value)) -> Choices {
        let read = read_choices(self.connections(), alias, from, input, self.clock().now());
        let (rows, problem) = match read.await {
            Ok(rows) => (rows, None),
            Err(error) => (Vec::new(), Some(error.message)),
        };
        Choices { value: from.value.clone(), columns: from.columns.clone(), rows, problem }
    }
}

async fn read_choices(
    connections: &Connections,
    alias: &str,
    from: &ChoicesFrom,
    input: &Value,
    now: jiff::Timestamp,
) -> Result<Vec<Value>, ActionError> {
    let invalid = |message| ActionError::new(linchpin_connector::ErrorKind::InvalidInput, message);
    let resolved = connections.resolve(alias).await?;
    let name = &from.call.action.value;
    let action = resolved.spoke.action(name).ok_or_else(|| {
        invalid(format!("the spoke {} has no action {name}", resolved.spoke.name))
    })?;
    let inputs = action.spec().read_inputs(input.clone()).map_err(|all| {
        invalid(all.into_iter().map(|one| one.message).collect::<Vec<_>>().join("; "))
    })?;
    let call = Call {
        inputs: &inputs,
        connection: &resolved.connection,
        transport: &*resolved.transport,
        key: "choices",
        now,
        overlay: None,
    };
    if action.spec().stream.is_none() {
        return Ok(rows_of(action.read(&call).await?, from.list.as_deref()));
    }
    let (mut rows, mut cursor) = (Vec::new(), None);
    loop {
        let page = action.page(&call, cursor.as_ref()).await?;
        rows.extend(page.rows);
        cursor = page.cursor;
        if cursor.is_none() || rows.len() >= MOST_CHOICES {
            rows.truncate(MOST_CHOICES);
            return Ok(rows);
        }
    }
}

/// The named list of an output, or the only list of objects in it.
fn rows_of(output: Value, list: Option<&str>) -> Vec<Value> {
    let Value::Object(mut fields) = output else {
        return match output {
            Value::Array(rows) => rows,
            _ => Vec::new(),
        };
    };
    let is_rows = |value: &Value| {
        value.as_array().is_some_and(|rows| rows.first().is_none_or(Value::is_object))
    };
    let name = match list {
        Some(list) => Some(list.to_owned()),
        None => fields.iter().find(|(_, value)| is_rows(value)).map(|(name, _)| name.clone()),
    };
    match name.and_then(|name| fields.remove(&name)) {
        Some(Value::Array(rows)) => rows,
        _ => Vec::new(),
    }
}

/// The choices that the form itself lists.
fn fixed_choices(schema: &Schema) -> Option<Choices> {
    let listed = match &schema.ty {
        Type::List(items) if !items.choices.is_empty() => &items.choices,
        _ => &schema.choices,
    };
    let row = |value: &Value| serde_json::json!({ "value": value });
    (!listed.is_empty()).then(|| Choices {
        value: "value".to_owned(),
        columns: vec!["value".to_owned()],
        rows: listed.iter().map(row).collect(),
        problem: None,
    })
}

/// One sentence for each chosen value that is no choice.
fn misfits(field: &str, chosen: Option<&Value>, choices: &Choices) -> Vec<String> {
    if let Some(problem) = &choices.problem {
        return vec![format!("the choices of {field} cannot be read: {problem}")];
    }
    let chosen = match chosen {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(chosen)) => chosen.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let is_foreign =
        |value: &&Value| !choices.rows.iter().any(|row| row.get(&choices.value) == Some(*value));
    let not = |value: &Value| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{value} is not among the {} choices of {field}", choices.rows.len())
    };
    chosen.iter().filter(is_foreign).map(not).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rows_are_the_only_list_of_objects() {
        let output = json!({ "ids": ["a"], "courses": [{ "id": "a" }], "count": 1 });
        assert_eq!(rows_of(output.clone(), None), [json!({ "id": "a" })]);
        assert_eq!(rows_of(output, Some("ids")), [json!("a")]);
        assert_eq!(rows_of(json!([1]), None), [json!(1)]);
    }

    #[test]
    fn what_is_no_choice_is_named() {
        let choices = Choices {
            value: "id".to_owned(),
            columns: Vec::new(),
            rows: vec![json!({ "id": "a" })],
            problem: None,
        };
        assert!(misfits("courses", Some(&json!(["a"])), &choices).is_empty());
        assert_eq!(
            misfits("courses", Some(&json!(["a", "b"])), &choices),
            ["b is not among the 1 choices of courses"]
        );
        assert!(misfits("courses", None, &choices).is_empty());
    }
}
