//! What brings a run back: its texts, its journal, and the list of those that have not ended.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_engine::event::{Accepted, Control};
use linchpin_engine::plan::Program;
use linchpin_engine::run::Standing;
use linchpin_engine::{Entry, Event, Run, RunId};
use tokio::sync::oneshot;

use super::{Error, Host, TEXTS, lock};
use crate::snapshots::{self, Programs, Replayed};
use crate::summary::OPEN;

impl Host {
    /// The program of a run, from the texts that it started with.
    pub(crate) async fn program(&self, accepted: &Accepted) -> Result<Arc<Program>, Error> {
        if let Some(program) = lock(&self.state.programs).get(&accepted.texts) {
            return Ok(Arc::clone(program));
        }
        let mut texts = BTreeMap::new();
        for (name, hash) in &accepted.texts {
            let record = self.shared.store.get(TEXTS, hash).await?;
            let text = record.and_then(|record| String::from_utf8(record.value).ok());
            let text = text.ok_or_else(|| Error::Journal {
                run: accepted.run.clone(),
                why: format!("the text of the flow {name} is not in the store"),
            })?;
            texts.insert(name.clone(), text);
        }
        let program = Program::new(&accepted.flow, &texts, accepted.actions.clone())
            .map_err(|mistakes| Error::Broken(accepted.flow.clone(), mistakes))?;
        let program = Arc::new(program);
        lock(&self.state.programs).insert(accepted.texts.clone(), Arc::clone(&program));
        Ok(program)
    }

    /// The texts that a run started with and keeps to, by the names of their flows; its own flow
    /// first.
    pub async fn texts(&self, id: &RunId) -> Result<Vec<(String, String)>, Error> {
        let run = self.rebuilt(id).await?;
        let accepted = run.accepted();
        let mut texts = Vec::new();
        for (name, hash) in &accepted.texts {
            let record = self.shared.store.get(TEXTS, hash).await?;
            let text = record.and_then(|record| String::from_utf8(record.value).ok());
            texts.push((name.clone(), text.unwrap_or_default()));
        }
        texts.sort_by_key(|(name, _)| *name != accepted.flow);
        Ok(texts)
    }

    /// Brings back every run that has not ended. Returns them, and those that could not be
    /// brought back with the reason.
    pub async fn recover(&self) -> Result<(Vec<RunId>, Vec<(RunId, Error)>), Error> {
        let (mut recovered, mut failed) = (Vec::new(), Vec::new());
        let mut after: Option<String> = None;
        loop {
            let page = self.shared.store.list(OPEN, "", after.as_deref(), 256).await?;
            let Some(last) = page.last() else { return Ok((recovered, failed)) };
            after = Some(last.key.clone());
            for record in &page {
                let Some(run) = RunId::parse(&record.key) else { continue };
                if self.inbox(&run).is_some() {
                    continue;
                }
                match self.resume(&run).await {
                    Ok(()) => recovered.push(run),
                    Err(error) => failed.push((run, error)),
                }
            }
        }
    }

    /// Goes on with a run that has not ended and that nobody drives. Nothing changes for one
    /// that goes on already.
    pub async fn resume(&self, id: &RunId) -> Result<(), Error> {
        self.until_accepted(id).await;
        let _waking = self.state.waking.lock().await;
        if *lock(&self.state.is_stopping) {
            return Err(Error::Stopping);
        }
        if self.inbox(id).is_some() {
            return Ok(());
        }
        let replayed = self.replayed(id).await?;
        let run = &replayed.run;
        if run.outcome().is_some() {
            return Err(Error::Ended(id.clone()));
        }
        let (saved, waits) = (run.position(), !run.is_begun());
        let turn = self.line_up(run).await?;
        self.drive(replayed, (saved, Vec::new()), None);
        if waits {
            self.continues(id, turn);
        }
        Ok(())
    }

    /// Goes on with a run that nobody drives, from this event of a person: what it says holds
    /// before the run does anything. After `Ok` it is on disk.
    pub(super) async fn wake(&self, id: &RunId, event: Event) -> Result<(), Error> {
        if *lock(&self.state.is_stopping) {
            return Err(Error::Stopping);
        }
        let refused = |why: String| Error::Refused { run: id.clone(), why };
        let mut replayed = self.replayed(id).await?;
        let run = &mut replayed.run;
        let is_retry = matches!(event, Event::Controlled { control: Control::Retry, .. });
        let is_undo = matches!(event, Event::Controlled { control: Control::Undo, .. });
        if run.outcome().is_some() && !is_undo && !is_retry {
            return Err(Error::Ended(id.clone()));
        }
        if let Some(why) = run.refuses(&event) {
            return Err(refused(why));
        }
        let turn = self.line_up(run).await?;
        if is_retry {
            self.retake(run).await?;
        }
        let saved = run.position();
        let entry = Entry { at: self.clock().now(), event };
        run.apply(&entry).map_err(|why| refused(why.to_string()))?;
        let waits = !run.is_begun() && run.standing() != Standing::Cancelling;
        let (accepted, on_disk) = oneshot::channel();
        self.drive(replayed, (saved, vec![entry]), Some(accepted));
        match on_disk.await {
            Ok(Ok(())) => {
                if waits {
                    self.continues(id, turn);
                }
                Ok(())
            }
            Ok(Err(error)) => Err(Error::Append(error)),
            Err(_) => Err(Error::Stopping),
        }
    }

    /// A run as its journal makes it.
    pub async fn rebuilt(&self, id: &RunId) -> Result<Run, Error> {
        Ok(self.replayed(id).await?.run)
    }

    async fn replayed(&self, id: &RunId) -> Result<Replayed, Error> {
        snapshots::replay(&*self.shared.store, id, u64::MAX, &Programs::Kept(self)).await
    }

    /// Whether there is such a run.
    pub async fn find_run(&self, id: &RunId) -> Result<(), Error> {
        match self.shared.store.read(id, 0, 1).await?.is_empty() {
            true => Err(Error::UnknownRun(id.to_string())),
            false => Ok(()),
        }
    }

    /// A run as its journal makes it.
    pub async fn replay(&self, id: &RunId, entries: &[Entry]) -> Result<Run, Error> {
        let Some(Entry { event: Event::Accepted(accepted), .. }) = entries.first() else {
            return Err(Error::UnknownRun(id.to_string()));
        };
        let program = self.program(accepted).await?;
        Run::replay(program, entries)
            .map_err(|why| Error::Journal { run: id.clone(), why: why.to_string() })
    }

    /// The journal of a run.
    pub async fn entries(&self, id: &RunId) -> Result<Vec<Entry>, Error> {
        let lines = self.shared.store.read(id, 0, usize::MAX).await?;
        if lines.is_empty() {
            return Err(Error::UnknownRun(id.to_string()));
        }
        let entries = lines.iter().map(|line| serde_json::from_slice(line));
        entries
            .collect::<Result<_, _>>()
            .map_err(|why| Error::Journal { run: id.clone(), why: why.to_string() })
    }
}
