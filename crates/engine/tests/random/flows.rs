//! Flows out of chance. YAML holds JSON, so a flow is made as a value and written as JSON.

use std::fmt;

use linchpin_engine::parse::parse;
use linchpin_language::{Map, Value, json};

use super::chance::Chance;

/// A flow and the subflow that it may call.
pub(crate) struct Made {
    pub(crate) flow: String,
    pub(crate) subflow: String,
    /// Whether somebody cancels it, and at how many calls.
    pub(crate) cancel_after: Option<usize>,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.flow, self.subflow)
    }
}

/// The kinds of step that flows are made of, by their key.
pub(super) fn kinds() -> Vec<&'static str> {
    KINDS.iter().filter(|(_, sample)| is_read(sample)).map(|(kind, _)| *kind).collect()
}

/// Each kind with the smallest step of it.
const KINDS: [(&str, &str); 17] = [
    ("call", r#"{"call": "sys.read"}"#),
    ("then", r#"{"if": "true", "then": []}"#),
    ("for_each", r#"{"for_each": "[1]", "steps": [{"log": "x"}]}"#),
    ("try", r#"{"try": [{"log": "x"}], "catch": [{"log": "x"}]}"#),
    ("wait", r#"{"wait": {"for": "1s"}}"#),
    ("set", r#"{"set": {"a": "1"}}"#),
    ("log", r#"{"log": "x"}"#),
    ("fail", r#"{"fail": "x"}"#),
    ("end", r#"{"end": true}"#),
    ("ask", r#"{"ask": {"of": "starter", "form": {"n": {"type": "integer"}}}}"#),
    ("approval", r#"{"approval": {"message": "x", "from": ["a@example.test"]}}"#),
    ("repeat", r#"{"repeat": [{"log": "x"}], "until": "true", "max": 2}"#),
    ("parallel", r#"{"parallel": {"a": [{"log": "x"}], "b": [{"log": "x"}]}}"#),
    ("decide", r#"{"decide": [{"when": "true", "result": 1}]}"#),
    ("next", r#"{"for_each": "[1]", "steps": [{"next": true}]}"#),
    ("break", r#"{"for_each": "[1]", "steps": [{"break": true}]}"#),
    ("undo", r#"{"undo": "all"}"#),
];

/// Whether the language has a step already.
fn is_read(sample: &str) -> bool {
    let flow = if sample.contains("undo") {
        format!("{{\"flow\": \"f\", \"steps\": [{{\"log\": \"x\"}}], \"on_error\": [{sample}]}}")
    } else {
        format!(
            "{{\"flow\": \"f\", \"vars\": {{\"a\": {{\"type\": \"integer\", \"default\": 0}}}}, \
             \"steps\": [{sample}]}}"
        )
    };
    parse("f.yaml", &flow).is_ok()
}

/// The flow of a seed.
pub(crate) fn make(seed: u64) -> Made {
    let mut maker = Maker::new(Chance::of(seed), "s", 14);
    let mut flow = maker.flow("made", 3);
    flow["steps"].as_array_mut().expect("steps").push(json!({ "log": "over" }));
    let mut inner = Maker::new(Chance::of(seed ^ 1), "i", 4);
    inner.has_subflow = false;
    let subflow = inner.flow("inner", 1);
    let mut chance = Chance::named(seed, "cancel");
    let cancel_after = chance.one_in(6).then(|| chance.below(6));
    Made { flow: flow.to_string(), subflow: subflow.to_string(), cancel_after }
}

struct Maker {
    chance: Chance,
    prefix: &'static str,
    kinds: Vec<&'static str>,
    next: usize,
    /// How many more steps there may be.
    left: usize,
    /// Steps whose output can be read here.
    seen: Vec<String>,
    /// Whether several things can happen at once here, where variables cannot be set.
    wide: bool,
    in_loop: bool,
    in_handler: bool,
    has_subflow: bool,
}

impl Maker {
    fn new(chance: Chance, prefix: &'static str, left: usize) -> Self {
        Self {
            chance,
            prefix,
            kinds: kinds(),
            next: 0,
            left,
            seen: Vec::new(),
            wide: false,
            in_loop: false,
            in_handler: false,
            has_subflow: true,
        }
    }

    fn flow(&mut self, name: &str, depth: usize) -> Value {
        let steps = self.block(depth);
        let outputs: Map<String, Value> =
            self.seen.iter().map(|id| (id.clone(), json!(id))).collect();
        let mut flow = json!({
            "flow": name,
            "vars": { "a": { "type": "integer", "default": 0 } },
            "steps": steps,
            "outputs": outputs,
        });
        for handler in ["on_error", "on_cancel", "finally"] {
            if self.chance.one_in(3) {
                let block = self.apart(|maker| {
                    maker.in_handler = handler != "finally";
                    maker.block(1)
                });
                flow[handler] = block;
            }
        }
        if self.chance.one_in(8) {
            flow["timeout"] = json!("3h");
        }
        flow
    }

    /// Something of which nothing can be read after it.
    fn apart<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.seen.clone();
        let (wide, in_loop, in_handler) = (self.wide, self.in_loop, self.in_handler);
        let made = make(self);
        (self.wide, self.in_loop, self.in_handler) = (wide, in_loop, in_handler);
        self.seen = before;
        made
    }

    fn block(&mut self, depth: usize) -> Value {
        let count = 1 + self.chance.below(3);
        let mut steps: Vec<Value> = Vec::new();
        // What stands beside the order is seen by nobody here, and sees nothing of it.
        let (around, mut first) = (self.seen.clone(), None);
        for _ in 0..count {
            let id = format!("{}{}", self.prefix, self.next);
            self.next += 1;
            if self.chance.one_in(12) {
                let after: Vec<String> =
                    first.clone().filter(|_| self.chance.one_in(2)).into_iter().collect();
                let in_order = std::mem::replace(&mut self.seen, around.clone());
                self.seen.extend(after.iter().cloned());
                let mut step = self.step(depth);
                self.seen = in_order;
                step["id"] = json!(id);
                step["after"] = json!(after);
                steps.push(step);
                continue;
            }
            let mut step = self.step(depth);
            step["id"] = json!(id);
            steps.push(step);
            self.seen.push(id.clone());
            first.get_or_insert(id);
        }
        json!(steps)
    }

    fn step(&mut self, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        let deep = depth > 0 && self.left > 0;
        let kind = self.kinds[self.chance.below(self.kinds.len())];
        let mut step = match kind {
            "then" if deep => self.condition(depth),
            "for_each" if deep => self.each(depth),
            "try" if deep => self.guarded(depth),
            "repeat" if deep => self.repeat(depth),
            "parallel" if deep => self.branches(depth),
            "decide" if deep => self.decide(depth),
            "wait" => self.wait(),
            "set" if !self.wide => json!({ "set": { "a": "vars.a + 1" } }),
            "log" => json!({ "log": format!("n is {}", self.number()) }),
            "fail" if self.chance.one_in(2) => {
                json!({ "fail": { "kind": "conflict", "message": "no" } })
            }
            "end" if self.chance.one_in(4) => json!({ "end": true }),
            "ask" => {
                json!({ "ask": { "of": "starter", "timeout": "2h", "form": { "n": { "type": "integer" } } } })
            }
            "approval" => self.approval(),
            "next" | "break" if self.in_loop => json!({ kind: true }),
            "undo" if self.in_handler => json!({ "undo": "all" }),
            _ => self.call(),
        };
        if self.chance.one_in(5) && step.get("if").is_none() {
            step["if"] = json!(self.truth());
        }
        if self.chance.one_in(6) && step.get("end").is_none() {
            let steps =
                |maker: &mut Self| json!([{ "log": format!("handled {}", maker.number()) }]);
            let handled = if self.chance.one_in(2) { json!("continue") } else { steps(self) };
            step["on_error"] = handled;
        }
        step
    }

    fn number(&mut self) -> String {
        match self.seen.len() {
            0 => self.chance.below(9).to_string(),
            seen => {
                let id = &self.seen[self.chance.below(seen)];
                format!("{{{{ default {id}.n {} }}}}", self.chance.below(9))
            }
        }
    }

    fn truth(&mut self) -> String {
        let at = self.chance.below(5);
        match self.seen.len() {
            0 => (at > 1).to_string(),
            seen => {
                let id = &self.seen[self.chance.below(seen)];
                format!("default({id}.n, 3) > {at}")
            }
        }
    }

    fn call(&mut self) -> Value {
        let called = match self.chance.below(8) {
            0 if self.has_subflow => return json!({ "call": "flow.inner" }),
            1..=3 => "sys.write",
            4 => "sys.blind",
            _ => "sys.read",
        };
        let mut step = json!({ "call": called, "with": { "n": self.number() } });
        if self.chance.one_in(4) {
            step["retry"] = json!({ "attempts": 1 + self.chance.below(3), "backoff": "1s..5s" });
        }
        step
    }

    fn condition(&mut self, depth: usize) -> Value {
        let mut step = json!({ "if": self.truth(), "then": self.block(depth - 1) });
        if self.chance.one_in(2) {
            let (when, then) = (self.truth(), self.block(depth - 1));
            step["else_if"] = json!([{ "if": when, "then": then }]);
        }
        if self.chance.one_in(2) {
            step["else"] = self.block(depth - 1);
        }
        step
    }

    fn each(&mut self, depth: usize) -> Value {
        let parallel = 1 + self.chance.below(3);
        let source = if self.chance.one_in(3) {
            json!({ "call": "sys.rows.stream", "with": { "n": 1 } })
        } else {
            json!(format!("range(0, {})", self.chance.below(4)))
        };
        let goes_on = if self.chance.one_in(2) { "continue" } else { "stop" };
        let body = self.apart(|maker| {
            maker.wide |= parallel > 1;
            maker.in_loop = true;
            maker.block(depth - 1)
        });
        let mut step = json!({
            "for_each": source, "parallel": parallel, "on_item_error": goes_on, "steps": body,
        });
        if self.chance.one_in(2) {
            step["collect"] = json!("iteration.index");
        }
        step
    }

    fn guarded(&mut self, depth: usize) -> Value {
        let body = self.block(depth - 1);
        let caught = self.apart(|maker| {
            maker.in_handler = true;
            maker.block(depth - 1)
        });
        let mut step = if self.chance.one_in(2) {
            json!({ "try": body, "catch": [{ "on": ["conflict", "not_found"], "steps": caught }] })
        } else {
            json!({ "try": body, "catch": caught })
        };
        if self.chance.one_in(2) {
            step["finally"] = self.apart(|maker| maker.block(depth - 1));
        }
        if self.chance.one_in(4) {
            step["timeout"] = json!("1h");
        }
        step
    }

    fn repeat(&mut self, depth: usize) -> Value {
        let in_loop = std::mem::replace(&mut self.in_loop, true);
        let body = self.block(depth - 1);
        self.in_loop = in_loop;
        let until = format!("iteration.index >= {}", self.chance.below(3));
        let mut step = json!({ "repeat": body, "until": until, "max": 1 + self.chance.below(4) });
        if self.chance.one_in(2) {
            step["every"] = json!("10s");
        }
        step
    }

    fn branches(&mut self, depth: usize) -> Value {
        let goes_on = if self.chance.one_in(2) { "continue" } else { "stop" };
        let (wide, in_loop) = (self.wide, self.in_loop);
        (self.wide, self.in_loop) = (true, false);
        let before = self.seen.clone();
        let left = self.block(depth - 1);
        let of_left = std::mem::replace(&mut self.seen, before);
        let right = self.block(depth - 1);
        (self.wide, self.in_loop) = (wide, in_loop);
        for id in of_left {
            if !self.seen.contains(&id) {
                self.seen.push(id);
            }
        }
        json!({ "parallel": { "left": left, "right": right }, "on_branch_error": goes_on })
    }

    fn decide(&mut self, depth: usize) -> Value {
        let (first, second) = (self.truth(), self.truth());
        let steps = self.block(depth - 1);
        let rows = json!([
            { "when": first, "result": { "n": 1 } },
            { "when": second, "result": { "n": self.number() }, "steps": steps },
        ]);
        let mut step = json!({ "decide": rows });
        if self.chance.one_in(2) {
            step["match"] = json!("all");
        } else {
            step["default"] = json!({ "result": { "n": 9 } });
        }
        step
    }

    fn wait(&mut self) -> Value {
        match self.chance.below(3) {
            0 => json!({ "wait": { "for": "5m" } }),
            1 => json!({ "wait": { "until": "{{ run.started_at }}" } }),
            _ => json!({ "wait": { "signal": "go", "timeout": "30m" } }),
        }
    }

    fn approval(&mut self) -> Value {
        let refused = ["fail", "end", "continue"][self.chance.below(3)];
        json!({ "approval": {
            "message": "ok?", "from": ["ana@example.test"], "timeout": "1h", "on_reject": refused,
        } })
    }
}
