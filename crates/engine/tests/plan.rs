//! The order of steps: written order, `after`, `after: []`.

use linchpin_engine::parse::parse;
use linchpin_engine::plan::{Graph, Plan};

fn graph(steps: &[&str]) -> Graph {
    let steps: String = steps.iter().map(|step| format!("  - {{ log: x, {step} }}\n")).collect();
    let flow = parse("order.yaml", &format!("flow: order\nsteps:\n{steps}"));
    let plan = Plan::new(flow.expect("the steps can be read"));
    plan.graph(&plan.flow.steps).clone()
}

#[test]
fn steps_follow_each_other_as_written() {
    assert_eq!(graph(&["id: a", "id: b", "id: c"]).predecessors, [vec![], vec![0], vec![1]]);
}

#[test]
fn a_step_with_after_stands_beside_the_written_order() {
    let graph =
        graph(&["id: a", "id: b, after: [a]", "id: c, after: []", "id: d", "after: [b, d]"]);
    assert_eq!(graph.predecessors, [vec![], vec![0], vec![], vec![0], vec![1, 3]]);
    let ancestors = graph.ancestors();
    let before = |step| (0..5).filter(|at| ancestors.contains(step, *at)).collect::<Vec<_>>();
    assert_eq!(before(4), [0, 1, 3]);
    assert!(before(2).is_empty());
    assert!(graph.cycles().is_empty());
}

#[test]
fn a_step_may_name_a_later_one() {
    assert_eq!(
        graph(&["id: a, after: [c]", "id: b", "id: c"]).predecessors,
        [vec![2], vec![], vec![1]]
    );
}

#[test]
fn rings_are_found_and_a_step_in_one_is_not_its_own_ancestor() {
    let graph = graph(&["id: a, after: [b]", "id: b, after: [a]", "id: c, after: [c]", "id: d"]);
    assert_eq!(graph.cycles(), [vec![0, 1], vec![2]]);
    assert!(!graph.ancestors().contains(0, 0));
}
