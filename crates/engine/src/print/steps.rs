//! Steps as they are written.

use linchpin_connector::ErrorKind;
use linchpin_language::{Map, Value, print_duration};

use super::{Written, expressions, kinds, retry, schema, words};
use crate::flow::{
    Answer, Approval, Ask, AskField, Block, Branch, Call, Catch, ChoicesFrom, Decide, Fail,
    ForEach, If, Level, Located, Log, LoopSource, Match, OnBranchError, OnError, OnItemError,
    OnReject, OnTimeout, Parallel, Repeat, Row, SignalWait, Step, StepKind, Subflow, Try, Wait,
};

/// A list of steps.
pub(super) fn block(block: &Block) -> Value {
    block.steps.iter().map(step).collect()
}

fn step(step: &Step) -> Value {
    let Step { segment: _, id, name, guard, after, timeout, on_error, kind, span: _ } = step;
    let mut all = Written::default();
    all.put_some("id", id.as_ref().map(|id| id.value.as_str()));
    all.put_some("name", name.as_deref());
    all.put_expression("if", guard.as_ref());
    let ids = |after: &Vec<Located<String>>| -> Vec<Value> {
        after.iter().map(|id| Value::from(id.value.as_str())).collect()
    };
    all.put_some("after", after.as_ref().map(ids));
    self::kind(&mut all, kind);
    all.put_duration("timeout", *timeout);
    match on_error {
        OnError::Stop => {}
        OnError::Continue => all.put("on_error", "continue"),
        OnError::Steps(steps) => all.put("on_error", block(steps)),
    }
    Value::Object(all.0)
}

fn kind(all: &mut Written, kind: &StepKind) {
    match kind {
        StepKind::Call(call) => self::call(all, call),
        StepKind::Subflow(subflow) => self::subflow(all, subflow),
        StepKind::If(branch) => condition(all, branch),
        StepKind::ForEach(each) => for_each(all, each),
        StepKind::Repeat(repeat) => self::repeat(all, repeat),
        StepKind::Parallel(parallel) => self::parallel(all, parallel),
        StepKind::Decide(decide) => self::decide(all, decide),
        StepKind::Try(guarded) => self::guarded(all, guarded),
        StepKind::Wait(wait) => all.put("wait", self::wait(wait)),
        StepKind::Ask(ask) => all.put("ask", self::ask(ask)),
        StepKind::Approval(approval) => all.put("approval", self::approval(approval)),
        StepKind::Set(values) => all.put("set", expressions(values)),
        StepKind::Log(Log { level, message }) => {
            let mut log = Written::default();
            log.put_word("level", Level::WORDS, level, &Level::Info);
            put_message(all, "log", log, message.value.source());
        }
        StepKind::Undo => all.put("undo", "all"),
        StepKind::End => all.put("end", true),
        StepKind::Next => all.put("next", true),
        StepKind::Break => all.put("break", true),
        StepKind::Fail(Fail { kind, message }) => {
            let mut fail = Written::default();
            fail.put_some("kind", (*kind != ErrorKind::Rejected).then(|| kind.as_str()));
            put_message(all, "fail", fail, message.value.source());
        }
    }
}

/// A text, or a map when there is more than the text.
fn put_message(all: &mut Written, key: &str, mut more: Written, message: &str) {
    if more.0.is_empty() {
        return all.put(key, message);
    }
    more.put("message", message);
    all.put(key, more.0);
}

fn put_with(all: &mut Written, with: Value) {
    match with {
        Value::Object(fields) => all.put_map("with", fields),
        other => all.put("with", other),
    }
}

/// The call of an action.
pub(super) fn call(all: &mut Written, call: &Call) {
    let Call { alias, action, with, connection, retry, undo } = call;
    all.put("call", format!("{}.{}", alias.value, action.value));
    put_with(all, with.value.written());
    all.put_text("connection", connection.as_ref());
    all.put_map("retry", self::retry(retry));
    if let Some(undo) = undo {
        let mut written = Written::default();
        self::call(&mut written, undo);
        all.put("undo", written.0);
    }
}

fn subflow(all: &mut Written, subflow: &Subflow) {
    let Subflow { flow, with, connections, detach } = subflow;
    all.put("call", format!("flow.{}", flow.value));
    put_with(all, with.value.written());
    all.put_map("connections", words(connections));
    all.put_some("detach", detach.then_some(true));
}

fn condition(all: &mut Written, branch: &If) {
    let If { arms, otherwise } = branch;
    let mut arms = arms.iter();
    if let Some((condition, then)) = arms.next() {
        all.put("if", condition.value.source());
        all.put("then", block(then));
    }
    all.put_list(
        "else_if",
        arms.map(|(condition, then)| {
            let mut arm = Written::default();
            arm.put("if", condition.value.source());
            arm.put("then", block(then));
            Value::Object(arm.0)
        }),
    );
    all.put_some("else", otherwise.as_ref().map(block));
}

fn for_each(all: &mut Written, each: &ForEach) {
    let ForEach { source, item, parallel, on_item_error, collect, body } = each;
    match source {
        LoopSource::List(list) => all.put("for_each", list.value.source()),
        LoopSource::Stream(stream) => {
            let mut source = Written::default();
            call(&mut source, stream);
            all.put("for_each", source.0);
        }
    }
    all.put_some("as", (item.value != "item").then_some(item.value.as_str()));
    all.put_some("parallel", (*parallel != 1).then_some(*parallel));
    all.put_word("on_item_error", OnItemError::WORDS, on_item_error, &OnItemError::Stop);
    all.put_expression("collect", collect.as_ref());
    match body.steps.as_slice() {
        [] => {}
        [only] if is_call_body(only) => {
            kind(all, &only.kind);
            all.put_duration("timeout", only.timeout);
        }
        _ => all.put("steps", block(body)),
    }
}

/// Whether the step is one that stands for a `call` beside `for_each`.
fn is_call_body(step: &Step) -> bool {
    step.id.as_ref().is_some_and(|id| id.value == "output")
        && matches!(step.kind, StepKind::Call(_) | StepKind::Subflow(_))
        && step.name.is_none()
        && step.guard.is_none()
        && step.after.is_none()
        && matches!(step.on_error, OnError::Stop)
}

fn repeat(all: &mut Written, repeat: &Repeat) {
    let Repeat { body, until, max, every } = repeat;
    all.put("repeat", block(body));
    all.put("until", until.value.source());
    all.put("max", *max);
    all.put_duration("every", *every);
}

fn parallel(all: &mut Written, parallel: &Parallel) {
    let Parallel { branches, on_branch_error } = parallel;
    let branches = branches.iter().map(|Branch { name, body }| (name.to_string(), block(body)));
    all.put("parallel", branches.collect::<Map<String, Value>>());
    all.put_word("on_branch_error", OnBranchError::WORDS, on_branch_error, &OnBranchError::Stop);
}

fn decide(all: &mut Written, decide: &Decide) {
    let Decide { matching, rows, default } = decide;
    let rows = rows.iter().map(|Row { when, answer: given }| {
        let mut row = Written::default();
        row.put("when", when.value.source());
        answer(&mut row, given);
        Value::Object(row.0)
    });
    all.put("decide", rows.collect::<Vec<Value>>());
    all.put_word("match", Match::WORDS, matching, &Match::First);
    if let Some(default) = default {
        let mut row = Written::default();
        answer(&mut row, default);
        all.put("default", row.0);
    }
}

fn answer(all: &mut Written, answer: &Answer) {
    let Answer { result, steps, span: _ } = answer;
    all.put_some("result", result.as_ref().map(|result| result.value.written()));
    all.put_some("steps", (!steps.steps.is_empty()).then(|| block(steps)));
}

fn guarded(all: &mut Written, guarded: &Try) {
    let Try { body, catches, finally } = guarded;
    all.put("try", block(body));
    all.put_list(
        "catch",
        catches.iter().map(|Catch { on, body }| {
            let mut clause = Written::default();
            clause.put_list("on", kinds(on).into_iter());
            clause.put("steps", block(body));
            Value::Object(clause.0)
        }),
    );
    all.put_some("finally", finally.as_ref().map(block));
}

fn wait(wait: &Wait) -> Value {
    let mut all = Written::default();
    match wait {
        Wait::For(length) => all.put("for", length.value.source()),
        Wait::Until(instant) => all.put("until", instant.value.source()),
        Wait::Signal(SignalWait { name, timeout }) => {
            all.put("signal", name.value.as_str());
            all.put_duration("timeout", *timeout);
        }
    }
    Value::Object(all.0)
}

fn ask(ask: &Ask) -> Value {
    let Ask { of, form, message, submit, timeout } = ask;
    let mut all = Written::default();
    all.put("of", of.value.source());
    all.put_text("message", message.as_ref());
    all.put("form", self::form(form));
    all.put_some("submit", submit.as_deref());
    all.put_duration("timeout", *timeout);
    Value::Object(all.0)
}

fn approval(approval: &Approval) -> Value {
    let Approval { message, from, form, timeout, on_timeout, on_reject } = approval;
    let mut all = Written::default();
    all.put("message", message.value.source());
    all.put_list("from", from.iter().map(|one| Value::from(one.value.source())));
    all.put_some("timeout", timeout.map(print_duration));
    all.put_word("on_timeout", OnTimeout::WORDS, on_timeout, &OnTimeout::Reject);
    all.put_word("on_reject", OnReject::WORDS, on_reject, &OnReject::Fail);
    all.put_map("form", self::form(form));
    Value::Object(all.0)
}

fn form(form: &indexmap::IndexMap<String, AskField>) -> Map<String, Value> {
    let field = |AskField { schema: ty, choices }: &AskField| {
        let mut field = Written(schema(ty));
        field.put_some("choices_from", choices.as_ref().map(self::choices));
        Value::Object(field.0)
    };
    form.iter().map(|(name, one)| (name.clone(), field(one))).collect()
}

fn choices(choices: &ChoicesFrom) -> Map<String, Value> {
    let ChoicesFrom { call, value, columns, list } = choices;
    let mut all = Written::default();
    self::call(&mut all, call);
    all.put("value", value.as_str());
    all.put_list("columns", columns.iter().map(|column| Value::from(column.as_str())));
    all.put_some("list", list.as_deref());
    all.0
}
