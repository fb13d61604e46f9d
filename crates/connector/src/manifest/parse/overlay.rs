//! `overlay` of an action's file: what a dry run shows to later reads.

use super::{File, sending};
use crate::manifest::grammar;
use crate::manifest::request::RequestSpec;
use crate::manifest::simulate::OverlaySpec;

impl File<'_, '_> {
    pub(super) fn overlay(&mut self, looks: &[RequestSpec]) -> Option<OverlaySpec> {
        let node = self.root.get("overlay")?;
        self.reading.mapping(&node, &grammar::OVERLAY);
        let row = self.reading.template_at(&node, "row");
        let collection = self.reading.required(&node, "collection");
        let collection = collection.and_then(|node| self.reading.text(&node))?;
        let shape = looks.iter().filter_map(sending).find_map(|sending| {
            let same = sending.collection.as_ref()?.source() == collection.source();
            if same { sending.shape.clone() } else { None }
        });
        let keys = match node.get("keys") {
            Some(keys) => self.reading.strings(&keys),
            None => shape.as_ref().map(|shape| shape.keys.clone()).unwrap_or_default(),
        };
        let names_change = |references: Vec<String>| references.iter().any(|root| root == "change");
        let in_row = row.as_ref().map(|row| {
            row.references().into_iter().map(|(_, reference)| reference.root.clone()).collect()
        });
        let in_name =
            collection.references().iter().map(|reference| reference.root.clone()).collect();
        let per_change = in_row.is_some_and(names_change) || names_change(in_name);
        let gone = self.reading.flag(&node, "gone");
        Some(OverlaySpec { collection, row, per_change, gone, keys, shape })
    }
}
