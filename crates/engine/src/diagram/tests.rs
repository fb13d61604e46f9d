//! Pictures: nothing lies over anything else, nothing in a text can break out, everything is there.

use std::collections::BTreeMap;

use super::layout::{Place, PlacedRegion};
use super::*;
use crate::parse;

fn diagram(text: &str) -> Diagram {
    let flow = parse("t.yaml", text).unwrap_or_else(|found| panic!("{found:?}"));
    Diagram::of(&Plan::new(flow), &Catalog::default())
}

/// A flow of 60 steps with everything in it.
fn sixty() -> String {
    let mut text = "flow: sixty\nsteps:\n".to_owned();
    for at in 0..15 {
        text.push_str(&format!(
            "  - id: a{at}\n    if: 1 > 0\n    then:\n      - id: b{at}\n        log: <b>&\n\
             \x20   else:\n      - id: c{at}\n        for_each: \"[1, 2]\"\n        as: x{at}\n\
             \x20       steps:\n          - log: deep\n"
        ));
        if at % 3 == 2 {
            text.push_str(&format!("    after: [a{}]\n", at - 2));
        }
    }
    text.push_str("on_error:\n  - log: \"]]>\"\n  - { after: [], log: two }\n");
    text
}

fn overlap(one: Place, other: Place) -> bool {
    one.x < other.x + other.width
        && other.x < one.x + one.width
        && one.y < other.bottom()
        && other.y < one.bottom()
}

fn holds(outer: Place, inner: Place) -> bool {
    inner.x >= outer.x
        && inner.y >= outer.y
        && inner.x + inner.width <= outer.x + outer.width + 0.01
        && inner.bottom() <= outer.bottom() + 0.01
}

fn check_region(region: &PlacedRegion<'_>) -> usize {
    let mut n_shapes = 0;
    for (at, shape) in region.shapes.iter().enumerate() {
        n_shapes += 1;
        assert!(holds(region.place, shape.place), "{} leaves its list", shape.shape.title);
        for other in &region.shapes[at + 1..] {
            assert!(!overlap(shape.place, other.place), "{}", shape.shape.title);
        }
        for (at, inner) in shape.regions.iter().enumerate() {
            assert!(holds(shape.place, inner.place), "{} is too small", shape.shape.title);
            assert!(inner.place.y >= shape.place.y + layout::head(shape.shape));
            for other in &shape.regions[at + 1..] {
                assert!(!overlap(inner.place, other.place), "{}", shape.shape.title);
            }
            n_shapes += check_region(inner);
        }
    }
    // An edge leaves its shape downwards and passes beside those it does not belong to.
    for corners in &region.edges {
        let inner = &corners[1..corners.len() - 1];
        for (x, y) in inner {
            let covers = |place: Place| {
                *x > place.x && *x < place.x + place.width && *y > place.y && *y < place.bottom()
            };
            assert!(!region.shapes.iter().any(|shape| covers(shape.place)), "{corners:?}");
        }
    }
    n_shapes
}

#[test]
fn nothing_lies_over_anything_else_in_a_flow_of_sixty_steps() {
    let diagram = diagram(&sixty());
    let (regions, width, height) = layout::regions(&diagram.regions);
    let n_shapes: usize = regions.iter().map(check_region).sum();
    assert_eq!(n_shapes, 62);
    assert!(width < 1500.0 && height < 6000.0, "{width} x {height}");
}

#[test]
fn an_edge_that_follows_from_others_is_left_out() {
    let diagram = diagram(
        "flow: f\nsteps:\n  - { id: a, log: x }\n  - { id: b, log: x }\n  - { id: c, log: x, after: [a, b] }\n  - { id: d, log: x, after: [a] }\n",
    );
    assert_eq!(diagram.regions[0].edges, [(0, 1), (1, 2), (0, 3)]);
}

#[test]
fn no_text_of_a_flow_can_break_out_of_the_picture() {
    let evil = "</text><script>alert(1)</script>\\\"]; } end\n  graph";
    let text = format!("flow: f\nsteps:\n  - name: {evil:?}\n    log: {evil:?}\n");
    let diagram = diagram(&text);
    let svg = diagram.svg();
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    let mermaid = diagram.mermaid();
    assert!(!mermaid.contains("<script") && !mermaid.contains("\"];"), "{mermaid}");
    assert!(mermaid.lines().all(|line| line.trim() != "graph"), "{mermaid}");
    let dot = diagram.dot();
    assert!(dot.contains("\\\\\\\"]"), "{dot}");
}

#[test]
fn each_picture_has_each_step_and_each_handler() {
    let diagram = diagram(&sixty());
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    found.insert("svg", diagram.svg());
    found.insert("mermaid", diagram.mermaid());
    found.insert("dot", diagram.dot());
    for (form, text) in found {
        for at in 0..15 {
            for id in [format!("a{at}"), format!("b{at}"), format!("c{at}")] {
                let is_there =
                    text.contains(&format!(">{id}<")) || text.contains(&format!("\"{id}\\n"));
                assert!(is_there, "{id} is not in {form}");
            }
        }
        assert!(text.contains("on_error"), "{form}");
    }
}

#[test]
fn a_row_of_a_decision_shows_its_result() {
    let diagram = diagram(
        "flow: f\ninputs: { n: { type: integer } }\nsteps:\n  - id: level\n    decide:\n      - { when: inputs.n > 5, result: high }\n      - { when: inputs.n > 2, result: { wait: 3 }, steps: [ { id: tell, log: x } ] }\n    default: { result: none }\n",
    );
    for picture in [diagram.svg(), diagram.mermaid(), diagram.dot()] {
        assert!(picture.contains("result high"), "{picture}");
        assert!(picture.contains("wait") && picture.contains("tell"), "{picture}");
        assert!(picture.contains("result none"), "{picture}");
    }
    let (regions, ..) = layout::regions(&diagram.regions);
    assert_eq!(regions.iter().map(check_region).sum::<usize>(), 2);
}
