//! What an action does to the world. Retry, journaling, dry run, undo and limits all follow from it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The effect an action declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing; a dry run executes it.
    Read,
    /// Reads, compares, and writes only what differs.
    Ensure,
    /// Makes something new.
    Create,
    /// Changes something that exists.
    Update,
    /// Removes something.
    Delete,
    /// Tells somebody: it can be neither seen afterwards nor taken back.
    Send,
    /// Touches no other system.
    None,
}

impl Effect {
    /// Every effect.
    pub const ALL: &'static [Effect] = &[
        Effect::Read,
        Effect::Ensure,
        Effect::Create,
        Effect::Update,
        Effect::Delete,
        Effect::Send,
        Effect::None,
    ];

    /// The word used in manifests, limits and journals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Ensure => "ensure",
            Effect::Create => "create",
            Effect::Update => "update",
            Effect::Delete => "delete",
            Effect::Send => "send",
            Effect::None => "none",
        }
    }

    /// The effect of that word, if it is one.
    pub fn parse(word: &str) -> Option<Effect> {
        Effect::ALL.iter().copied().find(|effect| effect.as_str() == word)
    }

    /// Whether the action may change another system: such a call is journaled before it is sent.
    pub fn is_write(self) -> bool {
        !matches!(self, Effect::Read | Effect::None)
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_reads_back_and_only_read_and_none_write_nothing() {
        for effect in Effect::ALL {
            assert_eq!(Effect::parse(effect.as_str()), Some(*effect));
        }
        let quiet: Vec<_> = Effect::ALL.iter().filter(|effect| !effect.is_write()).collect();
        assert_eq!(quiet, [&Effect::Read, &Effect::None]);
    }
}
