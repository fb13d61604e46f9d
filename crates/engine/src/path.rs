//! Where a step stands in a run: `enrol[17].assign`, `gate/then.notify`, `/on_error.report`.
//!
//! What follows the step around it tells which of its blocks, and which time:
//!
//! | path | the step |
//! |---|---|
//! | `enrol[17].assign` | in the 18th iteration of the `for_each` `enrol` |
//! | `poll[3].look` | in the 4th time of the `repeat` `poll` |
//! | `gather/emails.send` | in the branch `emails` of the `parallel` `gather` |
//! | `route/row_2.notify`, `route/default.notify` | in the second row, or the default, of the `decide` `route` |
//! | `gate/then.x`, `gate/else_if_1.x`, `gate/else.x` | in an arm of the `if` `gate` |
//! | `guard/try.x`, `guard/catch_1.x`, `guard/finally.x` | in a part of the `try` `guard` |
//! | `call/on_error.x`, `/on_error.x` | in the handler of the step `call`, or of the flow |
//! | `sub/flow.x` | in the subflow that the step `sub` calls |

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::flow::Arm;

/// The place of a step in a run. Written as its segments: a step's id after a dot, the number
/// of an iteration (from 0) in brackets, a block's label after a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StepPath(Vec<Segment>);

/// One part of a [`StepPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A step of the current list.
    Step(Arc<str>),
    /// An iteration of the loop before it, from 0.
    Item(u64),
    /// A block of the step before it, or of the flow.
    Arm(Arm),
    /// A branch of the `parallel` before it, by its name.
    Branch(Arc<str>),
}

impl StepPath {
    /// The path one segment deeper.
    pub fn with(&self, segment: Segment) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment);
        Self(segments)
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The id or `#n` of the step itself.
    pub fn leaf(&self) -> &str {
        match self.0.last() {
            Some(Segment::Step(name)) => name,
            Some(Segment::Item(_) | Segment::Arm(_) | Segment::Branch(_)) | None => "",
        }
    }

    pub(crate) fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Step(name) if at == 0 => f.write_str(name)?,
                Segment::Step(name) => write!(f, ".{name}")?,
                Segment::Item(index) => write!(f, "[{index}]")?,
                Segment::Arm(arm) => write!(f, "/{arm}")?,
                Segment::Branch(name) => write!(f, "/{name}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("steps"),
            Self::Then(0) => f.write_str("then"),
            Self::Then(n) => write!(f, "else_if_{n}"),
            Self::Else => f.write_str("else"),
            Self::Try => f.write_str("try"),
            Self::Catch(n) => write!(f, "catch_{}", n + 1),
            Self::Finally => f.write_str("finally"),
            Self::OnError => f.write_str("on_error"),
            Self::OnCancel => f.write_str("on_cancel"),
            Self::Flow => f.write_str("flow"),
            Self::Branch(n) => write!(f, "branch_{}", n + 1),
            Self::Row(n) => write!(f, "row_{}", n + 1),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A text that is no path of a step.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not the path of a step")]
pub struct NotAPath(String);

impl FromStr for StepPath {
    type Err = NotAPath;

    fn from_str(text: &str) -> Result<Self, NotAPath> {
        let wrong = || NotAPath(text.to_owned());
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, used) = if let Some(tail) = rest.strip_prefix('[') {
                let end = tail.find(']').ok_or_else(wrong)?;
                (Segment::Item(tail[..end].parse().map_err(|_| wrong())?), end + 2)
            } else {
                let skip = usize::from(rest.starts_with(['.', '/']));
                let word = &rest[skip..];
                let end = word.find(['.', '/', '[']).unwrap_or(word.len());
                if end == 0 {
                    return Err(wrong());
                }
                let segment = if rest.starts_with('/') {
                    block(&word[..end]).ok_or_else(wrong)?
                } else {
                    Segment::Step(word[..end].into())
                };
                (segment, skip + end)
            };
            segments.push(segment);
            rest = &rest[used..];
        }
        Ok(Self(segments))
    }
}

/// What stands after a slash: a label of ours, else the name of a branch.
fn block(label: &str) -> Option<Segment> {
    let is_name = !is_label(label) && crate::parse::is_id(label);
    let branch = || is_name.then(|| Segment::Branch(label.into()));
    arm(label).map(Segment::Arm).or_else(branch)
}

/// Whether paths use a word for a block of their own, so that no branch can have it as its name.
pub(crate) fn is_label(word: &str) -> bool {
    let numbered = |prefix| word.strip_prefix(prefix).is_some_and(|n| n.parse::<usize>().is_ok());
    arm(word).is_some() || ["else_if_", "catch_", "row_"].into_iter().any(numbered)
}

fn arm(label: &str) -> Option<Arm> {
    let number = |prefix| label.strip_prefix(prefix).and_then(|n: &str| n.parse::<usize>().ok());
    Some(match label {
        "steps" => Arm::Body,
        "then" => Arm::Then(0),
        "else" => Arm::Else,
        "try" => Arm::Try,
        "finally" => Arm::Finally,
        "on_error" => Arm::OnError,
        "on_cancel" => Arm::OnCancel,
        "flow" => Arm::Flow,
        "default" => Arm::Default,
        _ => match (number("else_if_"), number("catch_"), number("row_")) {
            (Some(n), _, _) => Arm::Then(n),
            (_, Some(n), _) => Arm::Catch(n.checked_sub(1)?),
            (_, _, Some(n)) => Arm::Row(n.checked_sub(1)?),
            (None, None, None) => return None,
        },
    })
}

impl Serialize for Arm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Arm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let label = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        arm(&label).ok_or_else(|| serde::de::Error::custom(format!("no block is named {label}")))
    }
}

impl Serialize for StepPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_it_prints() {
        for text in [
            "enrol[17].assign",
            "gate/then.notify",
            "gate/else_if_2.x[0].y/catch_1.#3",
            "/on_error.report",
            "sub/flow/finally.x",
            "poll[3].look",
            "gather/emails.send",
            "route/row_2.notify",
            "route/default.notify",
            "",
        ] {
            let path: StepPath = text.parse().expect(text);
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["a[", "a[x]", "a..b", "a/No-where.b", "a/catch_0.b"] {
            assert!(text.parse::<StepPath>().is_err(), "{text}");
        }
    }
}
