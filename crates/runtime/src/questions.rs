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
use crate::people;

/// The most choices that are read for one field.
const MOST_CHOICES: usize = 10_000;

/// A question that waits for a person.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// The step that asks.
    pub step: StepPath,
    /// Whether it wants a yes or no beside the fields.
    pub is_approval: bool,
    /// Who is asked.
    pub of: String,
    /// Why whoever wants to know may not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_yours: Option<String>,
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
    /// Not this person.
    #[error("{step} is not for {by} to answer: {why}")]
    NotTheirs {
        /// The step that asks.
        step: StepPath,
        /// Who tried.
        by: String,
        /// Why not.
        why: String,
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
pub(crate) struct Open {
    pub(crate) step: StepPath,
    pub(crate) is_approval: bool,
    pub(crate) of: String,
    message: Option<String>,
    submit: Option<String>,
    pub(crate) form: Fields,
    reads: BTreeMap<String, (String, ChoicesFrom, Value)>,
}

fn open_questions(run: &Run) -> Vec<Open> {
    let of = |ask: linchpin_engine::run::OpenAsk<'_>| {
        let reads = ask.form.iter().filter_map(|(name, field)| {
            let from = field.choices.clone()?;
            let alias = ask.aliases.get(name)?.clone();
            let input = ask.choices.get(name).cloned().unwrap_or_default();
            Some((name.clone(), (alias, from, input)))
        });
        Open {
            step: ask.path.clone(),
            of: ask.of.to_owned(),
            message: ask.message.map(str::to_owned),
            is_approval: ask.is_approval,
            submit: ask.submit.map(str::to_owned),
            form: ask.form.iter().map(|(n, f)| (n.clone(), f.schema.clone())).collect(),
            reads: reads.collect(),
        }
    };
    run.asks().into_iter().map(of).collect()
}

impl Host {
    /// The questions of a run that wait, as `by` sees them, with their choices read now.
    pub async fn questions(&self, run: &RunId, by: &str) -> Result<Vec<Question>, host::Error> {
        let mut questions = Vec::new();
        let open = self.open(run).await?;
        if open.is_empty() {
            return Ok(questions);
        }
        let accepted = self.accepted(run).await?;
        for open in open {
            let starters = people::starters(&accepted);
            let may = match open.is_approval {
                true => people::may_approve(&open.of, by, &starters),
                false => people::may_answer(&open.of, by, &starters),
            };
            let not_yours = may.err();
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
            let Open { step, is_approval, of, message, submit, .. } = open;
            let question = Question { step, is_approval, of, not_yours, message, submit, fields };
            questions.push(question);
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
        let question = self.the_question(run, step, false).await?;
        let accepted = self.accepted(run).await?;
        if let Err(why) = people::may_answer(&question.of, by, &people::starters(&accepted)) {
            return Err(Error::NotTheirs { step: question.step, by: by.to_owned(), why });
        }
        let values = self.read_form(&question, values).await?;
        let event = Event::Answered { path: question.step.clone(), values, by: by.to_owned() };
        self.tell(run, event).await?;
        Ok(question.step)
    }

    /// The only question of its kind that a run asks, or the one that is named.
    pub(crate) async fn the_question(
        &self,
        run: &RunId,
        step: Option<&StepPath>,
        is_approval: bool,
    ) -> Result<Open, Error> {
        let mut open = self.open(run).await?;
        open.retain(|question| {
            step.map_or(question.is_approval == is_approval, |step| question.step == *step)
        });
        let nothing = || Error::NoQuestion { run: run.clone(), step: step.cloned() };
        match open.len() {
            0 => Err(nothing()),
            1 if open[0].is_approval == is_approval => Ok(open.remove(0)),
            1 => {
                let step = open.remove(0).step;
                let (what, command) = match is_approval {
                    true => ("an answer", "linchpin runs answer"),
                    false => ("a yes or no", "linchpin runs approve` or `linchpin runs reject"),
                };
                let problem = format!("it wants {what}: use `{command}`");
                Err(Error::Unfit { step, problems: vec![problem] })
            }
            _ => {
                let steps: Vec<_> = open.iter().map(|open| open.step.to_string()).collect();
                let step = open.remove(0).step;
                let problem = format!("the run asks at {}: name one", steps.join(", "));
                Err(Error::Unfit { step, problems: vec![problem] })
            }
        }
    }

    /// The fields of a form read as their types, with choices that there are now.
    pub(crate) async fn read_form(
        &self,
        question: &Open,
        values: Map<String, Value>,
    ) -> Result<Value, Error> {
        let unfit = |problems| Error::Unfit { step: question.step.clone(), problems };
        let values = Schema::coerce_fields(&question.form, Value::Object(values))
            .map_err(|all| unfit(all.into_iter().map(|one| one.message).collect()))?;
        let mut problems: Vec<String> = question
            .form
            .iter()
            .filter(|(name, field)| field.required && values[name.as_str()] == Value::Array(vec![]))
            .map(|(name, _)| format!("`{name}` is required: choose at least one"))
            .collect();
        for (name, read) in &question.reads {
            let choices = self.choices(read).await;
            problems.extend(misfits(name, values.get(name), &choices));
        }
        if !problems.is_empty() {
            return Err(unfit(problems));
        }
        Ok(values)
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
