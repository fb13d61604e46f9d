//! What is wrong with a connection, or soon will be, before a run finds out.

use std::time::Duration;

use jiff::Timestamp;
use linchpin_connector::ErrorKind;

use super::Connections;
use crate::clock::{after, until};
use crate::connections::status::{ConnectionStatus, Finding};

/// An end is told of this long before.
const AHEAD: Duration = Duration::from_secs(7 * 24 * 3600);
/// Signed requests and tokens go wrong beyond this.
const SKEW_S: i64 = 30;

impl Connections {
    /// Everything that is wrong with an alias: it is tested as well. `next` is when a schedule needs
    /// it next, with that flow's name.
    pub async fn examine(&self, alias: &str, next: Option<(Timestamp, &str)>) -> Vec<Finding> {
        let mut found = Vec::new();
        let status = match self.show(alias).await {
            Ok(status) => status,
            Err(error) => return vec![Finding::error(alias, error.to_string())],
        };
        if let Some(problem) = &status.problem {
            found.push(Finding::error(alias, problem.clone()));
            return found;
        }
        if let Err(error) = self.test(alias).await {
            found.push(Finding::error(alias, unreachable(&error.kind, &error.message)));
        }
        self.ends(alias, &status, next, &mut found);
        let health = self.show(alias).await.ok().and_then(|status| status.health);
        let Some(health) = health else { return found };
        if let Some(ahead) = health.clock_ahead_s.filter(|ahead| ahead.abs() > SKEW_S) {
            let how = if ahead > 0 { "ahead of" } else { "behind" };
            found.push(Finding::warning(
                alias,
                format!("its clock is {} s {how} ours; signatures may be refused", ahead.abs()),
            ));
        }
        if let Some(at) = health.resting_until {
            let last = health.last_failure.unwrap_or_default();
            found.push(Finding::warning(
                alias,
                format!("it is left in peace until {at:.0}: {last}"),
            ));
        }
        found
    }

    /// What of it ends, and whether that is before it is needed.
    fn ends(
        &self,
        alias: &str,
        status: &ConnectionStatus,
        next: Option<(Timestamp, &str)>,
        found: &mut Vec<Finding>,
    ) {
        let Some(authorization) = &status.authorization else { return };
        let Some(at) = authorization.ends_at else { return };
        let option = self.vault.option();
        let command = format!("run `linchpin connections authorize {alias}{option}`");
        let now = self.clock.now();
        match next {
            Some((due, flow)) if at < due => found.push(Finding::error(
                alias,
                format!("its authorisation ends {at:.0}, before {flow} starts {due:.0}: {command}"),
            )),
            _ if at < after(now, AHEAD) => {
                let left = until(now, at).as_secs() / 3600;
                found.push(Finding::warning(
                    alias,
                    format!("its authorisation ends {at:.0}, in {left} h: {command}"),
                ));
            }
            _ => {}
        }
    }
}

fn unreachable(kind: &ErrorKind, message: &str) -> String {
    match kind {
        ErrorKind::ConnectionFailed | ErrorKind::Timeout => format!("it is not reached: {message}"),
        _ => format!("its test fails: {message}"),
    }
}
