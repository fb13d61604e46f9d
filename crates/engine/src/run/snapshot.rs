//! A run as bytes, so that a long journal need not be read from its beginning again.
//!
//! A snapshot is the whole state of a run after so many entries of its journal. It is made by one
//! version of the program for itself: any other reads the journal. What is under way in the
//! process keeps its number, so that a host can take up its timers under the same ones; a run that
//! was only replayed has nothing under way.

use std::cell::RefCell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Run;
use super::state::Mismatch;
use crate::event::Accepted;
use crate::plan::Program;

/// What made a snapshot: its state is read by the same alone.
const MAKER: &str = env!("CARGO_PKG_VERSION");

thread_local! {
    /// What the state that is being read belongs to.
    static READING: RefCell<Option<(Arc<Program>, Arc<Accepted>)>> = const { RefCell::new(None) };
}

/// A snapshot whose state is not read yet.
#[derive(Debug)]
pub struct Snapshot<'a> {
    accepted: Arc<Accepted>,
    state: &'a [u8],
}

#[derive(Serialize)]
struct Head<'a> {
    maker: &'a str,
    accepted: &'a Accepted,
}

#[derive(Deserialize)]
struct ReadHead {
    maker: String,
    accepted: Arc<Accepted>,
}

impl Run {
    /// The run as it stands: two lines of JSON.
    pub fn snapshot(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec(&Head { maker: MAKER, accepted: &self.accepted })?;
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }
}

impl<'a> Snapshot<'a> {
    /// Reads what a snapshot is of; `None` when another version of the program made it.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (head, state) = bytes.split_at(end);
        let head: ReadHead = serde_json::from_slice(head).ok()?;
        (head.maker == MAKER).then_some(Self { accepted: head.accepted, state })
    }

    /// The first event of the run.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }

    /// The run as it stood, with the program that its first event names.
    pub fn restore(self, program: Arc<Program>) -> Result<Run, Mismatch> {
        let before = READING.replace(Some((program, self.accepted)));
        let run = serde_json::from_slice(self.state);
        READING.set(before);
        run.map_err(|why| Mismatch(format!("the snapshot cannot be read: {why}")))
    }
}

/// The program of the run that is being read.
pub(super) fn program() -> Arc<Program> {
    reading().0
}

/// The first event of the run that is being read.
pub(super) fn accepted() -> Arc<Accepted> {
    reading().1
}

fn reading() -> (Arc<Program>, Arc<Accepted>) {
    READING.with_borrow(Clone::clone).expect("`restore` alone reads a state")
}

/// Whether a field says nothing, and so can be left out.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A plan is written as the name of its flow.
pub(super) mod plan {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Arc, reading};
    use crate::plan::Plan;

    pub(in crate::run) fn serialize<S: Serializer>(
        plan: &Arc<Plan>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&plan.flow.name)
    }

    pub(in crate::run) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<Plan>, D::Error> {
        let name = String::deserialize(deserializer)?;
        let plan = reading().0.flows.get(&name).cloned();
        plan.ok_or_else(|| D::Error::custom(format!("the run has no flow {name}")))
    }
}

/// A map whose keys are no texts is written as a list of its pairs.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::run) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(in crate::run) fn deserialize<'de, D, K, V>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
