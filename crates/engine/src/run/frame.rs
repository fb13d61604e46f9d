//! A frame: a flow or subflow that is running, from its steps through its handlers to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use linchpin_language::{Map, Schema, Value};
use serde::{Deserialize, Serialize};

use super::state::{Effects, List, Stop};
use crate::error::RunError;
use crate::flow::{Arm, Block};
use crate::plan::Plan;

/// A flow or subflow that is running: its names and its lists.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Frame {
    #[serde(with = "super::snapshot::plan")]
    pub(crate) plan: Arc<Plan>,
    pub(crate) inputs: Arc<Value>,
    pub(crate) vars: Map<String, Value>,
    /// The aliases of this flow that its caller rebound, each to one of the environment.
    pub(crate) aliases: BTreeMap<String, String>,
    pub(crate) body: List,
    /// `on_error` or `on_cancel`, once entered.
    pub(crate) handler: Option<(Arm, List)>,
    pub(crate) finally: Option<List>,
    pub(crate) phase: Phase,
    pub(crate) end: End,
    pub(crate) error: Option<RunError>,
}

/// Which list of a frame is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    Body,
    Handler,
    Finally,
    Over,
}

/// How a frame ends, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum End {
    Succeeded,
    Failed,
    Cancelled,
}

impl Frame {
    pub(crate) fn new(
        plan: Arc<Plan>,
        inputs: Arc<Value>,
        aliases: BTreeMap<String, String>,
    ) -> Self {
        let first = |schema: &Schema| schema.default.clone().unwrap_or(Value::Null);
        let vars = plan.flow.vars.iter().map(|(name, schema)| (name.clone(), first(schema)));
        let vars = vars.collect();
        let body = List::new(&plan.flow.steps);
        let mut frame = Self {
            plan,
            inputs,
            vars,
            aliases,
            body,
            handler: None,
            finally: None,
            phase: Phase::Body,
            end: End::Succeeded,
            error: None,
        };
        frame.progress();
        frame
    }

    /// The block and list that a path's first segment stands in.
    pub(crate) fn list(&self, arm: Option<Arm>) -> Option<(&Block, &List)> {
        let flow = &self.plan.flow;
        match arm {
            None => Some((&flow.steps, &self.body)),
            Some(Arm::Finally) => flow.finally.as_ref().zip(self.finally.as_ref()),
            Some(arm @ (Arm::OnError | Arm::OnCancel)) => {
                let block = handler_block(&self.plan, arm)?;
                let (entered, list) = self.handler.as_ref()?;
                (*entered == arm).then_some((block, list))
            }
            Some(_) => None,
        }
    }

    pub(crate) fn list_mut(&mut self, arm: Option<Arm>) -> Option<&mut List> {
        match arm {
            None => Some(&mut self.body),
            Some(Arm::Finally) => self.finally.as_mut(),
            Some(arm) => {
                self.handler.as_mut().filter(|(entered, _)| *entered == arm).map(|(_, list)| list)
            }
        }
    }

    /// Stops what runs, as a cancel of the run does.
    pub(crate) fn halt(&mut self, effects: &mut Effects) {
        let plan = Arc::clone(&self.plan);
        match self.phase {
            Phase::Body => self.body.halt(&plan.flow.steps, Stop::cancel(), effects),
            // Only `--force` cuts off what a cancel itself began.
            Phase::Handler => {
                if let Some((arm, list)) = &mut self.handler
                    && *arm != Arm::OnCancel
                    && let Some(block) = handler_block(&plan, *arm)
                {
                    list.halt(block, Stop::cancel(), effects);
                }
            }
            Phase::Finally | Phase::Over => {}
        }
        self.progress();
    }

    /// Moves on to the next phase while the current one is over.
    pub(crate) fn progress(&mut self) {
        loop {
            let over = match self.phase {
                Phase::Body => self.body.outcome(),
                Phase::Handler => self.handler.as_ref().and_then(|(_, list)| list.outcome()),
                Phase::Finally => self.finally.as_ref().and_then(List::outcome),
                Phase::Over => None,
            };
            let Some(stop) = over else { return };
            match self.phase {
                Phase::Body => self.leave_body(stop),
                Phase::Handler => self.leave_handler(stop),
                Phase::Finally | Phase::Over => self.leave_finally(stop),
            }
        }
    }

    fn leave_body(&mut self, stop: Option<Stop>) {
        let arm = match stop {
            // There is no loop around a flow: `check` refuses such a `next` or `break`.
            None | Some(Stop::End | Stop::Next | Stop::Break) => None,
            Some(Stop::Error(error)) => {
                self.end = End::Failed;
                self.error = Some(*error);
                Some(Arm::OnError)
            }
            Some(Stop::Cancel(_)) => {
                self.end = End::Cancelled;
                Some(Arm::OnCancel)
            }
        };
        let block = arm.and_then(|arm| handler_block(&self.plan, arm).zip(Some(arm)));
        match block.map(|(block, arm)| (arm, List::new(block))) {
            Some(handler) => {
                self.handler = Some(handler);
                self.phase = Phase::Handler;
            }
            None => self.enter_finally(),
        }
    }

    fn leave_handler(&mut self, stop: Option<Stop>) {
        match stop {
            None | Some(Stop::Next | Stop::Break) => {}
            Some(Stop::End) => {
                self.end = End::Succeeded;
                self.error = None;
            }
            Some(Stop::Cancel(_)) => self.end = End::Cancelled,
            Some(Stop::Error(error)) => match &mut self.error {
                Some(first) => first.others.push(*error),
                None => self.error = Some(*error),
            },
        }
        self.enter_finally();
    }

    fn enter_finally(&mut self) {
        match &self.plan.flow.finally {
            Some(block) => {
                self.finally = Some(List::new(block));
                self.phase = Phase::Finally;
            }
            None => self.phase = Phase::Over,
        }
    }

    fn leave_finally(&mut self, stop: Option<Stop>) {
        if let Some(Stop::Error(error)) = stop {
            match &mut self.error {
                Some(first) => first.others.push(*error),
                None => self.error = Some(*error),
            }
            self.end = End::Failed;
        }
        self.phase = Phase::Over;
    }
}

pub(crate) fn handler_block(plan: &Plan, arm: Arm) -> Option<&Block> {
    match arm {
        Arm::OnError => plan.flow.on_error.as_ref(),
        Arm::OnCancel => plan.flow.on_cancel.as_ref(),
        Arm::Finally => plan.flow.finally.as_ref(),
        Arm::Body
        | Arm::Then(_)
        | Arm::Else
        | Arm::Try
        | Arm::Catch(_)
        | Arm::Flow
        | Arm::Branch(_)
        | Arm::Row(_)
        | Arm::Default => None,
    }
}
