//! The people and systems that a run waits for: they say each thing once, when it is asked.

use linchpin_engine::RunId;
use linchpin_engine::run::{Standing, Waiting};
use linchpin_language::{Map, Value, json};
use linchpin_runtime::host::Host;
use linchpin_runtime::people::Judgement;

/// Says what a run waits for until it ends.
pub(super) async fn attend(host: &Host, run: &RunId) {
    let mut entries = host.watch();
    loop {
        if host.standing(run).await == Some(Standing::Waiting) {
            say(host, run).await;
        }
        // Whatever comes may be the beginning of a wait; a watcher that lags looks again.
        if let Err(tokio::sync::broadcast::error::RecvError::Closed) = entries.recv().await {
            return;
        }
    }
}

async fn say(host: &Host, run: &RunId) {
    let open = host.look(run, |run| run.open_steps()).await.unwrap_or_default();
    for step in open {
        // The run may have gone on meanwhile: then there is nothing to say any more.
        match step.waiting {
            Some(Waiting::Signal { name }) => {
                let payload = json!({ "email": "signal@example.test" });
                drop(host.signal(run, &name, payload, "shop").await);
            }
            Some(Waiting::Approval { .. }) => {
                let judgement = Judgement { approved: true, note: None, values: name("approved") };
                drop(host.judge(run, None, judgement, "lead@example.test").await);
            }
            Some(Waiting::Answer { .. }) => {
                drop(host.answer(run, None, name("answered"), "kim.lo@example.test").await);
            }
            _ => {}
        }
    }
}

fn name(name: &str) -> Map<String, Value> {
    Map::from_iter([("name".to_owned(), name.into())])
}
