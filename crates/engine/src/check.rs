//! A flow and a catalog to diagnostics: names, types, order, schedules. All mistakes at once.
//!
//! Nothing is run. What a flow can name is looked up in the [`Catalog`]; what its expressions and
//! texts read is compared with what is surely there at that place (SEMANTICS, "Names, outputs,
//! scope").

mod allowances;
mod calls;
mod choices;
mod expect;
mod graph;
mod guards;
mod hints;
mod logic;
pub(crate) mod names;
mod nulls;
mod people;
mod references;
mod schedule;
mod sight;
mod subflows;
mod triggers;
mod types;
mod undo;
mod visit;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use linchpin_language::{
    Diagnostic, Document, Fields, Node, Schema, Severity, Span, Template, Text,
};

use crate::catalog::Catalog;
use crate::flow::{Arm, Flow, Located};
use crate::parse;
use crate::plan::{self, Ancestors, Graph};
use sight::{Hop, Trail};

/// How many mistakes of one file are told: what is longer is no list for people any more, and each
/// costs a look through the whole file to be shown.
const TOLD: usize = 500;
/// From how many mistakes on nothing is suggested: each suggestion is a look at all names.
const SUGGESTED: usize = 50;

/// Everything that is wrong with a flow that could be parsed, ordered by place.
pub fn check(flow: &Flow, catalog: &Catalog) -> Vec<Diagnostic> {
    match Document::parse(flow.source.name(), flow.source.text()) {
        Ok(document) => {
            let found = found_in(flow, catalog, &document, &BTreeSet::new());
            allowances::apply(&document, found, true)
        }
        Err(mistakes) => mistakes,
    }
}

/// Everything that is wrong with the text of a flow's file: the mistakes of [`parse::parse`] and,
/// for all that could be read, those of [`check`].
pub fn check_text(name: &str, text: &str, catalog: &Catalog) -> Vec<Diagnostic> {
    Draft::read(name, text).check(catalog)
}

/// The text of a flow's file as far as it can be read: read once, and checked whenever what it
/// can name has changed.
pub struct Draft {
    /// What could be read, when it is YAML.
    read: Option<(Document, parse::Parsed)>,
    /// What is wrong with its form.
    misformed: Vec<Diagnostic>,
}

impl Draft {
    /// Reads as much as makes sense.
    pub fn read(name: &str, text: &str) -> Self {
        let (document, misformed) = Document::read(name, text);
        let read = document.map(|document| {
            let parsed = parse::read(&document);
            (document, parsed)
        });
        Self { read, misformed }
    }

    /// Whether it is YAML, whatever it says.
    pub fn is_yaml(&self) -> bool {
        self.read.is_some() && self.misformed.is_empty()
    }

    /// The flow, when its structure has no mistakes.
    pub fn flow(&self) -> Option<&Flow> {
        let (_, parsed) = self.read.as_ref()?;
        let is_whole = self.misformed.is_empty() && parsed.mistakes.is_empty();
        is_whole.then_some(&parsed.flow)
    }

    /// The same as [`check_text`].
    pub fn check(&self, catalog: &Catalog) -> Vec<Diagnostic> {
        let Some((document, parsed)) = &self.read else { return self.misformed.clone() };
        let mut mistakes = parsed.mistakes.clone();
        let mut found = found_in(&parsed.flow, catalog, document, &parsed.broken);
        // Of what could not be read nothing more is said: the flow has a stand-in there.
        let touches = |a: Span, b: Span| a.start < b.end.max(b.start + 1) && b.start < a.end;
        found.retain(|one| !parsed.mistakes.iter().any(|other| touches(one.span, other.span)));
        mistakes.extend(found);
        // Nor of a value that is misformed.
        let places: BTreeSet<usize> = self.misformed.iter().map(|one| one.span.start).collect();
        mistakes.retain(|mistake| !places.contains(&mistake.span.start));
        mistakes.extend(self.misformed.iter().cloned());
        mistakes.sort_by_key(|mistake| mistake.span.start);
        let is_whole = self.misformed.is_empty() && parsed.mistakes.is_empty();
        first_of(allowances::apply(document, mistakes, is_whole))
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.flow().map(|flow| flow.name.as_str());
        f.debug_struct("Draft").field("flow", &name).finish_non_exhaustive()
    }
}

/// As many as are told; the last one says that there are more.
fn first_of(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if found.len() > TOLD {
        found.truncate(TOLD);
        if let Some(last) = found.last_mut() {
            last.help = Some("there are more mistakes below: mend these first".to_owned());
        }
    }
    found
}

/// The types of a flow's outputs, as far as they can be told without running it.
pub(crate) fn outputs(flow: &Flow, catalog: &Catalog) -> Fields {
    let broken = BTreeSet::new();
    let mut checker = Checker::new(flow, catalog, &broken);
    if flow.outputs.is_empty() {
        return Fields::new();
    }
    graph::names(&mut checker);
    let end = [Hop { arm: Arm::Flow, block: &flow.steps, at: flow.steps.steps.len() }];
    let outputs = flow
        .outputs
        .iter()
        .map(|(name, output)| (name.clone(), types::of_expression(&checker, &output.value, &end)));
    outputs.collect()
}

fn found_in(
    flow: &Flow,
    catalog: &Catalog,
    document: &Document,
    broken: &BTreeSet<usize>,
) -> Vec<Diagnostic> {
    let mut checker = Checker::new(flow, catalog, broken);
    checker.note_nodes(&document.root());
    graph::names(&mut checker);
    graph::order(&mut checker);
    triggers::triggers(&mut checker);
    calls::aliases(&mut checker);
    people::run_by(&mut checker);
    subflows::nesting(&mut checker);
    visit::flow(&mut checker);
    hints::secrets(&mut checker, &document.root());
    hints::unused_reads(&mut checker);
    logic::missing_defaults(&mut checker);
    checker.found.sort_by_key(|mistake| mistake.span.start);
    checker.found
}

/// The type of an output; `None` while it is being found.
type Type = Option<Rc<Schema>>;

/// What the checks share.
struct Checker<'c> {
    flow: &'c Flow,
    catalog: &'c Catalog,
    /// Where the steps begin that could not be read as a whole: what they give can be anything.
    broken: &'c BTreeSet<usize>,
    graphs: Vec<Graph>,
    ancestors: Vec<Ancestors>,
    /// The type of `inputs`.
    inputs: Rc<Schema>,
    /// The type of `vars`.
    vars: Rc<Schema>,
    /// The type of `trigger`.
    trigger: Rc<Schema>,
    /// The nodes of the document by their place: what a flow keeps of them is the span.
    nodes: BTreeMap<(usize, usize), Node<'c>>,
    /// The texts under `with` by their place, as the flow has read them.
    texts: BTreeMap<(usize, usize), Text>,
    /// Where the step of each id is.
    places: BTreeMap<&'c str, Trail<'c>>,
    /// The types of outputs found so far, by block and position.
    types: RefCell<BTreeMap<(usize, usize), Type>>,
    /// The type of `output`, in the `undo` of a call.
    output: Option<Schema>,
    /// The ids that something reads.
    used: BTreeSet<String>,
    /// Those of them that something reads without a test for null.
    relied_on: BTreeSet<String>,
    /// Where they are read.
    uses: Vec<names::Use>,
    found: Vec<Diagnostic>,
}

impl<'c> Checker<'c> {
    fn new(flow: &'c Flow, catalog: &'c Catalog, broken: &'c BTreeSet<usize>) -> Self {
        let graphs = plan::graphs(flow);
        Self {
            flow,
            catalog,
            broken,
            ancestors: graphs.iter().map(Graph::ancestors).collect(),
            graphs,
            inputs: Rc::new(types::given(types::some_object(&flow.inputs))),
            vars: Rc::new(types::some_object(&flow.vars)),
            trigger: Rc::new(triggers::type_of(flow, catalog, broken)),
            nodes: BTreeMap::new(),
            texts: BTreeMap::new(),
            places: BTreeMap::new(),
            types: RefCell::default(),
            output: None,
            used: BTreeSet::new(),
            relied_on: BTreeSet::new(),
            uses: Vec::new(),
            found: Vec::new(),
        }
    }

    fn note_nodes(&mut self, node: &Node<'c>) {
        let Span { start, end } = node.span();
        self.nodes.entry((start, end)).or_insert_with(|| node.clone());
        for (_, value) in node.entries() {
            self.note_nodes(&value);
        }
        for item in node.items() {
            self.note_nodes(&item);
        }
    }

    /// Keeps the texts of a map, so that none is read twice.
    fn note_texts(&mut self, map: &Located<Template>) {
        let Some(root) = self.node(map.span) else { return };
        map.value.each_text("", &mut |pointer, text| {
            let mut names = pointer.split('/').skip(1);
            let node = names.try_fold(root.clone(), |node, name| match name.parse::<usize>() {
                Ok(at) if node.value().is_array() => node.items().into_iter().nth(at),
                _ => node.get(&name.replace("~1", "/").replace("~0", "~")),
            });
            if let Some(Span { start, end }) = node.map(|node| node.span()) {
                self.texts.insert((start, end), text.clone());
            }
        });
    }

    /// The text of a node; none where it is no text, or one that cannot be read.
    fn text(&self, node: &Node<'_>) -> Option<Text> {
        let Span { start, end } = node.span();
        let known = self.texts.get(&(start, end)).cloned();
        known.or_else(|| Some(Text::read(node.as_str()?).ok()?.0))
    }

    fn node(&self, span: Span) -> Option<Node<'c>> {
        self.nodes.get(&(span.start, span.end)).cloned()
    }

    fn report(&mut self, mistake: Diagnostic) {
        // Twice as many as are told, since some may be allowed at their place.
        if self.found.len() < TOLD * 2 {
            self.found.push(mistake);
        }
    }

    /// Whether one more mistake is worth a look at all names that may have been meant.
    fn suggests(&self) -> bool {
        self.found.len() < SUGGESTED
    }

    /// A diagnostic at a place of the flow.
    fn at(
        &self,
        severity: Severity,
        code: linchpin_language::Code,
        message: impl Into<String>,
        span: Span,
    ) -> Diagnostic {
        Diagnostic::new(severity, code, message, self.flow.source.clone(), span)
    }

    fn error(
        &self,
        code: linchpin_language::Code,
        message: impl Into<String>,
        span: Span,
    ) -> Diagnostic {
        self.at(Severity::Error, code, message, span)
    }
}

/// Adds what was probably meant, or what there is.
fn suggest<'n>(
    mistake: Diagnostic,
    word: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Diagnostic {
    if let Some(near) = linchpin_language::did_you_mean(word, names.clone()) {
        return mistake.with_help(format!("did you mean `{near}`?"));
    }
    let all: Vec<&str> = names.take(20).collect();
    if all.is_empty() { mistake } else { mistake.with_help(format!("there is {}", all.join(", "))) }
}
