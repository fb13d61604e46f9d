//! The text of a Graphviz digraph: what holds steps is a cluster with a first and a last point.

use std::fmt::Write;

use super::layout::MOST;
use super::{Diagram, Mark, Region, Shape, shortened};

/// The whole text.
pub(super) fn draw(diagram: &Diagram) -> String {
    let mut out = format!("digraph \"{}\" {{\n", escaped(&diagram.title));
    out.push_str("  compound=true; rankdir=TB; fontname=\"Helvetica\"; labeljust=l;\n");
    out.push_str("  node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=11];\n");
    let mut title = vec![diagram.title.clone()];
    title.extend(diagram.about.iter().cloned());
    let title: Vec<String> = title.iter().map(|line| escaped(&shortened(line, 100))).collect();
    write(&mut out, 1, &format!("labelloc=t; label=\"{}\\l\";", title.join("\\l")));
    for (at, region) in diagram.regions.iter().enumerate() {
        if region.label.is_empty() {
            inside(&mut out, region, 1);
        } else {
            cluster(&mut out, &format!("handler{at}"), region, 1);
        }
    }
    out.push_str("}\n");
    out
}

fn write(out: &mut String, depth: usize, text: &str) {
    // Writing into a text cannot fail.
    writeln!(out, "{}{text}", "  ".repeat(depth)).unwrap_or_default();
}

fn inside(out: &mut String, region: &Region, depth: usize) {
    for shape in &region.shapes {
        self::shape(out, shape, depth);
    }
    for (from, to) in &region.edges {
        let (from, to) = (&region.shapes[*from], &region.shapes[*to]);
        let tail = if from.regions.is_empty() {
            (from.id.clone(), String::new())
        } else {
            (format!("{}_last", from.id), format!("ltail=\"cluster_{}\"", from.id))
        };
        let head = if to.regions.is_empty() {
            String::new()
        } else {
            format!("lhead=\"cluster_{}\"", to.id)
        };
        write(out, depth, &format!("{} -> {} [{} {head}];", tail.0, to.id, tail.1));
    }
}

fn cluster(out: &mut String, id: &str, region: &Region, depth: usize) {
    write(out, depth, &format!("subgraph \"cluster_{id}\" {{"));
    let label = escaped(&shortened(&region.label, MOST));
    write(out, depth + 1, &format!("label=\"{label}\"; style=\"rounded,dashed\"; color=gray60;"));
    if let Some(note) = region.note() {
        let note = escaped(&shortened(&note, MOST));
        write(out, depth + 1, &format!("{id}_note [label=\"{note}\", shape=plaintext];"));
    }
    inside(out, region, depth + 1);
    write(out, depth, "}");
}

fn shape(out: &mut String, shape: &Shape, depth: usize) {
    let mut lines: Vec<String> = Vec::new();
    if !shape.title.is_empty() {
        lines.push(escaped(&shortened(&shape.title, MOST)));
    }
    lines.extend(shape.lines.iter().map(|line| escaped(&shortened(line, MOST))));
    if !shape.mark.word().is_empty() {
        lines.push(format!("({})", shape.mark.word()));
    }
    let text = lines.join("\\n");
    let look = look(shape.mark);
    if shape.regions.is_empty() {
        return write(out, depth, &format!("{} [label=\"{text}\"{look}];", shape.id));
    }
    let id = &shape.id;
    write(out, depth, &format!("subgraph \"cluster_{id}\" {{"));
    write(out, depth + 1, "style=rounded; color=gray40; label=\"\";");
    write(out, depth + 1, &format!("{id} [label=\"{text}\", shape=plaintext];"));
    write(out, depth + 1, &format!("{id}_last [shape=point, style=invis, width=0];"));
    for (at, region) in shape.regions.iter().enumerate() {
        if region.label.is_empty() {
            inside(out, region, depth + 1);
        } else {
            cluster(out, &format!("{id}_{at}"), region, depth + 1);
        }
        ends(out, id, region, depth + 1);
    }
    write(out, depth, "}");
}

/// Keeps what is inside between the first and the last point.
fn ends(out: &mut String, id: &str, region: &Region, depth: usize) {
    for (at, shape) in region.shapes.iter().enumerate() {
        if !region.edges.iter().any(|(_, to)| *to == at) {
            write(out, depth, &format!("{id} -> {} [style=dotted, arrowhead=none];", shape.id));
        }
        if !region.edges.iter().any(|(from, _)| *from == at) {
            let last = if shape.regions.is_empty() { "" } else { "_last" };
            write(out, depth, &format!("{}{last} -> {id}_last [style=invis];", shape.id));
        }
    }
}

fn look(mark: Mark) -> &'static str {
    match mark.class() {
        "read" => ", color=\"#2f6fb3\"",
        "write" => ", color=\"#b3541e\", penwidth=2.5",
        "person" => ", color=\"#7a4fb5\"",
        "subflow" => ", color=\"#2b7a5b\"",
        "end" => ", style=\"rounded,dashed\"",
        _ => "",
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
