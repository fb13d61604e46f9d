//! What a flow means: for each list of steps, which step waits for which. petgraph is named here
//! only.
//!
//! A step without `after` follows the nearest earlier one without `after`; a step with `after`
//! follows exactly what it names. Names that do not exist add nothing: `check` reports them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use linchpin_language::{Diagnostic, Severity, Source, Span, codes, did_you_mean};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::catalog::{ActionFacts, Catalog};
use crate::flow::{Block, Flow, Located, StepKind};
use crate::parse::parse;

/// The order of one list of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// For each step, the positions of those that must have ended before it, ascending.
    pub predecessors: Vec<Vec<usize>>,
}

impl Graph {
    /// The order of a list.
    fn new(block: &Block) -> Self {
        let position: BTreeMap<&str, usize> = block
            .steps
            .iter()
            .enumerate()
            .filter_map(|(at, step)| Some((step.id.as_ref()?.value.as_str(), at)))
            .collect();
        let mut previous = None;
        let mut predecessors = Vec::with_capacity(block.steps.len());
        for (at, step) in block.steps.iter().enumerate() {
            let Some(after) = &step.after else {
                predecessors.push(Vec::from_iter(previous.replace(at)));
                continue;
            };
            let named: BTreeSet<usize> =
                after.iter().filter_map(|id| position.get(id.value.as_str()).copied()).collect();
            predecessors.push(named.into_iter().collect());
        }
        Self { predecessors }
    }

    /// Which steps have surely ended before which. Steps that wait for each other, which `check`
    /// refuses, are before none of their own ring.
    pub fn ancestors(&self) -> Ancestors {
        let graph = self.directed();
        let words = self.predecessors.len().div_ceil(64);
        let mut rows = vec![vec![0u64; words]; self.predecessors.len()];
        // Tarjan gives a ring after all that follow it, so from the back each comes after all that
        // it waits for.
        for ring in tarjan_scc(&graph).into_iter().rev() {
            let mut known = vec![0u64; words];
            for from in ring.iter().flat_map(|step| &self.predecessors[step.index()]) {
                known[from / 64] |= 1 << (from % 64);
                for (word, more) in known.iter_mut().zip(&rows[*from]) {
                    *word |= more;
                }
            }
            for step in &ring {
                known[step.index() / 64] &= !(1 << (step.index() % 64));
            }
            for step in &ring {
                rows[step.index()].clone_from(&known);
            }
        }
        Ancestors { rows }
    }

    /// The steps that wait for each other, ring by ring, each ascending.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let graph = self.directed();
        let mut rings: Vec<Vec<usize>> = tarjan_scc(&graph)
            .into_iter()
            .filter(|ring| {
                ring.len() > 1 || ring.iter().any(|node| graph.contains_edge(*node, *node))
            })
            .map(|ring| ring.into_iter().map(NodeIndex::index).collect())
            .collect();
        for ring in &mut rings {
            ring.sort_unstable();
        }
        rings.sort();
        rings
    }

    fn directed(&self) -> DiGraph<(), ()> {
        let mut graph = DiGraph::new();
        for _ in &self.predecessors {
            graph.add_node(());
        }
        for (to, before) in self.predecessors.iter().enumerate() {
            for from in before {
                graph.add_edge(NodeIndex::new(*from), NodeIndex::new(to), ());
            }
        }
        graph
    }
}

/// The order of one list, answered for any two of its steps.
#[derive(Clone, Debug)]
pub struct Ancestors {
    /// One bit for each step before the step of the row.
    rows: Vec<Vec<u64>>,
}

impl Ancestors {
    /// Whether the step at `before` has surely ended when the step at `step` starts.
    pub fn contains(&self, step: usize, before: usize) -> bool {
        let word = self.rows.get(step).and_then(|row| row.get(before / 64));
        word.is_some_and(|word| word & (1 << (before % 64)) != 0)
    }
}

/// A flow with the order of all its lists.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The flow.
    pub flow: Arc<Flow>,
    graphs: Vec<Graph>,
}

impl Plan {
    /// Orders the steps of a flow.
    pub fn new(flow: Flow) -> Self {
        let graphs = graphs(&flow);
        Self { flow: Arc::new(flow), graphs }
    }

    /// The order of a list of this flow.
    ///
    /// # Panics
    /// When the block is of another flow with more lists.
    pub fn graph(&self, block: &Block) -> &Graph {
        &self.graphs[block.index]
    }
}

/// The order of all lists of a flow, under their index.
pub(crate) fn graphs(flow: &Flow) -> Vec<Graph> {
    let mut graphs = vec![Graph::default(); flow.blocks];
    each_block(flow, &mut |block| graphs[block.index] = Graph::new(block));
    graphs
}

/// Calls `visit` for each list of steps of a flow, outer before inner.
pub(crate) fn each_block<'f>(flow: &'f Flow, visit: &mut dyn FnMut(&'f Block)) {
    let handlers = [&flow.on_error, &flow.on_cancel, &flow.finally];
    let mut open: Vec<&Block> = vec![&flow.steps];
    open.extend(handlers.into_iter().flatten());
    while let Some(block) = open.pop() {
        visit(block);
        for step in &block.steps {
            open.extend(step.blocks().into_iter().map(|(_, inner)| inner));
        }
    }
}

/// The flows that a flow calls and waits for, each once, in the order of their names.
pub(crate) fn flows_called(flow: &Flow) -> Vec<String> {
    let called: BTreeSet<String> = subflow_calls(flow).into_iter().map(|(name, _)| name).collect();
    called.into_iter().collect()
}

/// A flow to run with everything it reaches: the plans of its subflows and the facts of actions.
#[derive(Clone, Debug)]
pub struct Program {
    /// The flow that is run.
    pub root: Arc<Plan>,
    /// It and each flow it can reach through subflow calls, by name.
    pub flows: BTreeMap<String, Arc<Plan>>,
    /// The facts of actions, under `spoke.action`.
    pub actions: BTreeMap<String, ActionFacts>,
}

impl Program {
    /// Reads a flow and those it reaches from their texts by name. All mistakes at once.
    pub fn new(
        root: &str,
        texts: &BTreeMap<String, String>,
        actions: BTreeMap<String, ActionFacts>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut flows = BTreeMap::new();
        let mut mistakes = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![(root.to_owned(), None)];
        while let Some((name, caller)) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let Some(text) = texts.get(&name) else {
                mistakes.push(missing(&name, caller.as_ref(), texts));
                continue;
            };
            match parse(&name, text) {
                Ok(flow) => {
                    open.extend(subflow_calls(&flow));
                    flows.insert(name, Arc::new(Plan::new(flow)));
                }
                Err(found) => mistakes.extend(found),
            }
        }
        match flows.get(root).cloned() {
            Some(root) if mistakes.is_empty() => Ok(Self { root, flows, actions }),
            _ => Err(mistakes),
        }
    }

    /// The facts of an action as a flow names it: by alias.
    pub fn facts(&self, flow: &Flow, alias: &str, action: &str) -> Option<&ActionFacts> {
        let spoke = Catalog::spoke_of(&flow.connections, alias);
        self.actions.get(&format!("{spoke}.{action}"))
    }
}

/// The place of a subflow call, for the message when the flow is not there.
type Caller = (Source, Located<String>);

fn subflow_calls(flow: &Flow) -> Vec<(String, Option<Caller>)> {
    let mut calls = Vec::new();
    each_block(flow, &mut |block| {
        for step in &block.steps {
            if let StepKind::Subflow(call) = &step.kind {
                let caller = (flow.source.clone(), call.flow.clone());
                calls.push((call.flow.value.clone(), Some(caller)));
            }
        }
    });
    calls
}

fn missing(name: &str, caller: Option<&Caller>, texts: &BTreeMap<String, String>) -> Diagnostic {
    let (source, span) = match caller {
        Some((source, flow)) => (source.clone(), flow.span),
        None => (Source::new(name, ""), Span::default()),
    };
    let mistake = Diagnostic::new(
        Severity::Error,
        codes::UNKNOWN_FLOW,
        format!("there is no flow `{name}`"),
        source,
        span,
    );
    match did_you_mean(name, texts.keys().map(String::as_str)) {
        Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
        None => mistake,
    }
}
