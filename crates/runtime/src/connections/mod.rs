//! The connection registry: what an alias resolves to in this environment, with its credential.
//!
//! `file` reads `connections.yaml`, `source` fetches secrets from where it says, `settings` puts both
//! together, `credential` makes of them what the transport sends, `registry` keeps one transport per
//! alias, `status` is what may be shown of all this; `json_schema` is for editors.

mod credential;
mod error;
mod file;
mod json_schema;
mod registry;
mod settings;
mod source;
mod status;

pub use error::{ConfigureError, ConnectionError};
pub use file::ConnectionsFile;
pub use json_schema::json_schema;
pub use registry::{Connections, Options, Resolved};
pub use status::{
    Answered, Asking, Authorization, ConnectionStatus, FieldStatus, Finding, HealthStatus,
    RateStatus,
};
