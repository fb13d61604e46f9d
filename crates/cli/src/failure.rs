//! Why a command could not be done: one sentence, what helps, and the exit code.

use std::error::Error;

use linchpin_language::{Diagnostic, Format, render};
use linchpin_server::{ClientError, Refusal};

use crate::exit_code::ExitCode;

/// A command that could not be done.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One sentence: what was not done and why.
    pub(crate) message: String,
    /// What a person can do about it.
    pub(crate) help: Option<String>,
    /// Mistakes in files, shown below.
    pub(crate) mistakes: Vec<Diagnostic>,
    /// How the process ends.
    pub(crate) code: ExitCode,
    /// Whoever was asked is gone; who holds the store now may know.
    pub(crate) is_gone: bool,
}

impl Failure {
    /// Something that cannot be used.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let (help, mistakes) = (None, Vec::new());
        let code = ExitCode::Unusable;
        Self { message: message.into(), help, mistakes, code, is_gone: false }
    }

    /// Wrong arguments, or a name that does not exist.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: ExitCode::Usage, ..Self::new(message) }
    }

    /// An error with its causes folded into the sentence.
    pub(crate) fn because(message: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(format!("{}: {}", message.into(), sentence(cause)))
    }

    /// Files with mistakes.
    pub(crate) fn mistakes(message: impl Into<String>, mistakes: Vec<Diagnostic>) -> Self {
        Self { mistakes, code: ExitCode::Failed, ..Self::new(message) }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// The mistakes as text for a terminal.
    pub(crate) fn rendered(&self, color: bool) -> String {
        render(&self.mistakes, Format::Human { color })
    }
}

/// An error and its causes in one sentence; a cause that is said already is not said twice.
pub(crate) fn sentence(error: &dyn Error) -> String {
    let mut sentence = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !sentence.contains(&text) {
            sentence = format!("{sentence}: {text}");
        }
        next = cause.source();
    }
    sentence
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let is_gone = error.is_gone();
        let failure = match error {
            ClientError::Refused { status, message, help } => {
                let code = match status {
                    403 | 404 | 409 | 422 => ExitCode::Usage,
                    _ => ExitCode::Unusable,
                };
                Self { help, code, ..Self::new(message) }
            }
            error @ ClientError::Unreachable { .. } => Self::new(sentence(&error))
                .help("start it with `linchpin daemon`, or try again if it is just starting"),
            error @ (ClientError::HungUp(_) | ClientError::Unreadable(_)) => {
                Self::new(sentence(&error))
            }
        };
        Self { is_gone, ..failure }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let mut message = failure.message;
        for mistake in &failure.mistakes {
            let (line, column) = mistake.position();
            let name = mistake.source.name();
            message.push_str(&format!("; {name}:{line}:{column}: {}", mistake.message));
        }
        Self { help: failure.help, ..Self::invalid(message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_folded_into_one_sentence() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot open the store")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("permission denied"));
        let failure = Failure::because("the daemon cannot start", &error);
        assert_eq!(
            failure.message,
            "the daemon cannot start: cannot open the store: permission denied"
        );
    }
}
