//! A flow as a picture: its steps in their order, what is inside what, and which of them write.
//!
//! One model, three ways to draw it: SVG laid out here, and the texts of Mermaid and Graphviz, which
//! lay it out themselves. The order of steps is the plan's, without the edges that follow from
//! others.

mod dot;
mod layout;
mod mermaid;
mod shapes;
mod svg;

use linchpin_connector::Effect;

use crate::catalog::Catalog;
use crate::plan::Plan;

/// A flow, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Diagram {
    /// The flow's name.
    title: String,
    /// What it is for, and what starts it.
    about: Vec<String>,
    /// Its steps, then its handlers.
    regions: Vec<Region>,
}

/// A list of steps.
#[derive(Clone, Debug, Default)]
struct Region {
    /// `then`, `catch timeout`; empty for the only list of a loop.
    label: String,
    /// What it comes to besides its steps: the result of a row of a decision.
    result: Option<String>,
    shapes: Vec<Shape>,
    /// From and to, by position.
    edges: Vec<(usize, usize)>,
}

impl Region {
    /// What stands in it instead of steps, or below them.
    fn note(&self) -> Option<String> {
        match &self.result {
            Some(result) => Some(format!("result {result}")),
            None if self.shapes.is_empty() => Some("no steps".to_owned()),
            None => None,
        }
    }
}

/// A step.
#[derive(Clone, Debug)]
struct Shape {
    /// Unlike that of every other shape: `s12`.
    id: String,
    /// Its name, id or number.
    title: String,
    /// What it does.
    lines: Vec<String>,
    mark: Mark,
    /// What is inside it.
    regions: Vec<Region>,
}

/// What a step does to the world, or to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// A call with this effect.
    Call(Effect),
    /// A call of an action that is not known.
    Unknown,
    /// Another flow.
    Subflow,
    /// A person or a signal is waited for.
    Person,
    /// Flow logic.
    Logic,
    /// The flow, the iteration or the loop ends here.
    End,
}

impl Mark {
    /// The word that stands on a shape.
    fn word(self) -> &'static str {
        match self {
            Mark::Call(Effect::None) | Mark::Unknown | Mark::Logic => "",
            Mark::Call(effect) => effect.as_str(),
            Mark::Subflow => "subflow",
            Mark::Person => "waits",
            Mark::End => "ends",
        }
    }

    /// The name of its colours.
    fn class(self) -> &'static str {
        match self {
            Mark::Call(Effect::Read) => "read",
            Mark::Call(Effect::None) | Mark::Unknown | Mark::Logic => "logic",
            Mark::Call(
                Effect::Ensure | Effect::Create | Effect::Update | Effect::Delete | Effect::Send,
            ) => "write",
            Mark::Subflow => "subflow",
            Mark::Person => "person",
            Mark::End => "end",
        }
    }
}

impl Diagram {
    /// The picture of a flow; the catalog tells what its calls do.
    pub fn of(plan: &Plan, catalog: &Catalog) -> Self {
        shapes::diagram(plan, catalog)
    }

    /// As an SVG document, light or dark as the reader's screen is.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }

    /// As the text of a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// As the text of a Graphviz digraph.
    pub fn dot(&self) -> String {
        dot::draw(self)
    }
}

/// A text that is not longer than so many characters.
fn shortened(text: &str, most: usize) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests;
