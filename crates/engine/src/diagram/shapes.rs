//! Steps to shapes.

use linchpin_language::{Value, print_duration};

use super::{Diagram, Mark, Region, Shape};
use crate::catalog::Catalog;
use crate::flow::{
    Answer, Block, Call, Decide, Flow, ForEach, If, Located, LoopSource, OnError, Rule, Step,
    StepKind, Trigger, Try, Wait,
};
use crate::plan::{Graph, Plan};

pub(super) fn diagram(plan: &Plan, catalog: &Catalog) -> Diagram {
    let flow = &plan.flow;
    let mut drawer = Drawer { plan, catalog, n_shapes: 0 };
    let mut regions = vec![drawer.region("", &flow.steps)];
    let handlers =
        [("on_error", &flow.on_error), ("on_cancel", &flow.on_cancel), ("finally", &flow.finally)];
    for (label, handler) in handlers {
        regions.extend(handler.iter().map(|block| drawer.region(label, block)));
    }
    let mut about: Vec<String> = flow.description.iter().cloned().collect();
    about.extend(flow.triggers.iter().map(|trigger| starts(&trigger.value)));
    Diagram { title: flow.name.clone(), about, regions }
}

fn starts(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Schedule(schedule) => {
            let when = match &schedule.rule {
                Rule::Cron(pattern) => format!("cron {pattern}"),
                Rule::Every(every) => format!("every {}", print_duration(*every)),
                Rule::At(moment) => format!("once, {moment}"),
            };
            let zone = schedule.timezone.as_deref().map(|zone| format!(", {zone}"));
            format!("starts by schedule: {when}{}", zone.unwrap_or_default())
        }
        Trigger::Webhook(webhook) => format!("starts by webhook: {}", webhook.path.value),
        Trigger::Record(record) => {
            let call = &record.call;
            format!("starts by record: {}.{}", call.alias.value, call.action.value)
        }
        Trigger::Flow(other) => format!("starts by the end of {}", other.flow.value),
        Trigger::Form { title } => match title {
            Some(title) => format!("starts by form: {title}"),
            None => "starts by form".to_owned(),
        },
    }
}

struct Drawer<'p> {
    plan: &'p Plan,
    catalog: &'p Catalog,
    n_shapes: usize,
}

impl Drawer<'_> {
    fn region(&mut self, label: &str, block: &Block) -> Region {
        let shapes = block.steps.iter().map(|step| self.shape(step)).collect();
        let edges = edges(self.plan.graph(block));
        Region { label: label.to_owned(), result: None, shapes, edges }
    }

    fn shape(&mut self, step: &Step) -> Shape {
        self.n_shapes += 1;
        let id = format!("s{}", self.n_shapes);
        let (mut lines, mark) = self.does(step);
        if let Some(guard) = &step.guard {
            lines.push(format!("only if {}", guard.value.source()));
        }
        let mut regions = self.inside(&step.kind);
        if let OnError::Steps(block) = &step.on_error {
            if regions.is_empty() {
                lines.push("with a handler".to_owned());
            }
            regions.push(self.region("on_error", block));
        }
        if matches!(step.on_error, OnError::Continue) {
            lines.push("goes on when it fails".to_owned());
        }
        let written = step.id.as_ref().map(|id| id.value.clone());
        let title = step.name.clone().or(written).unwrap_or_default();
        Shape { id, title, lines, mark, regions }
    }

    fn call(&self, call: &Call) -> (String, Mark) {
        let flow: &Flow = &self.plan.flow;
        let spoke = Catalog::spoke_of(&flow.connections, &call.alias.value);
        let spec = self.catalog.spokes.get(spoke);
        let spec = spec.and_then(|spoke| spoke.action(&call.action.value));
        let mark = spec.map_or(Mark::Unknown, |action| Mark::Call(action.spec().effect));
        (format!("call {}.{}", call.alias.value, call.action.value), mark)
    }

    /// What a step does, in lines, and its mark.
    fn does(&self, step: &Step) -> (Vec<String>, Mark) {
        let (line, mark) = match &step.kind {
            StepKind::Call(call) => self.call(call),
            StepKind::Subflow(call) => (format!("call flow.{}", call.flow.value), Mark::Subflow),
            StepKind::If(branch) => {
                let first = branch.arms.first().map(|(condition, _)| condition.value.source());
                (format!("if {}", first.unwrap_or_default()), Mark::Logic)
            }
            StepKind::ForEach(each) => return self.for_each(each),
            StepKind::Repeat(repeat) => {
                (format!("repeat until {}", repeat.until.value.source()), Mark::Logic)
            }
            StepKind::Parallel(_) => ("in parallel".to_owned(), Mark::Logic),
            StepKind::Decide(_) => ("decide".to_owned(), Mark::Logic),
            StepKind::Try(_) => ("try".to_owned(), Mark::Logic),
            StepKind::Wait(wait) => waits(wait),
            StepKind::Ask(ask) => (format!("ask {}", ask.of.value.source()), Mark::Person),
            StepKind::Approval(approval) => {
                let from = approval.from.iter().map(|one| one.value.source()).collect::<Vec<_>>();
                (format!("approval from {}", from.join(", ")), Mark::Person)
            }
            StepKind::Set(values) => {
                let names: Vec<&str> = values.keys().map(String::as_str).collect();
                (format!("set {}", names.join(", ")), Mark::Logic)
            }
            StepKind::Log(log) => (format!("log {:?}", log.message.value.source()), Mark::Logic),
            StepKind::Undo => ("undo all".to_owned(), Mark::Logic),
            StepKind::End => ("end the flow".to_owned(), Mark::End),
            StepKind::Next => ("next iteration".to_owned(), Mark::End),
            StepKind::Break => ("leave the loop".to_owned(), Mark::End),
            StepKind::Fail(fail) => (format!("fail {}", fail.kind.as_str()), Mark::End),
        };
        (vec![line], mark)
    }

    fn for_each(&self, each: &ForEach) -> (Vec<String>, Mark) {
        let (of, mark) = match &each.source {
            LoopSource::List(list) => (list.value.source().to_owned(), Mark::Logic),
            LoopSource::Stream(call) => {
                let (call, mark) = self.call(call);
                (call.trim_start_matches("call ").to_owned(), mark)
            }
        };
        let mut lines = vec![format!("for each {} in {of}", each.item.value)];
        if each.parallel > 1 {
            lines.push(format!("{} at a time", each.parallel));
        }
        (lines, mark)
    }

    fn inside(&mut self, kind: &StepKind) -> Vec<Region> {
        match kind {
            StepKind::If(branch) => self.arms(branch),
            StepKind::ForEach(each) => self.full("", &each.body),
            StepKind::Repeat(repeat) => self.full("", &repeat.body),
            StepKind::Parallel(parallel) => {
                let branches = parallel.branches.iter();
                branches.map(|branch| self.region(&branch.name, &branch.body)).collect()
            }
            StepKind::Decide(decide) => self.rows(decide),
            StepKind::Try(guarded) => self.guarded(guarded),
            StepKind::Call(_)
            | StepKind::Subflow(_)
            | StepKind::Wait(_)
            | StepKind::Ask(_)
            | StepKind::Approval(_)
            | StepKind::Set(_)
            | StepKind::Log(_)
            | StepKind::Undo
            | StepKind::End
            | StepKind::Next
            | StepKind::Break
            | StepKind::Fail(_) => Vec::new(),
        }
    }

    /// A list, if it has steps.
    fn full(&mut self, label: &str, block: &Block) -> Vec<Region> {
        if block.steps.is_empty() { Vec::new() } else { vec![self.region(label, block)] }
    }

    fn arms(&mut self, branch: &If) -> Vec<Region> {
        let mut regions = Vec::new();
        for (at, (condition, block)) in branch.arms.iter().enumerate() {
            let label = match at {
                0 => "then".to_owned(),
                _ => format!("else if {}", condition.value.source()),
            };
            regions.push(self.region(&label, block));
        }
        regions.extend(branch.otherwise.iter().map(|block| self.region("else", block)));
        regions
    }

    fn rows(&mut self, decide: &Decide) -> Vec<Region> {
        let mut regions = Vec::new();
        for row in &decide.rows {
            let label = format!("when {}", row.when.value.source());
            regions.push(self.row(&label, &row.answer));
        }
        regions.extend(decide.default.iter().map(|answer| self.row("default", answer)));
        regions
    }

    fn row(&mut self, label: &str, answer: &Answer) -> Region {
        let result = answer.result.as_ref().map(|result| as_text(&result.value.written()));
        Region { result, ..self.region(label, &answer.steps) }
    }

    fn guarded(&mut self, guarded: &Try) -> Vec<Region> {
        let mut regions = vec![self.region("try", &guarded.body)];
        for clause in &guarded.catches {
            let kinds: Vec<&str> = clause.on.iter().map(|kind| kind.as_str()).collect();
            let label = format!("catch {}", kinds.join(", "));
            regions.push(self.region(label.trim_end(), &clause.body));
        }
        regions.extend(guarded.finally.iter().map(|block| self.region("finally", block)));
        regions
    }
}

fn waits(wait: &Wait) -> (String, Mark) {
    let source = |text: &Located<linchpin_language::Text>| text.value.source().to_owned();
    match wait {
        Wait::For(length) => (format!("wait for {}", source(length)), Mark::Logic),
        Wait::Until(instant) => (format!("wait until {}", source(instant)), Mark::Logic),
        Wait::Signal(signal) => {
            (format!("wait for the signal {}", signal.name.value), Mark::Person)
        }
    }
}

/// A value as a flow would have it on one line.
fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The edges of a list, without those that follow from others.
fn edges(graph: &Graph) -> Vec<(usize, usize)> {
    let ancestors = graph.ancestors();
    let mut edges = Vec::new();
    for (to, before) in graph.predecessors.iter().enumerate() {
        for from in before {
            let follows = before.iter().any(|one| one != from && ancestors.contains(*one, *from));
            if !follows {
                edges.push((*from, to));
            }
        }
    }
    edges
}
