//! The text of a Mermaid flowchart.

use std::fmt::Write;

use super::layout::MOST;
use super::{Diagram, Region, Shape, shortened};

/// The whole text.
pub(super) fn draw(diagram: &Diagram) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart TD\n", diagram.title);
    for (at, region) in diagram.regions.iter().enumerate() {
        if region.label.is_empty() {
            inside(&mut out, region, 1);
        } else {
            cluster(&mut out, &format!("handler{at}"), &region.label, region, 1);
        }
    }
    for (class, look) in [
        ("read", "stroke:#2f6fb3"),
        ("write", "stroke:#b3541e,stroke-width:3px"),
        ("person", "stroke:#7a4fb5"),
        ("subflow", "stroke:#2b7a5b"),
        ("end", "stroke-dasharray:3 3"),
    ] {
        // Writing into a text cannot fail.
        writeln!(out, "  classDef {class}_ {look}").unwrap_or_default();
    }
    out
}

fn inside(out: &mut String, region: &Region, depth: usize) {
    let space = "  ".repeat(depth);
    for shape in &region.shapes {
        self::shape(out, shape, depth);
    }
    for (from, to) in &region.edges {
        let (from, to) = (&region.shapes[*from].id, &region.shapes[*to].id);
        writeln!(out, "{space}{from} --> {to}").unwrap_or_default();
    }
}

fn cluster(out: &mut String, id: &str, label: &str, region: &Region, depth: usize) {
    let space = "  ".repeat(depth);
    writeln!(out, "{space}subgraph {id}[\"{}\"]", escaped(&shortened(label, MOST)))
        .unwrap_or_default();
    if let Some(note) = region.note() {
        let note = escaped(&shortened(&note, MOST));
        writeln!(out, "{space}  {id}_note[\"{note}\"]").unwrap_or_default();
    }
    inside(out, region, depth + 1);
    writeln!(out, "{space}end").unwrap_or_default();
}

fn shape(out: &mut String, shape: &Shape, depth: usize) {
    let space = "  ".repeat(depth);
    let id = &shape.id;
    let mut lines: Vec<String> = Vec::new();
    if !shape.title.is_empty() {
        lines.push(format!("<b>{}</b>", escaped(&shortened(&shape.title, MOST))));
    }
    lines.extend(shape.lines.iter().map(|line| escaped(&shortened(line, MOST))));
    if !shape.mark.word().is_empty() {
        lines.push(format!("<i>{}</i>", shape.mark.word()));
    }
    let text = lines.join("<br/>");
    if shape.regions.is_empty() {
        writeln!(out, "{space}{id}[\"{text}\"]").unwrap_or_default();
    } else {
        writeln!(out, "{space}subgraph {id}[\"{text}\"]").unwrap_or_default();
        for (at, region) in shape.regions.iter().enumerate() {
            if region.label.is_empty() {
                inside(out, region, depth + 1);
            } else {
                cluster(out, &format!("{id}_{at}"), &region.label, region, depth + 1);
            }
        }
        writeln!(out, "{space}end").unwrap_or_default();
    }
    if shape.mark.class() != "logic" {
        // A class may not be called `end`.
        writeln!(out, "{space}class {id} {}_", shape.mark.class()).unwrap_or_default();
    }
}

/// Entities as Mermaid reads them, so that no text can be taken for its syntax.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | ';' | '`' | '{' | '}' | '[' | ']' | '(' | ')' | '|' => {
                write!(out, "#{};", u32::from(c)).unwrap_or_default();
            }
            c => out.push(c),
        }
    }
    out
}
