//! What editors are given: the JSON Schema of the project's files, tried with a validator and with
//! the YAML language server that editors use.

mod client;
mod samples;
mod schema;
mod yaml_server;
