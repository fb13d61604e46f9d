//! A project in a folder of its own, and commands run in it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A flow that asks which fruit, on nothing but the core spoke.
pub(crate) const ASKS: &str = "\
flow: asks
steps:
  - id: fruit
    ask:
      of: starter
      message: Which fruit?
      form: { names: { type: list, items: string, required: true } }
  - log: \"{{ join fruit.names ' and ' }} it is\"
outputs: { n: size(fruit.names) }
";

/// A flow that waits for an hour.
pub(crate) const WAITS: &str = "\
flow: waits
steps:
  - id: pause
    wait: { for: 1h }
";

pub(crate) struct Project(TempDir);

pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Project {
    /// A project with these flows.
    pub(crate) fn with(flows: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("flows")).unwrap();
        for (name, text) in flows {
            std::fs::write(folder.path().join("flows").join(name), text).unwrap();
        }
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_linchpin"));
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for variable in ["LINCHPIN_PROJECT", "LINCHPIN_ENVIRONMENT", "LINCHPIN_LOG"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Done { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// The same, with what it prints read as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}{}", done.out, done.err))
    }

    /// Starts a command and reads what it prints up to the line with these words.
    pub(crate) fn start(&self, arguments: &[&str], until: &str) -> Running {
        let mut command = self.command(arguments);
        command.stderr(Stdio::inherit());
        Running::of(command).prints(until)
    }
}

/// A command that goes on; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// Kept open, so that the command can go on printing.
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a command.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads what it prints up to the line with these words.
    pub(crate) fn prints(self, words: &str) -> Self {
        self.says(words).0
    }

    /// The same, and the line.
    pub(crate) fn says(mut self, words: &str) -> (Self, String) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "it ended before {words:?}");
        }
        (self, line)
    }

    /// As when the machine loses its mind: no handler runs.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end.
    pub(crate) fn ends(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn signal(mut self, name: &str) -> i32 {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
