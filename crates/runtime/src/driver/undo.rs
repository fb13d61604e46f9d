//! What takes a write back is journaled with the write: rendered then, whatever comes later.

use std::sync::Arc;

use linchpin_connector::{Effect, Look, Wrote};
use linchpin_engine::Event;
use linchpin_engine::event::Undoable;
use linchpin_language::Value;

use super::{Driver, Halt, UnderWay};

impl Driver {
    /// Notes how the writes of a call so far are taken back. Nothing is noted for writes that
    /// changed nothing, or that themselves take something back.
    pub(super) fn note_undo(
        &mut self,
        call: &UnderWay,
        wrote: Option<&Wrote>,
        output: Option<&Value>,
    ) -> Result<(), Halt> {
        let wrote: Vec<Wrote> = call.wrote.iter().chain(wrote).cloned().collect();
        let Some(look) = call.look.clone() else { return Ok(()) };
        self.note_undo_of(call, &look, &wrote, output)
    }

    /// The same for the part of a write that a read-back found done.
    pub(super) fn note_part(&mut self, call: &UnderWay, left: &Look) -> Result<(), Halt> {
        let Some(look) = call.look.clone() else { return Ok(()) };
        let is_done = |change: &&Value| !left.changes.contains(change);
        let changes = look.changes.iter().filter(is_done).cloned().collect();
        let done = Look { changes, chunks: 1, ..(*look).clone() };
        let wrote = [Wrote::new(Value::Null, 0, look.effect)];
        self.note_undo_of(call, &done, &wrote, None)
    }

    fn note_undo_of(
        &mut self,
        call: &UnderWay,
        look: &Look,
        wrote: &[Wrote],
        output: Option<&Value>,
    ) -> Result<(), Halt> {
        let path = &call.run.path;
        let has_written = |wrote: &Wrote| wrote.effect.is_write() && wrote.effect != Effect::None;
        if !wrote.iter().any(has_written) || self.run.is_undo(path) {
            return Ok(());
        }
        if let Some(undoable) = self.run.undo_of(path, output.unwrap_or(&Value::Null)) {
            return self.record(Event::Undoable(Box::new(undoable)));
        }
        let (action, input, problem) = match call.prepared.undo(look, wrote) {
            Ok(None) => return Ok(()),
            Ok(Some(undo)) => (undo.action, undo.inputs, None),
            Err(error) => {
                let action = call.prepared.action.spec().undo.as_ref();
                let action = action.map(|undo| undo.action.clone()).unwrap_or_default();
                (action, Value::Null, Some(error.message))
            }
        };
        self.record(Event::Undoable(Box::new(Undoable {
            path: path.clone(),
            part: self.run.undo_part(path),
            alias: call.prepared.alias().to_owned(),
            spoke: call.prepared.spoke().to_owned(),
            action,
            input: Arc::new(input),
            problem,
        })))
    }
}
