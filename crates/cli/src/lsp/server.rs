//! The server: messages in their order, what is cancelled meanwhile, and when mistakes are told.
//!
//! One thread reads, this one answers. Mistakes are looked for when nothing more is waiting, so a
//! burst of keystrokes costs one check.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, BufReader, Write};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use linchpin_language::{Value, json};

use super::answers::{self, Question};
use super::documents::{Open, path};
use super::projects::Projects;
use super::wire::{self, Incoming, Refusal};
use crate::args::Global;
use crate::exit_code::ExitCode;

/// Serves until the client ends it.
pub(crate) fn serve(global: &Global) -> ExitCode {
    let (sender, inbox) = mpsc::channel();
    thread::spawn(move || {
        let mut stdin = BufReader::new(io::stdin());
        while let Some(incoming) = wire::read(&mut stdin) {
            if sender.send(incoming).is_err() {
                return;
            }
        }
    });
    Server::new(io::stdout(), inbox, global).run()
}

/// Where the life of a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Running,
    ShutDown,
}

struct Server<W> {
    out: W,
    inbox: Receiver<Incoming>,
    /// What came in and is not answered.
    waiting: VecDeque<Incoming>,
    state: State,
    projects: Projects,
    /// The open texts by address.
    open: BTreeMap<String, Open>,
    /// Those whose mistakes are not told yet.
    unchecked: BTreeSet<String>,
}

impl<W: Write> Server<W> {
    fn new(out: W, inbox: Receiver<Incoming>, global: &Global) -> Self {
        Self {
            out,
            inbox,
            waiting: VecDeque::new(),
            state: State::New,
            projects: Projects::new(global),
            open: BTreeMap::new(),
            unchecked: BTreeSet::new(),
        }
    }

    fn run(&mut self) -> ExitCode {
        loop {
            let Some(incoming) = self.next() else {
                // The client is gone without a word.
                return ExitCode::Failed;
            };
            match incoming {
                Incoming::Malformed(why) => {
                    self.send(&wire::answer(&Value::Null, Err(Refusal::parse(why))));
                }
                Incoming::Message(message) if message["method"] == "exit" => {
                    let is_in_order = self.state == State::ShutDown;
                    return if is_in_order { ExitCode::Ok } else { ExitCode::Failed };
                }
                Incoming::Message(message) => self.take(&message),
            }
        }
    }

    /// The next message. While there is none, mistakes are looked for.
    fn next(&mut self) -> Option<Incoming> {
        loop {
            self.waiting.extend(self.inbox.try_iter());
            if let Some(incoming) = self.waiting.pop_front() {
                return Some(incoming);
            }
            match self.unchecked.pop_first() {
                Some(uri) => self.tell(&uri),
                None => self.waiting.push_back(self.inbox.recv().ok()?),
            }
        }
    }

    fn send(&mut self, message: &Value) {
        // A client that is gone hears nothing; the end of its stream ends the server.
        wire::write(&mut self.out, message).ok();
    }

    fn take(&mut self, message: &Value) {
        let method = message["method"].as_str();
        match (method, message.get("id")) {
            (Some(method), Some(id)) => {
                let result = match self.is_cancelled(id) {
                    true => Err(Refusal::cancelled()),
                    false => self.request(method, &message["params"]),
                };
                self.send(&wire::answer(id, result));
            }
            (Some(method), None) if self.state == State::Running => {
                self.notice(method, &message["params"]);
            }
            // What is told before the start or after the end is not heard; answers of the client
            // to us there are none, since nothing is asked.
            (Some(_) | None, None) => {}
            (None, Some(id))
                if message.get("result").is_none() && message.get("error").is_none() =>
            {
                let refusal = Refusal::invalid_request("a message without a method");
                self.send(&wire::answer(id, Err(refusal)));
            }
            (None, Some(_)) => {}
        }
    }

    /// Whether a request was taken back while it waited.
    fn is_cancelled(&mut self, id: &Value) -> bool {
        self.waiting.extend(self.inbox.try_iter());
        self.waiting.iter().any(|incoming| match incoming {
            Incoming::Message(message) => {
                message["method"] == "$/cancelRequest" && message["params"]["id"] == *id
            }
            Incoming::Malformed(_) => false,
        })
    }

    fn request(&mut self, method: &str, params: &Value) -> Result<Value, Refusal> {
        match (self.state, method) {
            (State::New, "initialize") => {
                self.state = State::Running;
                let root = params["workspaceFolders"][0]["uri"].as_str();
                let root = root.or(params["rootUri"].as_str()).and_then(path);
                if let Some(root) = root {
                    self.projects.root = root;
                }
                Ok(answers::capabilities())
            }
            (State::New, _) => Err(Refusal::not_initialized()),
            (State::Running, "initialize") => {
                Err(Refusal::invalid_request("initialize comes once"))
            }
            (State::Running, "shutdown") => {
                self.state = State::ShutDown;
                Ok(Value::Null)
            }
            (State::ShutDown, _) => Err(Refusal::invalid_request("it was shut down")),
            (State::Running, method) => self.answer(method, params),
        }
    }

    /// A request about a document.
    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Refusal> {
        let Some(about) = answers::method(method) else { return Err(Refusal::unknown(method)) };
        let uri = params["textDocument"]["uri"].as_str().unwrap_or_default();
        let Some(open) = self.open.get(uri) else {
            return Err(Refusal::invalid_params("this document is not open"));
        };
        let root = self.projects.root_of(open.path.as_deref());
        self.read(&root);
        let open = self.open.get(uri).ok_or_else(|| Refusal::invalid_params("it is not open"))?;
        let (folder, _) = self.projects.folder(&root);
        about(&Question { uri, params, open, folder })
    }

    fn notice(&mut self, method: &str, params: &Value) {
        let uri = params["textDocument"]["uri"].as_str().unwrap_or_default().to_owned();
        match method {
            "textDocument/didOpen" => {
                let document = &params["textDocument"];
                let text = document["text"].as_str().unwrap_or_default().to_owned();
                let open = Open::new(&uri, text, document["version"].as_i64());
                self.open.insert(uri.clone(), open);
                self.changed(uri);
            }
            "textDocument/didChange" => {
                let Some(open) = self.open.get_mut(&uri) else { return };
                for change in params["contentChanges"].as_array().into_iter().flatten() {
                    if let Some(lines) = open.lines.changed(change) {
                        open.lines = lines;
                    }
                }
                open.version = params["textDocument"]["version"].as_i64();
                open.read();
                self.changed(uri);
            }
            "textDocument/didClose" => {
                self.open.remove(&uri);
                self.unchecked.remove(&uri);
                let params = json!({ "uri": uri, "diagnostics": [] });
                self.send(&wire::notification("textDocument/publishDiagnostics", params));
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.projects.forget();
                self.unchecked.extend(self.open.keys().cloned());
            }
            // Everything else may be passed over.
            _ => {}
        }
    }

    /// A document has another text: its own mistakes are others, and those of flows that call it.
    fn changed(&mut self, uri: String) {
        if let Some(open) = self.open.get(&uri) {
            let root = self.projects.root_of(open.path.as_deref());
            if self.projects.is_known(&root) {
                let (folder, _) = self.projects.folder(&root);
                if folder.note(open) {
                    self.unchecked.extend(self.open.keys().cloned());
                }
            }
        }
        self.unchecked.insert(uri);
    }

    /// Reads a folder that is not known, with the flows that are open in it.
    fn read(&mut self, root: &std::path::Path) {
        if self.projects.is_known(root) {
            return;
        }
        let (_, failure) = self.projects.folder(root);
        if let Some(failure) = failure {
            let message = format!("{}: {}", root.display(), failure.message);
            let params = json!({ "type": 2, "message": message });
            self.send(&wire::notification("window/logMessage", params));
        }
        for open in self.open.values() {
            if self.projects.root_of(open.path.as_deref()) == root {
                let (folder, _) = self.projects.folder(root);
                folder.note(open);
            }
        }
    }

    /// Tells the mistakes of a document.
    fn tell(&mut self, uri: &str) {
        let Some(open) = self.open.get(uri) else { return };
        let root = self.projects.root_of(open.path.as_deref());
        self.read(&root);
        let Some(open) = self.open.get(uri) else { return };
        let (folder, _) = self.projects.folder(&root);
        let diagnostics = answers::diagnostics(open, folder);
        let params = json!({ "uri": uri, "version": open.version, "diagnostics": diagnostics });
        self.send(&wire::notification("textDocument/publishDiagnostics", params));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the server says to these messages, which are all there before it looks.
    fn said(messages: Vec<Value>) -> (ExitCode, Vec<Value>) {
        let (sender, inbox) = mpsc::channel();
        for message in messages {
            sender.send(Incoming::Message(message)).unwrap();
        }
        drop(sender);
        let folder = tempfile::tempdir().unwrap();
        let global = Global {
            project: Some(folder.path().to_owned()),
            environment: None,
            sandbox: false,
            json: false,
            verbose: false,
        };
        let mut server = Server::new(Vec::new(), inbox, &global);
        let code = server.run();
        let mut stream = server.out.as_slice();
        let mut said = Vec::new();
        while let Some(Incoming::Message(message)) = wire::read(&mut stream) {
            said.push(message);
        }
        (code, said)
    }

    fn request(id: u64, method: &str) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": {} })
    }

    fn notice(method: &str, params: Value) -> Value {
        json!({ "jsonrpc": "2.0", "method": method, "params": params })
    }

    fn codes(said: &[Value]) -> Vec<Option<i64>> {
        said.iter().map(|message| message["error"]["code"].as_i64()).collect()
    }

    #[test]
    fn a_request_that_was_cancelled_while_it_waited_is_refused() {
        let cancel = notice("$/cancelRequest", json!({ "id": 2 }));
        let (_, said) =
            said(vec![request(1, "initialize"), request(2, "textDocument/hover"), cancel]);
        assert_eq!(codes(&said), [None, Some(-32800)]);
    }

    #[test]
    fn nothing_is_answered_before_the_start_and_after_the_end() {
        let (code, said) = said(vec![
            request(1, "textDocument/hover"),
            request(2, "initialize"),
            request(3, "initialize"),
            request(4, "shutdown"),
            request(5, "textDocument/hover"),
            notice("exit", Value::Null),
        ]);
        let refused = Some(-32600);
        assert_eq!(codes(&said), [Some(-32002), None, refused, None, refused]);
        assert_eq!(code.number(), ExitCode::Ok.number());
    }

    #[test]
    fn an_end_without_shutdown_is_a_failure() {
        let (code, _) = said(vec![request(1, "initialize"), notice("exit", Value::Null)]);
        assert_eq!(code.number(), ExitCode::Failed.number());
        let (code, _) = said(vec![request(1, "initialize")]);
        assert_eq!(code.number(), ExitCode::Failed.number());
    }

    #[test]
    fn a_burst_of_changes_is_checked_once_and_what_is_not_open_is_let_alone() {
        let text = |text: &str| {
            notice(
                "textDocument/didChange",
                json!({ "textDocument": { "uri": "untitled:a", "version": 7 },
                    "contentChanges": [{ "text": text }] }),
            )
        };
        let open = notice(
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": "untitled:a", "languageId": "yaml", "version": 1,
                "text": "flow: a" } }),
        );
        let right = "flow: a\nsteps:\n  - log: Hi\n";
        let changes = [text("flow: a\nst"), text("flow: a\nsteps"), text(right)];
        let stranger = notice("textDocument/didChange", json!({ "textDocument": { "uri": "b" } }));
        let messages = [request(1, "initialize"), open, stranger].into_iter().chain(changes);
        let (_, said) = said(messages.collect());
        let told: Vec<&Value> = said
            .iter()
            .filter(|message| message["method"] == "textDocument/publishDiagnostics")
            .map(|message| &message["params"])
            .collect();
        assert_eq!(told.len(), 1, "{said:#?}");
        assert_eq!((&told[0]["version"], &told[0]["diagnostics"]), (&json!(7), &json!([])));
    }
}
