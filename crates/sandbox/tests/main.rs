//! The sandbox as any HTTP client meets it.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod control;
mod litmos;
mod litmos_groups;
mod servicenow;
mod servicenow_more;
mod state;
mod sumtotal;
mod support;
mod webhooks;
