//! `linchpin lsp`: the language server, for editors.

use clap::Args;

use crate::args::Global;
use crate::commands::Done;
use crate::lsp;

/// Serve an editor: mistakes as you type, completion, hover, definitions, renaming
#[derive(Debug, Args)]
pub(crate) struct Lsp {
    /// Speak over the standard streams, which is what it does anyway
    #[arg(long)]
    stdio: bool,
}

impl Lsp {
    pub(crate) fn run(self, global: &Global) -> Done {
        let Self { stdio: _ } = self;
        Ok(lsp::serve(global))
    }
}
