//! Values that nest as deep as a journal can keep: whoever gives one is told, and what was taken
//! is read again after a restart.

use std::sync::Arc;
use std::time::Duration;

use linchpin_engine::event::Outcome;
use linchpin_engine::store::Store;
use linchpin_language::{Value, json};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::SystemClock;
use linchpin_runtime::host::{Error, Start};

use crate::support::{host, object};

const FLOW: &str = "
flow: keeps
inputs: { given: { type: any, required: true } }
steps:
  - { id: told, wait: { signal: told } }
outputs: { given: inputs.given, told: told }
";

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

fn start(depth: usize) -> Start {
    let inputs = object(json!({ "given": nested(depth) }));
    Start { flow: "keeps".to_owned(), inputs, ..Start::default() }
}

#[tokio::test]
async fn what_nests_too_deep_is_refused_at_the_door_and_the_rest_is_read_after_a_restart() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let first = host(FLOW, store.clone(), Arc::new(SystemClock));
    let refused = first.start(start(100)).await.unwrap_err();
    assert!(matches!(refused, Error::Inputs { .. }), "{refused}");
    assert!(refused.to_string().contains("nests deeper than 100 levels"), "{refused}");

    // The inputs are an object around it, which is one level more; so are the outputs.
    let run = first.start(start(99)).await.unwrap().run;
    let refused = first.signal(&run, "told", nested(101), "billing").await.unwrap_err();
    assert!(refused.to_string().contains("nests deeper than 100 levels"), "{refused}");
    first.signal(&run, "told", nested(99), "billing").await.unwrap();
    first.stop(Duration::from_secs(5)).await;

    let second = host(FLOW, store, Arc::new(SystemClock));
    second.recover().await.unwrap();
    match second.wait(&run).await {
        Some(Outcome::Succeeded { outputs }) => {
            assert_eq!(*outputs, json!({ "given": nested(99), "told": nested(99) }));
        }
        other => panic!("{other:?}"),
    }
}
