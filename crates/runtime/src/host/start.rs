//! How a run begins to be: its inputs are read, its texts stored, its key claimed, and its first
//! entries are on disk before anybody is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_engine::event::{Accepted, VERSION};
use linchpin_engine::flow::Flow;
use linchpin_engine::plan::Program;
use linchpin_engine::store::{Error as StoreError, Expect};
use linchpin_engine::{Entry, Event, Run, RunId};
use linchpin_language::{Schema, Value, too_deep};
use tokio::sync::oneshot;

use super::keys::Claiming;
use super::{Error, Host, Ids, Start, Started, TEXTS, lock};
use crate::flows::facts;
use crate::snapshots::{Growth, Replayed};

impl Host {
    /// Starts a run. When it returns, the run is on disk and cannot be lost.
    pub async fn start(&self, start: Start) -> Result<Started, Error> {
        if *lock(&self.state.is_stopping) {
            return Err(Error::Stopping);
        }
        let key = start.key.as_ref().map(|key| format!("{}/{key}", start.flow));
        // Before anything else: a start that finds its run makes none.
        if let Some(key) = &key
            && let Some(run) = self.find(key).await?
        {
            return Ok(Started { run, is_new: false });
        }
        let (program, accepted) = self.accept(&start).await?;
        let _claiming = Claiming::new(&self.state, &accepted.run);
        if let Some(key) = &key
            && let Some(run) = self.claim(key, &accepted.run).await?
        {
            return Ok(Started { run, is_new: false });
        }
        let run = accepted.run.clone();
        let at = self.shared.clock.now();
        let first = Entry { at, event: Event::Accepted(Arc::new(accepted)) };
        let begun = Entry { at, event: Event::Begun };
        let unread = |why: linchpin_engine::run::Mismatch| Error::Refused {
            run: run.clone(),
            why: why.to_string(),
        };
        let mut state = Run::new(program, &first).map_err(unread)?;
        let mut entries = vec![first];
        if self.admit(&state).await? {
            state.apply(&begun).map_err(unread)?;
            entries.push(begun);
        }
        let (accepted, on_disk) = oneshot::channel();
        let new = Replayed { run: state, growth: Growth::default() };
        self.drive(new, (0, entries), Some(accepted));
        let error = match on_disk.await {
            Ok(Ok(())) => return Ok(Started { run, is_new: true }),
            Ok(Err(error)) => Error::Append(error),
            Err(_) => Error::Stopping,
        };
        // It never came to be.
        self.leave(&run);
        Err(error)
    }

    /// Reads the inputs and stores the texts: what the first event names.
    async fn accept(&self, start: &Start) -> Result<(Arc<Program>, Accepted), Error> {
        let flows = self.flows();
        let Some(loaded) = flows.get(&start.flow) else {
            let names = flows.iter().map(|loaded| loaded.flow.name.as_str());
            let near = linchpin_language::did_you_mean(&start.flow, names).map(str::to_owned);
            return Err(Error::UnknownFlow { name: start.flow.clone(), near });
        };
        let given = Value::Object(start.inputs.clone());
        let from_outside = [("the inputs", Some(&given)), ("the trigger", Some(&start.trigger))];
        let from_outside = from_outside.into_iter().chain([("the user", start.user.as_ref())]);
        if let Some(problem) = from_outside.into_iter().find_map(|(what, value)| {
            Some(format!("what is given as {what} {}", too_deep(value?)?))
        }) {
            return Err(Error::Inputs { flow: start.flow.clone(), problems: vec![problem] });
        }
        let inputs = Schema::coerce_fields(&loaded.flow.inputs, given).map_err(|mismatches| {
            let problems = mismatches.into_iter().map(|mismatch| mismatch.message).collect();
            Error::Inputs { flow: start.flow.clone(), problems }
        })?;
        let reachable = flows.reachable(&start.flow);
        let actions = facts(reachable.values().map(|loaded| &loaded.flow), &self.shared.catalog);
        let mut texts = BTreeMap::new();
        for (name, loaded) in &reachable {
            self.keep_text(&loaded.hash, &loaded.text).await?;
            texts.insert(name.clone(), loaded.hash.clone());
        }
        let run = self.new_id();
        let accepted = Accepted {
            version: VERSION,
            run,
            flow: start.flow.clone(),
            texts,
            actions,
            inputs: Arc::new(inputs),
            key: start.key.clone(),
            trigger: complete(&loaded.flow, start.trigger.clone()),
            user: start.user.clone(),
            aliases: start.aliases.clone(),
            dry_run: false,
        };
        Ok((self.program(&accepted).await?, accepted))
    }

    async fn keep_text(&self, hash: &str, text: &str) -> Result<(), Error> {
        let store = &self.shared.store;
        if store.get(TEXTS, hash).await?.is_some() {
            return Ok(());
        }
        match store.put(TEXTS, hash, text.as_bytes().to_vec(), Expect::Absent).await {
            Ok(_) | Err(StoreError::Changed { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn new_id(&self) -> RunId {
        let now = self.shared.clock.now();
        let at = std::time::UNIX_EPOCH
            + std::time::Duration::from_millis(now.as_millisecond().try_into().unwrap_or_default());
        let made = match &mut *lock(&self.state.ids) {
            Ids::Chance(ids) => ids.generate_from_datetime(at).unwrap_or_default(),
            Ids::Counted(next) => {
                *next += 1;
                ulid::Ulid::from_parts(now.as_millisecond().try_into().unwrap_or_default(), *next)
            }
        };
        let id = made.to_string().to_lowercase();
        RunId::parse(&id).expect("a ulid is 26 letters and digits")
    }
}

/// What started the run, with null for what only other triggers of the flow give: an author can
/// test it.
fn complete(flow: &Flow, mut trigger: Value) -> Value {
    if let Value::Object(fields) = &mut trigger {
        for name in flow.triggers.iter().flat_map(|trigger| trigger.value.fields()) {
            fields.entry(*name).or_insert(Value::Null);
        }
    }
    trigger
}
