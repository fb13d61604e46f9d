//! A page for each bundled spoke: its connection, and its actions with what they take and give.

use linchpin_connector::reference;

use super::Page;
use super::markdown::NOTICE;

/// The pages of all spokes.
pub(super) fn pages() -> Vec<Page> {
    let spokes = linchpin_spokes::bundled().unwrap();
    let page = |name: &str, title: &str| {
        format!(
            "How to connect: [{title}](../../../crates/spokes/{name}/README.md).\n\
             The same at the prompt: `linchpin spokes show {name}`.\n\n"
        )
    };
    spokes
        .iter()
        .map(|spoke| {
            let opening = page(&spoke.name, &spoke.title);
            (format!("actions/{}.md", spoke.name), reference::page(spoke, NOTICE, &opening))
        })
        .collect()
}
