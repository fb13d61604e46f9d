//! The other side of a simulation: actions that take, lose and refuse requests as chance says,
//! and keep a ledger of what took effect.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use linchpin_connector::{
    Action, ActionError, ActionSpec, Call, Effect, ErrorKind, Look, Page, Spoke, Undo, Verdict,
    VerifyMode, WriteState, Wrote,
};
use linchpin_language::{Map, Value, json};

use super::world::{Fate, Gate, World};

/// A spoke without a system of its own.
pub(super) fn spoke(name: &str, actions: impl IntoIterator<Item = ActionSpec>) -> Arc<Spoke> {
    let text =
        format!("spoke: {name}\ntitle: {name}\nconnection:\n  credential: {{ kind: none }}\n");
    let spoke = Spoke::load(&[("spoke.yaml".to_owned(), text)], &[]);
    let spoke = spoke.unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let name = name.to_owned();
    let actions = actions.into_iter().map(|spec| {
        let action = SimAction { spec, spoke: name.clone() };
        Arc::new(action) as Arc<dyn Action>
    });
    Arc::new(spoke.with_actions(actions.collect::<Vec<_>>()))
}

/// The spokes that are bundled, with the other side of the simulation behind them.
pub(super) fn bundled() -> BTreeMap<String, Arc<Spoke>> {
    let bundled = linchpin_spokes::bundled().expect("the bundled spokes are sound");
    let spokes = bundled.into_iter().map(|own| {
        let specs: Vec<_> = own.actions().map(|(_, action)| action.spec().clone()).collect();
        (own.name.clone(), spoke(&own.name, specs))
    });
    spokes.collect()
}

struct SimAction {
    spec: ActionSpec,
    spoke: String,
}

impl SimAction {
    /// Something is asked of the other side for a step that is not over.
    fn asks(&self, call: &Call<'_>, what: &str) {
        let world = World::current();
        let mut inner = world.lock();
        inner.note(format!("{what} {}", call.key));
        if inner.acknowledged.contains(&format!("{} over", call.key)) {
            inner
                .violates(format!("{} was acknowledged, and its action is called again", call.key));
        }
    }

    async fn reads(&self, call: &Call<'_>, what: &str) -> Result<(), ActionError> {
        self.asks(call, what);
        let world = World::current();
        world.pass(Gate::Answer).await;
        match world.lock().fate() {
            Fate::Unavailable => Err(ActionError::new(ErrorKind::Unavailable, "not now")),
            Fate::Lost => Err(ActionError::new(ErrorKind::ConnectionFailed, "the line is cut")),
            Fate::Done | Fate::AnswerLost | Fate::Refused => Ok(()),
        }
    }

    fn verifies(&self) -> bool {
        matches!(self.spec.verify, VerifyMode::ByLook | VerifyMode::Request)
    }

    fn output(&self, call: &Call<'_>) -> Value {
        output(&format!("{}.{}", self.spoke, self.spec.name), call.inputs, call.key)
    }
}

/// The part of a call that one chunk writes, as the ledger knows it.
pub(super) fn part_of(key: &str, look: &Look, chunk: u32) -> String {
    let part = look.changes.get(chunk as usize).and_then(Value::as_u64).unwrap_or_default();
    format!("{key} #{part}")
}

fn unknown(message: &str) -> ActionError {
    let mut error = ActionError::new(ErrorKind::ConnectionFailed, message);
    error.write = WriteState::Unknown;
    error
}

#[async_trait]
impl Action for SimAction {
    fn spec(&self) -> &ActionSpec {
        &self.spec
    }

    async fn read(&self, call: &Call<'_>) -> Result<Value, ActionError> {
        self.reads(call, "read").await?;
        Ok(self.output(call))
    }

    async fn page(&self, call: &Call<'_>, cursor: Option<&Value>) -> Result<Page, ActionError> {
        let at = cursor.and_then(Value::as_u64).unwrap_or_default();
        if World::current().lock().acknowledged.contains(&format!("{} page {at}", call.key)) {
            let message = format!("page {at} of {} was acknowledged and is read again", call.key);
            World::current().lock().violates(message);
        }
        self.reads(call, "page").await?;
        let ids: &[u64] = if at == 0 { &[1, 2] } else { &[2, 3] };
        let row = |id: &u64| {
            json!({
                "n": id, "id": id.to_string(), "email": "eva.lind@example.test",
                "code": "SEC-101", "name": "Security", "completion": "done",
            })
        };
        let keys = ids.iter().map(ToString::to_string).collect();
        let cursor = (at == 0).then(|| json!(1));
        Ok(Page { rows: ids.iter().map(row).collect(), keys, cursor })
    }

    async fn look(&self, call: &Call<'_>) -> Result<Look, ActionError> {
        let mut parts: Vec<u32> = vec![0];
        if self.spec.looks {
            self.reads(call, "look").await?;
            let world = World::current();
            let inner = world.lock();
            // Two parts, each with a request of its own, so that one can be done and not the other.
            let is_left = |part: &u32| !inner.is_written(&format!("{} #{part}", call.key));
            parts = (0..2).filter(is_left).collect();
        }
        let chunks = u32::try_from(parts.len()).unwrap_or_default();
        let changes = parts.into_iter().map(|part| json!(part)).collect();
        let effect = self.spec.effect;
        Ok(Look { found: json!({}), changes, effect, chunks, variant: None })
    }

    async fn write(&self, call: &Call<'_>, look: &Look, chunk: u32) -> Result<Wrote, ActionError> {
        let (world, key) = (World::current(), part_of(call.key, look, chunk));
        self.asks(call, "write");
        world.lock().send(&key, self.spec.idempotent);
        world.pass(Gate::Write(key.clone())).await;
        let fate = world.lock().fate();
        if matches!(fate, Fate::Done | Fate::AnswerLost) {
            world.lock().take_effect(&key);
        }
        world.pass(Gate::Answer).await;
        let mut inner = world.lock();
        inner.note(format!("{fate:?} {key}"));
        match fate {
            Fate::Done => {
                inner.resolve(&key);
                Ok(Wrote::new(json!({}), 200, self.spec.effect))
            }
            Fate::AnswerLost | Fate::Lost => Err(unknown("the line was cut")),
            Fate::Refused | Fate::Unavailable => {
                inner.resolve(&key);
                let is_final = fate == Fate::Refused;
                let kind = if is_final { ErrorKind::Conflict } else { ErrorKind::Unavailable };
                Err(ActionError::new(kind, "no").with_write(WriteState::None))
            }
        }
    }

    async fn verify(
        &self,
        call: &Call<'_>,
        look: &Look,
        chunk: u32,
    ) -> Result<Verdict, ActionError> {
        if !self.verifies() {
            return Ok(Verdict::CannotTell("nothing shows it".to_owned()));
        }
        self.reads(call, "verify").await?;
        let (world, key) = (World::current(), part_of(call.key, look, chunk));
        let mut inner = world.lock();
        inner.resolve(&key);
        Ok(match inner.is_written(&key) {
            true => Verdict::Done(Wrote::new(json!({}), 0, look.effect)),
            false => Verdict::NotDone,
        })
    }

    async fn finish(
        &self,
        call: &Call<'_>,
        _: &Look,
        _: &[Wrote],
    ) -> Result<Arc<Value>, ActionError> {
        Ok(Arc::new(self.output(call)))
    }

    fn undo(
        &self,
        call: &Call<'_>,
        _: &Look,
        wrote: &[Wrote],
    ) -> Result<Option<Undo>, ActionError> {
        let Some(undo) = self.spec.undo.as_ref().filter(|_| !wrote.is_empty()) else {
            return Ok(None);
        };
        let own = ["user", "courses"].map(|name| (name.to_owned(), call.inputs[name].clone()));
        let inputs = Value::Object(own.into_iter().collect::<Map<_, _>>());
        Ok(Some(Undo { action: undo.action.clone(), inputs }))
    }

    fn request_summary(&self, call: &Call<'_>, look: &Look, chunk: u32) -> String {
        format!("WRITE {}", part_of(call.key, look, chunk))
    }
}

/// What an action gives, as far as the flows of the simulation read it.
fn output(action: &str, inputs: &Value, key: &str) -> Value {
    let courses = json!([
        { "id": "1", "code": "SAFETY-101", "name": "Safety", "active": true },
        { "id": "2", "code": "NET101", "name": "Networks", "active": true },
    ]);
    let person = json!({
        "email": "ana@example.test", "first_name": "Ana", "last_name": "Ruiz", "id": "7",
    });
    match action {
        "servicenow.records.get" => json!({ "caller_id": person, "sys_id": "9" }),
        "servicenow.records.list" => json!({ "records": [person, person, person], "count": 3 }),
        "litmos.courses.list_assignable" => {
            json!({ "courses": courses, "count": 2, "may_assign": true })
        }
        "litmos.courses.list" => json!({ "courses": courses, "ids": ["1", "2"], "count": 2 }),
        "litmos.users.ensure" => {
            json!({ "id": "7", "email": inputs["email"], "created": true })
        }
        "litmos.courses.assign" => json!({ "assigned": courses, "already": [] }),
        _ => {
            let n = key.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
            json!({ "n": n % 9, "half": 0.5, "assignment": "5" })
        }
    }
}

/// What writes of the made flows are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A read of its own tells whether it happened.
    Verified,
    /// It is looked at before, and after.
    Looked,
    /// To repeat it changes nothing.
    Idempotent,
}

/// The spoke of the made flows.
pub(super) fn sys(kind: Kind) -> Arc<Spoke> {
    let spec = |name: &str, effect: Effect, verify: VerifyMode| ActionSpec {
        name: name.to_owned(),
        title: name.to_owned(),
        about: None,
        effect,
        idempotent: false,
        inputs: [("*".to_owned(), linchpin_language::Schema::any())].into_iter().collect(),
        outputs: linchpin_language::Schema::any(),
        stream: None,
        verify,
        looks: false,
        undo: None,
        collections: Vec::new(),
    };
    let write = match kind {
        Kind::Verified => spec("write", Effect::Create, VerifyMode::Request),
        Kind::Looked => {
            ActionSpec { looks: true, ..spec("write", Effect::Ensure, VerifyMode::ByLook) }
        }
        Kind::Idempotent => {
            ActionSpec { idempotent: true, ..spec("write", Effect::Update, VerifyMode::NotNeeded) }
        }
    };
    let row = linchpin_language::Schema::any();
    let stream = Some(linchpin_connector::StreamSpec {
        row,
        watermark: None,
        since: None,
        created: None,
        identity: None,
    });
    let none = VerifyMode::None { reason: "nothing shows it".to_owned() };
    spoke(
        "sys",
        [
            write,
            spec("blind", Effect::Send, none),
            spec("read", Effect::Read, VerifyMode::NotNeeded),
            ActionSpec { stream, ..spec("rows.stream", Effect::Read, VerifyMode::NotNeeded) },
        ],
    )
}
