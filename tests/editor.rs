//! What editors are given: our language server, driven by a client and by Neovim, and the JSON Schema of the
//! project's files, tried with a validator and with the YAML language server that editors use.

mod client;
mod neovim;
mod own_server;
mod samples;
mod schema;
mod yaml_server;
