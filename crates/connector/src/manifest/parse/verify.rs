//! `verify` of an action's file: how a lost answer is cleared up.

use linchpin_language::codes;

use super::File;
use crate::action::VerifyMode;
use crate::effect::Effect;
use crate::manifest::grammar;
use crate::manifest::request::{RequestSpec, parse_fail, parse_request};
use crate::manifest::verify::Verify;

impl File<'_, '_> {
    pub(super) fn verify(
        &mut self,
        effect: Option<Effect>,
        idempotent: bool,
        looks: &[RequestSpec],
    ) -> (Verify, VerifyMode) {
        let Some(node) = self.root.get("verify") else {
            let is_write = effect.is_some_and(Effect::is_write);
            if is_write && !idempotent {
                let message = "a write that is not idempotent needs `verify`";
                let help =
                    "say how a lost answer is cleared up, or `verify: { by: none, reason: ... }`";
                let mistake = self.root.error(codes::UNVERIFIABLE_WRITE, message).with_help(help);
                self.reading.diagnostics.push(mistake);
            }
            return (Verify::NotNeeded, VerifyMode::NotNeeded);
        };
        if !self.reading.mapping(&node, &grammar::VERIFY) {
            return (Verify::NotNeeded, VerifyMode::NotNeeded);
        }
        let settle = node.get("settle").and_then(|node| self.reading.duration(&node));
        if let Some(request) = node.get("request") {
            let spec = parse_request(self.reading, &request, self.protocol, &self.inputs);
            if request.get("found").is_none() {
                self.reading.error(&request, codes::MISSING_KEY, "`found` is missing");
            }
            return match spec {
                Some(spec) => {
                    (Verify::Request { settle, request: Box::new(spec) }, VerifyMode::Request)
                }
                None => (Verify::NotNeeded, VerifyMode::NotNeeded),
            };
        }
        let by = node.get("by").and_then(|by| self.reading.word(&by, &["look", "none"], parse_by));
        if by == Some(By::Look) {
            if looks.is_empty() {
                self.reading.error(&node, codes::BAD_MANIFEST, "`by: look` needs a `look`");
            }
            let always = self.reading.flag(&node, "always");
            let missing = node.get("missing").and_then(|node| parse_fail(self.reading, &node));
            return (Verify::Look { always, settle, missing }, VerifyMode::ByLook);
        }
        let reason = self.reading.string_at(&node, "reason");
        let reason = reason.or_else(|| self.reading.string_at(&node, "none"));
        if reason.is_none() {
            let message = "`verify` needs `by: look`, a `request`, or `by: none` with a `reason`";
            self.reading.error(&node, codes::MISSING_KEY, message);
        }
        let reason = reason.unwrap_or_default();
        (Verify::None { reason: reason.clone() }, VerifyMode::None { reason })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Look,
    None,
}

fn parse_by(word: &str) -> Option<By> {
    match word {
        "look" => Some(By::Look),
        "none" => Some(By::None),
        _ => None,
    }
}
