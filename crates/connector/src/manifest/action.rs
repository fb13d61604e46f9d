//! A manifest's action: the phases of a call, each from its texts and expressions.

use std::sync::Arc;

use async_trait::async_trait;
use linchpin_language::{Value, contains_unknown};

use crate::action::{Action, ActionSpec, Call, Look, Page, Simulated, Undo, Verdict, Wrote};
use crate::effect::Effect;
use crate::error::{ActionError, ErrorKind};
use crate::manifest::build::{Built, build, readable_path};
use crate::manifest::exchange::Exchange;
use crate::manifest::names::{Late, Names};
use crate::manifest::parse::ParsedAction;
use crate::manifest::protocol::Protocol;
use crate::manifest::request::{FailSpec, RequestSpec, Sending, What};

/// An action written as data.
pub(crate) struct ManifestAction {
    pub(crate) protocol: Arc<Protocol>,
    pub(crate) parsed: ParsedAction,
}

impl ManifestAction {
    pub(crate) fn exchange<'a>(&'a self, call: &'a Call<'a>) -> Exchange<'a> {
        Exchange { protocol: &self.protocol, call }
    }

    /// The names every phase has; an input that was not given is null.
    pub(crate) fn base_names<'a>(&'a self, call: &Call<'a>) -> Names<'a> {
        let mut names = Names::default();
        names.see("inputs", call.inputs);
        names.later("connection", Late::Connection(&self.protocol, call.connection));
        names.later("call", Late::Call(call.key, call.now));
        names
    }

    /// The names after the look.
    pub(crate) fn names_after_look<'a>(&'a self, call: &Call<'a>, look: &'a Look) -> Names<'a> {
        let mut names = self.base_names(call);
        names.see("look", &look.found);
        names.later("changes", Late::List(&look.changes));
        names.compute(&self.parsed.lets);
        names
    }

    /// The names of one write.
    pub(crate) fn names_of_chunk<'a>(
        &'a self,
        call: &Call<'a>,
        look: &'a Look,
        chunk: u32,
        spec: &RequestSpec,
    ) -> Names<'a> {
        let mut names = self.names_after_look(call, look);
        let part = self.chunk_of(look, chunk);
        if let [change] = part {
            names.see("change", change);
        }
        names.later("chunk", Late::List(part));
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

    /// What the chosen write does, as far as it can be told before.
    fn effect_before(&self, sending: &Sending, names: &Names<'_>) -> Effect {
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
        let effect = sending.effect_is.as_ref().and_then(|_| {
            let mut names = names.clone();
            names.see("answer", &answer.value);
            effect_is(sending, &names)
        });
        let value = exchange.select(sending, answer.value, &names)?;
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
}

#[async_trait]
impl Action for ManifestAction {
    fn spec(&self) -> &ActionSpec {
        &self.parsed.spec
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        let mut names = self.look_around(call).await?;
        self.read_source(call, &mut names).await?;
        names.same("after", "look");
        names.compute(&self.parsed.lets);
        self.outputs(&names)
    }

    async fn page(&self, call: &Call<'_>, cursor: Option<&Value>) -> Result<Page, ActionError> {
        self.page_of_stream(call, cursor).await
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
    ) -> Result<Arc<Value>, ActionError> {
        let names = self.names_after_write(call, look, wrote).await?;
        self.outputs(&names).map(Arc::new)
    }

    fn refuses(&self, call: &Call<'_>, look: &Look) -> Result<(), ActionError> {
        let Some((spec, sending)) = self.write_of(look) else { return Ok(()) };
        let names = self.names_of_chunk(call, look, 0, spec);
        match build(sending, &self.protocol, &names) {
            Ok(Built::Ready(request)) => call.transport.check(&request),
            Ok(Built::Unknown(_)) => Ok(()),
            // What is not known yet may be why it cannot be made.
            Err(_) if contains_unknown(call.inputs) || contains_unknown(&look.found) => Ok(()),
            Err(error) => Err(error),
        }
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

/// What a write is by its own words; none when they cannot be read yet.
pub(crate) fn effect_is(sending: &Sending, names: &Names<'_>) -> Option<Effect> {
    let value = names.eval(sending.effect_is.as_ref()?).ok()?;
    Effect::parse(value.as_str()?)
}

/// An error the manifest raises by itself; nothing was sent for it.
pub(crate) fn raised(fail: &FailSpec, names: &Names<'_>) -> ActionError {
    let message = fail.message.as_ref().and_then(|text| names.render_string(text).ok());
    ActionError::new(fail.kind, message.unwrap_or_else(|| fail.kind.as_str().replace('_', " ")))
}
