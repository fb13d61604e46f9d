//! The product as people use it: the built binary, each test in a project folder of its own,
//! nothing but this machine, and waiting only for what a process says.

mod again;
mod aliases;
mod assign_courses;
mod authorization;
mod behaviours;
mod broken_flows;
mod certificates;
mod daemon;
mod doctor;
mod dry_run;
mod examples;
mod hostile;
mod litmos_description;
mod making_a_spoke;
mod notify;
mod one_file;
mod public_clients;
mod real_connections;
mod secrets;
mod spokes;
mod store;
mod store_misuse;
pub(crate) mod support;
mod tokens;
mod torture;
mod undo;
mod vault_keys;
mod webhooks;
