//! What people and other systems say to a run: signals, and yes or no to an approval.

use std::sync::Arc;

use linchpin_engine::event::Accepted;
use linchpin_engine::{Entry, Event, RunId, StepPath};
use linchpin_language::{Map, Value};

use crate::host::{self, Host};
use crate::questions::{Error, Open};

/// A person's yes or no.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Yes.
    pub approved: bool,
    /// What they wrote beside it.
    pub note: Option<String>,
    /// The fields of the form.
    pub values: Map<String, Value>,
}

impl Host {
    /// Sends a signal to a run. It is kept until a step waits for it. After `Ok` it is on disk.
    pub async fn signal(
        &self,
        run: &RunId,
        name: &str,
        payload: Value,
        by: &str,
    ) -> Result<(), host::Error> {
        let (name, by) = (name.to_owned(), by.to_owned());
        self.tell(run, Event::Signalled { name, payload: Arc::new(payload), by }).await
    }

    /// Approves or refuses; without a step the only approval there is. After `Ok` it is on disk.
    pub async fn judge(
        &self,
        run: &RunId,
        step: Option<&StepPath>,
        judgement: Judgement,
        by: &str,
    ) -> Result<StepPath, Error> {
        let mut question = self.the_question(run, step, true).await?;
        let accepted = self.accepted(run).await?;
        if let Err(why) = may_approve(&question.of, by, &starters(&accepted)) {
            return Err(Error::NotTheirs { step: question.step, by: by.to_owned(), why });
        }
        let Judgement { approved, note, values } = judgement;
        let form = if approved {
            self.read_form(&question, values).await?
        } else if values.is_empty() {
            Value::Null
        } else {
            // Whoever refuses fills in what they like.
            relax(&mut question);
            self.read_form(&question, values).await?
        };
        let (path, by) = (question.step.clone(), by.to_owned());
        self.tell(run, Event::Approval { path, approved, by, note, form }).await?;
        Ok(question.step)
    }

    /// Whether a run was started with these inputs. A value is compared as it is and as text, so
    /// that what was typed finds a number too.
    pub async fn has_inputs(
        &self,
        run: &RunId,
        wanted: &Map<String, Value>,
    ) -> Result<bool, host::Error> {
        let accepted = self.accepted(run).await?;
        Ok(wanted.iter().all(|(name, wanted)| match accepted.inputs.get(name) {
            Some(Value::String(text)) => wanted.as_str() == Some(text),
            Some(Value::Array(items)) if wanted.as_str() == Some(&listed(items)) => true,
            Some(value) => value == wanted || wanted.as_str() == Some(&value.to_string()),
            None => false,
        }))
    }

    pub(crate) async fn accepted(&self, run: &RunId) -> Result<Accepted, host::Error> {
        if let Some(accepted) = self.look(run, |run| run.accepted().clone()).await {
            return Ok(accepted);
        }
        let first = self.store().read(run, 0, 1).await?.into_iter().next();
        let Some(first) = first else { return Err(host::Error::UnknownRun(run.to_string())) };
        let unread = |why: String| host::Error::Journal { run: run.clone(), why };
        let entry: Entry = serde_json::from_slice(&first).map_err(|why| unread(why.to_string()))?;
        match entry.event {
            Event::Accepted(accepted) => Ok((*accepted).clone()),
            _ => Err(unread("it does not begin with its acceptance".to_owned())),
        }
    }
}

/// A list as it is typed: `a,b`.
fn listed(items: &[Value]) -> String {
    let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    items.iter().map(text).collect::<Vec<_>>().join(",")
}

fn relax(question: &mut Open) {
    for field in question.form.values_mut() {
        field.required = false;
    }
}

/// Who started a run: the person it runs for, and whoever gave the command.
pub(crate) fn starters(accepted: &Accepted) -> Vec<String> {
    let user = accepted.user.as_ref().and_then(|user| user["email"].as_str());
    let operator = accepted.trigger["by"].as_str();
    user.into_iter().chain(operator).map(str::to_owned).collect()
}

/// Whether somebody may approve. An address is compared; a role is taken on the word of whoever
/// can reach the run, since no host knows yet who has which role.
pub(crate) fn may_approve(from: &str, by: &str, starters: &[String]) -> Result<(), String> {
    let from: Vec<&str> = from.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
    if starters.iter().any(|starter| starter.eq_ignore_ascii_case(by)) {
        let may = from.contains(&"self");
        return if may { Ok(()) } else { Err("nobody approves what they started".to_owned()) };
    }
    let is_named = |one: &&str| !one.contains('@') && *one != "self";
    if from.iter().any(|one| is_named(one) || one.eq_ignore_ascii_case(by)) {
        return Ok(());
    }
    let others: Vec<&str> = from.iter().copied().filter(|one| *one != "self").collect();
    Err(match others.is_empty() {
        true => "only whoever started the run may".to_owned(),
        false => format!("it is asked of {}", others.join(", ")),
    })
}

/// Whether somebody may answer a question. An address is compared, `starter` is whoever started
/// the run, and a role is taken on their word.
pub(crate) fn may_answer(of: &str, by: &str, starters: &[String]) -> Result<(), String> {
    let is_starter = starters.is_empty() || starters.iter().any(|it| it.eq_ignore_ascii_case(by));
    let mut all = of.split(',').map(str::trim);
    let may = all.any(|one| match one {
        "starter" => is_starter,
        one => !one.contains('@') || one.eq_ignore_ascii_case(by),
    });
    if may { Ok(()) } else { Err(format!("it is asked of {of}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_approves_what_they_started_unless_it_says_self() {
        let starters = ["kim@example.test".to_owned(), "root".to_owned()];
        let may = |from: &str, by: &str| may_approve(from, by, &starters).is_ok();
        assert!(!may("hr_ops", "kim@example.test"));
        assert!(!may("kim@example.test", "KIM@example.test"));
        assert!(!may("hr_ops", "root"));
        assert!(may("self, hr_ops", "kim@example.test"));
        assert!(may("self", "root"));
        assert!(!may("self", "ana@example.test"));
    }

    #[test]
    fn a_question_is_answered_by_whom_it_is_asked_of() {
        let starters = ["kim@example.test".to_owned(), "root".to_owned()];
        let may = |of: &str, by: &str| may_answer(of, by, &starters).is_ok();
        assert!(may("starter", "Kim@example.test"));
        assert!(may("starter", "root"));
        assert!(!may("starter", "lee@example.test"));
        assert!(may("lee@example.test", "LEE@example.test"));
        assert!(!may("lee@example.test", "kim@example.test"));
        assert!(may("service_desk", "lee@example.test"));
        assert!(may_answer("starter", "lee@example.test", &[]).is_ok(), "nobody started it");
    }

    #[test]
    fn an_address_is_compared_and_a_role_is_taken_on_their_word() {
        let may = |from: &str, by: &str| may_approve(from, by, &[]).is_ok();
        assert!(may("ana@example.test, lee@example.test", "Lee@example.test"));
        assert!(!may("ana@example.test", "lee@example.test"));
        assert!(may("ana@example.test, hr_ops", "lee@example.test"));
    }
}
