//! What the exit codes mean. They are stable: scripts rely on them.

use std::process;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// 0: done, nothing to complain about. A dry run: nothing would change.
    Ok,
    /// 1: `check` found mistakes, `fmt --check` or `diff` a difference, the run failed or was
    /// cancelled, the dry run would fail.
    Failed,
    /// 2: a dry run found changes that the run would make. No other command ends with it.
    Changes,
    /// 3: the command line is wrong, or what it names does not exist.
    Usage,
    /// 4: the run is kept and waits for a person: an answer, or a ruling on a held step.
    Waits,
    /// 5: the project, the store, the daemon or a connection cannot be used.
    Unusable,
    /// 130: stopped with Ctrl-C. The run is kept.
    Interrupted,
}

impl ExitCode {
    /// The number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Usage => 3,
            Self::Waits => 4,
            Self::Unusable => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// Shown under `linchpin --help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done; a dry run: nothing would change
  1    mistakes or differences found, the run failed or was cancelled
  2    a dry run found changes that the run would make
  3    the command line is wrong, or what it names does not exist
  4    the run is kept and waits for a person
  5    the project, the store, the daemon or a connection cannot be used
  130  stopped with Ctrl-C; the run is kept";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_lists_each_code() {
        use ExitCode::{Changes, Failed, Interrupted, Ok, Unusable, Usage, Waits};
        for code in [Ok, Failed, Changes, Usage, Waits, Unusable, Interrupted] {
            let line = format!("\n  {:<5}", code.number());
            assert!(HELP.contains(&line), "{code:?}");
        }
    }
}
