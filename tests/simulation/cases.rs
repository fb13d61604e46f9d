//! What is played: the flows of the repository, those that are there to be killed, and made ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use linchpin_connector::Spoke;
use linchpin_engine::catalog::Catalog;
use linchpin_engine::store::Records;
use linchpin_language::{Map, Schema, Type, Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::connections::{Connections, ConnectionsFile, Options};
use linchpin_runtime::flows::Flows;
use linchpin_runtime::host::Start;
use linchpin_runtime::{MasterKey, SystemClock, Vault};

use super::actions::{self, Kind};
use super::made;
use crate::support;

/// A flow with everything that a host needs for it.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) start: Start,
    pub(super) flows: Flows,
    pub(super) catalog: Arc<Catalog>,
    pub(super) connections: Arc<Connections>,
    /// Whether somebody may cancel its runs.
    pub(super) is_cancelled: bool,
}

/// A value of a type.
fn something(schema: &Schema) -> Value {
    if let Some(value) = schema.example.as_ref().or(schema.choices.first()) {
        return value.clone();
    }
    match &schema.ty {
        Type::List(items) => json!([something(items)]),
        Type::Object(_) => json!({}),
        Type::Integer => json!(1),
        Type::Number => json!(0.5),
        Type::Boolean => json!(true),
        Type::Email => json!("ana@example.test"),
        Type::Date => json!("2026-03-10"),
        Type::Datetime => json!("2026-03-10T12:00:00Z"),
        Type::Duration => json!("1h"),
        Type::Url => json!("https://example.test"),
        Type::String | Type::Path | Type::Secret | Type::Any => json!("NET101"),
    }
}

/// What stands behind the flows, made once.
#[derive(Clone)]
struct Behind {
    catalog: Arc<Catalog>,
    connections: Arc<Connections>,
}

impl Behind {
    fn of(spokes: BTreeMap<String, Arc<Spoke>>, aliases: &[(String, String)]) -> Self {
        let key = MasterKey::from_bytes([7; 32]);
        let vault = Vault::new(Arc::new(MemoryStore::new()) as Arc<dyn Records>, key);
        let connections = Connections::new(
            ConnectionsFile::default(),
            spokes.clone(),
            Arc::new(vault),
            Arc::new(SystemClock),
            Options::default(),
        );
        for (alias, spoke) in aliases {
            let bound = connections.bind(alias, spoke, Map::new(), BTreeMap::new());
            bound.expect("the spokes of a simulation ask for nothing");
        }
        let catalog = Arc::new(Catalog { spokes, ..Catalog::default() });
        Self { catalog, connections: Arc::new(connections) }
    }
}

/// The cases of a simulation.
pub(super) struct Cases {
    examples: Vec<Case>,
    made: [Behind; 3],
}

impl Cases {
    pub(super) fn new() -> Self {
        let flows = support::flows();
        let own = &flows;
        let aliases = flows.iter().flat_map(|loaded| &loaded.flow.connections);
        let aliases = aliases.map(|(alias, spoke)| (alias.clone(), spoke.value.clone()));
        let behind = Behind::of(actions::bundled(), &aliases.collect::<Vec<_>>());
        let user = Some(json!({ "email": "kim.lo@example.test" }));
        let examples = own.iter().map(|loaded| {
            let name = loaded.flow.name.clone();
            let reached = own.reachable(&name);
            let inputs = match name.as_str() {
                "assign_courses" => json!({ "incident": "INC0010001", "courses": ["NET101"] }),
                "made_by_another" | "queued" => json!({ "email": "apart@example.test" }),
                _ => json!({}),
            };
            let mut inputs = inputs.as_object().cloned().unwrap_or_default();
            // A flow that is new here gets something of each type that it must have.
            for (name, schema) in loaded.flow.inputs.iter().filter(|(_, schema)| schema.required) {
                inputs.entry(name.clone()).or_insert_with(|| something(schema));
            }
            let start =
                Start { flow: name.clone(), inputs, user: user.clone(), ..Start::default() };
            let flows = own.clone().only(|one| reached.contains_key(&one.flow.name));
            let Behind { catalog, connections } = behind.clone();
            Case { name, start, flows, catalog, connections, is_cancelled: true }
        });
        let sys = |kind| {
            let spokes = BTreeMap::from([("sys".to_owned(), actions::sys(kind))]);
            Behind::of(spokes, &[("sys".to_owned(), "sys".to_owned())])
        };
        Self {
            examples: examples.collect(),
            made: [Kind::Verified, Kind::Looked, Kind::Idempotent].map(sys),
        }
    }

    pub(super) fn examples(&self) -> &[Case] {
        &self.examples
    }

    /// The made flow of a seed.
    pub(super) fn made(&self, seed: u64) -> Case {
        let made = made::make(seed);
        let texts = [("made.yaml", made.flow), ("inner.yaml", made.subflow)];
        let texts = texts.map(|(file, text)| (PathBuf::from(file), text));
        let (flows, mistakes) = Flows::parse(texts.to_vec());
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let at = usize::try_from(seed % 3).unwrap_or_default();
        let Behind { catalog, connections } = self.made[at].clone();
        let user: Option<Value> = Some(json!({ "email": "kim.lo@example.test" }));
        let start = Start { flow: "made".to_owned(), user, ..Start::default() };
        let (name, is_cancelled) = (format!("the made flow {seed}"), made.cancel_after.is_some());
        Case { name, start, flows, catalog, connections, is_cancelled }
    }
}
