//! The state of the whole sandbox, behind one lock: tables, ledger, clock, switches, and the file that keeps them.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::clock::{self, Clock};
use crate::faults::Faults;
use crate::identity::{Identity, sha256_hex};
use crate::ledger::{Effect, Ledger, Request};
use crate::settings::Settings;
use crate::state_file::{Change, Line, StateFile};
use crate::tables::{COUNTERS, Rows, SeedContext, Tables};

/// What a write did, as its system tells it.
pub(crate) struct Deed<'a> {
    pub(crate) system: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) object: &'a str,
    pub(crate) key: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) body: Value,
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
    pub(crate) litmos: crate::litmos::Meter,
    /// What was tried of webhooks, oldest first.
    pub(crate) attempts: Vec<crate::webhooks::Attempt>,
    /// Rings when a webhook waits.
    pub(crate) bell: Arc<Notify>,
    tables: Tables,
    file: Option<StateFile>,
    /// The request being answered, and what it has done so far.
    request: u64,
    done: Vec<u64>,
}

impl World {
    pub(crate) fn new(seed: u64, clock: Clock, settings: Settings) -> Self {
        let identity = Identity::new(seed);
        World {
            identity,
            clock,
            settings,
            faults: Faults::default(),
            ledger: Ledger::default(),
            litmos: crate::litmos::Meter::default(),
            attempts: Vec::new(),
            bell: Arc::default(),
            tables: Tables::new(SeedContext { identity, now: clock.now() }),
            file: None,
            request: 0,
            done: Vec::new(),
        }
    }

    /// Replays what the file holds, and writes to it from now on.
    pub(crate) fn keep_in(&mut self, file: StateFile, lines: Vec<Line>) {
        for line in lines {
            for change in &line.changes {
                self.tables.apply(change);
            }
            if let Some(effect) = line.effect {
                // A process killed between effect and request leaves a number that must not come again.
                self.ledger.last_request = self.ledger.last_request.max(effect.request);
                self.ledger.effects.push(effect);
            }
            if let Some(request) = line.request {
                self.ledger.record(request);
            }
        }
        self.file = Some(file);
    }

    /// Lets go of the file, so that another sandbox may use it.
    pub(crate) fn close(&mut self) {
        self.file = None;
    }

    /// Begins anew, as at the first start.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.clear()?;
        }
        self.tables = Tables::new(SeedContext { identity: self.identity, now: self.now() });
        self.ledger = Ledger::default();
        self.litmos = crate::litmos::Meter::default();
        self.faults = Faults::default();
        self.attempts.clear();
        Ok(())
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn rows(&self, table: &str) -> &Rows {
        self.tables.rows(table)
    }

    pub(crate) fn row(&self, table: &str, key: &str) -> Option<&Value> {
        self.tables.rows(table).get(key)
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// A counter's next value, and the change that makes it so.
    pub(crate) fn next(&self, counter: &str, begin: u64) -> (u64, Change) {
        let last = self.row(COUNTERS, counter).and_then(Value::as_u64);
        let next = last.map_or(begin, |last| last + 1);
        (next, Change::put(COUNTERS, counter, json!(next)))
    }

    /// Makes a write take effect: first in the file, then in memory, then in the ledger.
    pub(crate) fn commit(&mut self, deed: Deed<'_>, mut changes: Vec<Change>) -> io::Result<()> {
        let waiting = crate::webhooks::waiting(self, &deed, &changes);
        let rings = !waiting.is_empty();
        changes.extend(waiting);
        let effect = Effect {
            n: self.ledger.effects.len() as u64 + 1,
            at: clock::iso(self.now()),
            system: deed.system.to_owned(),
            kind: deed.kind.to_owned(),
            object: deed.object.to_owned(),
            key: deed.key.to_owned(),
            identity: deed.identity.to_owned(),
            digest: sha256_hex(deed.body.to_string().as_bytes()),
            body: deed.body,
            request: self.request,
        };
        let line = Line { effect: Some(effect), changes, ..Line::default() };
        self.write(&line)?;
        if let Some(effect) = line.effect {
            self.done.push(effect.n);
            self.ledger.effects.push(effect);
        }
        if rings {
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Changes rows that are the sandbox's own bookkeeping, such as tokens given out.
    pub(crate) fn note(&mut self, changes: Vec<Change>) -> io::Result<()> {
        self.write(&Line { changes, ..Line::default() })
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(line)?;
        }
        for change in &line.changes {
            self.tables.apply(change);
        }
        Ok(())
    }

    /// The number of a request that has just arrived.
    pub(crate) fn arrived(&mut self) -> u64 {
        self.ledger.last_request += 1;
        self.ledger.last_request
    }

    /// Says which request the following effects belong to.
    pub(crate) fn serve(&mut self, request: u64) {
        self.request = request;
        self.done.clear();
    }

    /// The effects since `serve`.
    pub(crate) fn served(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.done)
    }

    /// Puts an answered request into the ledger; one that may write also goes into the file.
    pub(crate) fn record(&mut self, request: Request) -> io::Result<()> {
        if let Some(file) = &mut self.file
            && request.method != "GET"
        {
            file.append(&Line { request: Some(request.clone()), ..Line::default() })?;
        }
        self.ledger.record(request);
        Ok(())
    }
}
