//! A manifest's action: the phases of a call, each from its texts and expressions.

use std::sync::Arc;

use async_trait::async_trait;
use linchpin_language::{Map, Truth, Value, as_unknown, json, unknown};
use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionSpec, Call, Look, Page, Simulated, Undo, Verdict, Wrote};
use crate::effect::Effect;
use crate::error::{ActionError, ErrorKind};
use crate::manifest::build::{Built, build, readable_path};
use crate::manifest::exchange::{Exchange, Rows, whole};
use crate::manifest::names::Names;
use crate::manifest::overlay;
use crate::manifest::paging::Position;
use crate::manifest::parse::ParsedAction;
use crate::manifest::protocol::Protocol;
use crate::manifest::request::{FailSpec, RequestSpec, Sending, What};
use crate::manifest::shape::identity;

/// An action written as data.
pub(crate) struct ManifestAction {
    pub(crate) protocol: Arc<Protocol>,
    pub(crate) parsed: ParsedAction,
}

/// Where a stream stands: which of its sources, and where in it.
#[derive(Serialize, Deserialize)]
struct StreamCursor {
    source: usize,
    #[serde(default)]
    kept: usize,
    position: Position,
}

impl ManifestAction {
    pub(crate) fn exchange<'a>(&'a self, call: &'a Call<'a>) -> Exchange<'a> {
        Exchange { protocol: &self.protocol, call }
    }

    /// The names every phase has; an input that was not given is null.
    pub(crate) fn base_names(&self, call: &Call<'_>) -> Names {
        let mut inputs = call.inputs.as_object().cloned().unwrap_or_default();
        for name in self.parsed.spec.inputs.keys().filter(|name| name.as_str() != "*") {
            inputs.entry(name.clone()).or_insert(Value::Null);
        }
        let mut names = Names::default();
        names.set("inputs", Value::Object(inputs));
        names.set("connection", self.protocol.connection_values(call.connection));
        names.set("call", json!({ "key": call.key, "now": call.now.to_string() }));
        names
    }

    /// The names after the look.
    pub(crate) fn names_after_look(&self, call: &Call<'_>, look: &Look) -> Names {
        let mut names = self.base_names(call);
        names.set("look", look.found.clone());
        names.set("changes", Value::Array(look.changes.clone()));
        names.compute(&self.parsed.lets);
        names
    }

    /// The names of one write.
    pub(crate) fn names_of_chunk(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
        spec: &RequestSpec,
    ) -> Names {
        let mut names = self.names_after_look(call, look);
        let part = self.chunk_of(look, chunk);
        if let [change] = part {
            names.set("change", change.clone());
        }
        names.set("chunk", Value::Array(part.to_vec()));
        names.compute(&self.parsed.lets);
        names.compute(&spec.lets);
        names
    }

    /// The changes of one write.
    pub(crate) fn chunk_of<'l>(&self, look: &'l Look, chunk: u32) -> &'l [Value] {
        let size = self.write_of(look).and_then(|(_, sending)| sending.chunks_of);
        let Some(size) = size.map(|size| size as usize) else { return &look.changes };
        let start = (chunk as usize).saturating_mul(size).min(look.changes.len());
        let end = start.saturating_add(size).min(look.changes.len());
        &look.changes[start..end]
    }

    /// The write that a look has chosen.
    pub(crate) fn write_of(&self, look: &Look) -> Option<(&RequestSpec, &Sending)> {
        let spec = self.parsed.writes.get(look.variant.unwrap_or_default())?;
        match &spec.what {
            What::Send(sending) => Some((spec, sending)),
            What::Fail(_) => None,
        }
    }

    /// Makes every look request, in order; each sees the earlier ones.
    async fn look_around(&self, call: &Call<'_>) -> Result<Names, ActionError> {
        let exchange = self.exchange(call);
        let mut names = self.base_names(call);
        let mut found = Map::new();
        names.set("look", json!({}));
        names.compute(&self.parsed.lets);
        for spec in &self.parsed.looks {
            let mut inner = names.clone();
            inner.compute(&spec.lets);
            let holds = match &spec.when {
                None => Truth::True,
                Some(when) => inner.truth(when)?,
            };
            let value = match (&spec.what, holds) {
                (What::Fail(fail), Truth::True) => return Err(raised(fail, &inner)),
                (What::Fail(_), _) => continue,
                (What::Send(sending), Truth::False) => {
                    if sending.one.is_some() {
                        Value::Null
                    } else {
                        json!([])
                    }
                }
                (What::Send(_), Truth::Unknown) => self.unknown_rows(call, spec),
                (What::Send(sending), Truth::True) => {
                    let rows = exchange.rows(sending, &inner).await?;
                    self.pick(call, spec, sending, rows, &inner, &found)?
                }
            };
            found.insert(spec.id.clone().unwrap_or_else(|| "rows".to_owned()), value);
            names.set("look", Value::Object(found.clone()));
            names.compute(&self.parsed.lets);
        }
        Ok(names)
    }

    fn unknown_rows(&self, call: &Call<'_>, spec: &RequestSpec) -> Value {
        let id = spec.id.as_deref().unwrap_or("rows");
        let label = format!("{id} of {}", self.parsed.spec.name);
        unknown(&format!("{}.look.{id}", call.key), "any", &label)
    }

    /// All rows, or with `one` the one that was meant.
    fn pick(
        &self,
        call: &Call<'_>,
        spec: &RequestSpec,
        sending: &Sending,
        rows: Rows,
        names: &Names,
        found: &Map<String, Value>,
    ) -> Result<Value, ActionError> {
        let rows = match rows {
            Rows::Known(rows) => Value::Array(rows),
            Rows::Unknown => return Ok(self.unknown_rows(call, spec)),
        };
        let Some(one) = &sending.one else { return Ok(rows) };
        let mut found = found.clone();
        found.insert(spec.id.clone().unwrap_or_else(|| "rows".to_owned()), rows.clone());
        let mut names = names.with("look", Value::Object(found));
        names.compute(&spec.lets);
        let picked = match &one.rows {
            None => rows,
            Some(expression) => names.eval(expression)?,
        };
        if as_unknown(&picked).is_some() {
            return Ok(picked);
        }
        let message = |otherwise: &str| {
            let own = one.message.as_ref().and_then(|text| names.render_string(text).ok());
            own.unwrap_or_else(|| otherwise.to_owned())
        };
        match picked {
            Value::Null => missing_one(one.must_exist, &message("there is no such record")),
            Value::Array(rows) if rows.is_empty() => {
                missing_one(one.must_exist, &message("there is no such record"))
            }
            Value::Array(mut rows) if rows.len() == 1 => Ok(rows.remove(0)),
            Value::Array(rows) => {
                let message = format!("{} records match where one was meant", rows.len());
                Err(ActionError::new(ErrorKind::Conflict, message))
            }
            row => Ok(row),
        }
    }

    /// What differs; without `changes` the inputs themselves are the one change.
    fn changes(&self, names: &Names) -> Result<Vec<Value>, ActionError> {
        let Some(expression) = &self.parsed.changes else {
            return Ok(vec![names.value("inputs").clone()]);
        };
        match names.eval(expression)? {
            Value::Null => Ok(Vec::new()),
            Value::Array(changes) => Ok(changes),
            other => Ok(vec![other]),
        }
    }

    /// The first write whose `when` holds, if there is one.
    fn variant(&self, names: &Names) -> Result<Option<usize>, ActionError> {
        for (index, spec) in self.parsed.writes.iter().enumerate() {
            let mut names = names.clone();
            names.compute(&spec.lets);
            let holds = match &spec.when {
                None => Truth::True,
                Some(when) => names.truth(when)?,
            };
            match (&spec.what, holds) {
                (_, Truth::False) => {}
                (What::Fail(fail), Truth::True) => return Err(raised(fail, &names)),
                (What::Fail(_), Truth::Unknown) => {}
                (What::Send(_), _) => return Ok(Some(index)),
            }
        }
        Ok(None)
    }

    /// What the chosen write does, as far as it can be told before.
    fn effect_before(&self, sending: &Sending, names: &Names) -> Effect {
        let declared = self.parsed.spec.effect;
        if let Some(effect) = effect_is(sending, names) {
            return effect;
        }
        match (declared, sending.method.as_str()) {
            (Effect::Ensure, "POST") => Effect::Create,
            (Effect::Ensure, "DELETE") => Effect::Delete,
            (Effect::Ensure, _) => Effect::Update,
            _ => declared,
        }
    }

    async fn send_write(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
    ) -> Result<Wrote, ActionError> {
        let Some((spec, sending)) = self.write_of(look) else {
            return Err(ActionError::new(ErrorKind::Internal, "this action writes nothing"));
        };
        let names = self.names_of_chunk(call, look, chunk, spec);
        let request = match build(sending, &self.protocol, &names)? {
            Built::Ready(request) => request,
            Built::Unknown(_) => {
                let message = "a value of this write is not known";
                return Err(ActionError::new(ErrorKind::Internal, message));
            }
        };
        let exchange = self.exchange(call);
        let Some(answer) = exchange.send(sending, request, &names, true).await? else {
            return Ok(Wrote::new(Value::Null, 0, look.effect));
        };
        let effect = effect_is(sending, &names.with("answer", answer.value.clone()));
        let value = exchange.select(sending, &answer, &names)?;
        Ok(Wrote::new(value, answer.status, effect.unwrap_or(look.effect)))
    }

    /// Somebody was faster: looks again, and does what is still to do.
    async fn after_conflict(
        &self,
        call: &Call<'_>,
        look: &Look,
        error: ActionError,
    ) -> Result<Wrote, ActionError> {
        let fresh = self.look(call).await?;
        let mut wrote = if fresh.chunks == 0 {
            Wrote::new(Value::Null, 0, Effect::None)
        } else if fresh == *look || fresh.chunks > 1 {
            return Err(error);
        } else {
            self.send_write(call, &fresh, 0).await?
        };
        wrote.look = Some(fresh.found);
        Ok(wrote)
    }

    /// The source of a stream or read that holds here.
    fn source(&self, names: &Names) -> Result<Option<usize>, ActionError> {
        for (index, spec) in self.parsed.read_from.iter().enumerate() {
            let mut names = names.clone();
            names.compute(&spec.lets);
            let holds = match &spec.when {
                None => Truth::True,
                Some(when) => names.truth(when)?,
            };
            match (&spec.what, holds) {
                (_, Truth::False) => {}
                (What::Fail(fail), _) => return Err(raised(fail, &names)),
                (What::Send(_), _) => return Ok(Some(index)),
            }
        }
        Ok(None)
    }

    fn kept(&self, names: &Names, rows: Vec<Value>) -> Result<Vec<Value>, ActionError> {
        let Some(keep) = &self.parsed.keep else { return Ok(rows) };
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if names.row_truth(keep, &row)? != Truth::False {
                kept.push(row);
            }
        }
        Ok(kept)
    }

    fn stream_max(&self, names: &Names) -> Result<Option<usize>, ActionError> {
        match &self.parsed.stream_max {
            None => Ok(None),
            Some(text) => whole(&names.render(text)?, "max"),
        }
    }

    /// The source at an index, and its names.
    fn sending_at(&self, index: usize, names: &Names) -> Option<(&Sending, Names)> {
        let spec = self.parsed.read_from.get(index)?;
        let What::Send(sending) = &spec.what else { return None };
        let mut names = names.clone();
        names.compute(&spec.lets);
        Some((sending, names))
    }

    /// Rows of `read_from` in an action that is no stream stand as `look.rows`.
    async fn read_source(&self, call: &Call<'_>, names: &mut Names) -> Result<(), ActionError> {
        let Some(index) = self.source(names)? else { return Ok(()) };
        let Some((sending, inner)) = self.sending_at(index, names) else { return Ok(()) };
        let rows = match self.exchange(call).rows(sending, &inner).await? {
            Rows::Known(rows) => Value::Array(self.kept(&inner, rows)?),
            Rows::Unknown => unknown(&format!("{}.rows", call.key), "any", "rows"),
        };
        let mut found = names.value("look").as_object().cloned().unwrap_or_default();
        found.insert("rows".to_owned(), rows);
        names.set("look", Value::Object(found));
        Ok(())
    }
}

#[async_trait]
impl Action for ManifestAction {
    fn spec(&self) -> &ActionSpec {
        &self.parsed.spec
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        let mut names = self.look_around(call).await?;
        self.read_source(call, &mut names).await?;
        names.set("after", names.value("look").clone());
        names.compute(&self.parsed.lets);
        self.outputs(&names)
    }

    async fn page(&self, call: &Call<'_>, cursor: Option<&Value>) -> Result<Page, ActionError> {
        let names = self.look_around(call).await?;
        let at = match cursor {
            Some(cursor) => StreamCursor::deserialize(cursor)
                .map_err(|_| ActionError::new(ErrorKind::Internal, "unreadable stream cursor"))?,
            None => StreamCursor {
                source: self.source(&names)?.ok_or_else(no_source)?,
                kept: 0,
                position: Position::default(),
            },
        };
        let (sending, names) = self.sending_at(at.source, &names).ok_or_else(no_source)?;
        let max = self.stream_max(&names)?;
        let exchange = self.exchange(call);
        let (rows, next) = match build(sending, &self.protocol, &names)? {
            Built::Ready(_) if max.is_some_and(|max| at.kept >= max) => (Vec::new(), None),
            Built::Ready(request) => {
                let page = exchange.page(sending, &request, &at.position, &names).await?;
                let last = page.next.is_none();
                (overlay::merge(&exchange, sending, &names, page.rows, last)?, page.next)
            }
            Built::Unknown(_) => match exchange.rows(sending, &names).await? {
                Rows::Known(rows) => (rows, None),
                Rows::Unknown => (vec![self.symbolic_row(call)], None),
            },
        };
        let mut rows = self.kept(&names, rows)?;
        let left = max.map_or(usize::MAX, |max| max.saturating_sub(at.kept));
        let is_full = rows.len() >= left;
        rows.truncate(left);
        let keys = sending.shape.as_ref().map(|shape| shape.keys.as_slice()).unwrap_or_default();
        let keys = rows.iter().map(|row| identity(row, keys)).collect();
        let kept = at.kept + rows.len();
        let next = next
            .filter(|_| !is_full)
            .map(|position| json!({ "source": at.source, "kept": kept, "position": position }));
        Ok(Page { rows, keys, cursor: next })
    }

    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let mut names = self.look_around(call).await?;
        let found = names.value("look").clone();
        let changes = self.changes(&names)?;
        names.set("changes", Value::Array(changes.clone()));
        names.compute(&self.parsed.lets);
        let variant = if changes.is_empty() { None } else { self.variant(&names)? };
        let mut look = Look { found, changes, effect: self.parsed.spec.effect, chunks: 0, variant };
        let Some(index) = variant else { return Ok(look) };
        if let What::Send(sending) = &self.parsed.writes[index].what {
            names.compute(&self.parsed.writes[index].lets);
            look.effect = self.effect_before(sending, &names);
            look.chunks = match sending.chunks_of {
                Some(size) => u32::try_from(look.changes.len()).unwrap_or(u32::MAX).div_ceil(size),
                None => 1,
            };
        }
        Ok(look)
    }

    async fn write(&self, call: &Call<'_>, look: &Look, chunk: u32) -> Result<Wrote, ActionError> {
        match self.send_write(call, look, chunk).await {
            Err(error)
                if error.kind == ErrorKind::Conflict
                    && self.parsed.spec.effect == Effect::Ensure
                    && !self.parsed.looks.is_empty()
                    && look.chunks == 1 =>
            {
                self.after_conflict(call, look, error).await
            }
            result => result,
        }
    }

    async fn verify(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
    ) -> Result<Verdict, ActionError> {
        self.verify_chunk(call, look, chunk).await
    }

    async fn finish(
        &self,
        call: &Call<'_>,
        look: &Look,
        wrote: &[Wrote],
    ) -> Result<Value, ActionError> {
        let names = self.names_after_write(call, look, wrote).await?;
        self.outputs(&names)
    }

    fn simulate(&self, call: &Call<'_>, look: &Look) -> Result<Simulated, ActionError> {
        self.simulated(call, look)
    }

    fn undo(
        &self,
        call: &Call<'_>,
        look: &Look,
        wrote: &[Wrote],
    ) -> Result<Option<Undo>, ActionError> {
        self.undo_of(call, look, wrote)
    }

    fn request_summary(&self, call: &Call<'_>, look: &Look, chunk: u32) -> String {
        match self.write_of(look) {
            None => self.parsed.spec.name.clone(),
            Some((spec, sending)) => {
                let names = self.names_of_chunk(call, look, chunk, spec);
                format!("{} {}", sending.method, readable_path(&sending.path, &names))
            }
        }
    }
}

fn effect_is(sending: &Sending, names: &Names) -> Option<Effect> {
    let value = names.eval(sending.effect_is.as_ref()?).ok()?;
    Effect::parse(value.as_str()?)
}

/// An error the manifest raises by itself; nothing was sent for it.
pub(crate) fn raised(fail: &FailSpec, names: &Names) -> ActionError {
    let message = fail.message.as_ref().and_then(|text| names.render_string(text).ok());
    ActionError::new(fail.kind, message.unwrap_or_else(|| fail.kind.as_str().replace('_', " ")))
}

fn missing_one(must_exist: bool, message: &str) -> Result<Value, ActionError> {
    if must_exist { Err(ActionError::new(ErrorKind::NotFound, message)) } else { Ok(Value::Null) }
}

fn no_source() -> ActionError {
    ActionError::new(ErrorKind::InvalidInput, "these inputs name nothing to read from")
}
