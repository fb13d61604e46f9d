//! What these tests are made with: the binary, projects in folders of their own, processes that
//! are waited for by what they say, and a plain HTTP client for the sandbox' control port.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up; far more than a slow machine needs.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// The command, built beside this test.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own file");
    let folder = test.parent().and_then(Path::parent).expect("tests are in target/PROFILE/deps");
    let binary = folder.join("linchpin");
    assert!(binary.is_file(), "the linchpin binary is not built yet: run `cargo test --workspace`");
    binary
}

/// A project in a folder that goes with the test.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A project with these files.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let project = Self { folder: TempDir::new().unwrap() };
        project.write("linchpin.yaml", "");
        fs::create_dir(project.path().join("flows")).unwrap();
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A project with the repository's own flows.
    pub(crate) fn of_the_repository() -> Self {
        let project = Self::with(&[]);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for entry in fs::read_dir(root.join("flows")).unwrap() {
            let file = entry.unwrap().path();
            fs::copy(&file, project.path().join("flows").join(file.file_name().unwrap())).unwrap();
        }
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The command on this project, with nothing of the caller's environment in its way.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(self.path()).stdin(Stdio::null());
        for variable in
            ["LINCHPIN_PROJECT", "LINCHPIN_ENVIRONMENT", "LINCHPIN_LOG", "XDG_RUNTIME_DIR"]
        {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the command to its end.
    pub(super) fn linchpin(&self, arguments: &[&str]) -> Done {
        Done::of(&mut self.command(arguments))
    }

    /// Starts the command and lets it run.
    pub(super) fn start(&self, arguments: &[&str]) -> Process {
        Process::start(&mut self.command(arguments))
    }

    /// Every write that the project's sandbox took, as it keeps them.
    pub(super) fn sandbox_effects(&self) -> String {
        let file = self.path().join(".linchpin/sandbox/effects.jsonl");
        fs::read_to_string(file).unwrap_or_default()
    }

    /// Every file of the project with its bytes.
    pub(super) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    found.push((entry.path(), fs::read(entry.path()).unwrap()));
                }
            }
        }
        found
    }
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Done {
    /// Runs a command to its end, or ends it when it takes too long.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = child.id();
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let Ok(output) = ended.recv_timeout(PATIENCE) else {
            signal(pid, "KILL");
            panic!("{command:?} did not end");
        };
        let output = output.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The same, when it ended with this code.
    #[track_caller]
    pub(super) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Whether some line of the output is exactly this one.
    pub(super) fn has_line(&self, line: &str) -> bool {
        self.stdout.lines().any(|found| found == line)
    }

    /// The output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    pub(crate) fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A process that runs beside the test, and ends with it.
pub(super) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// All that it has said so far.
    pub(super) said: Vec<String>,
}

impl Process {
    pub(super) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, said: Vec::new() }
    }

    /// Waits for a line that tells what is looked for.
    #[track_caller]
    pub(super) fn until<T>(&mut self, mut look: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("it ended or fell silent:\n{}", self.said.join("\n"));
            };
            let found = look(&line);
            self.said.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits until it ends by itself. Returns all that it said.
    pub(super) fn end(self) -> Vec<String> {
        self.ended().1
    }

    /// The same, with the code it ends with.
    pub(super) fn ended(mut self) -> (Option<i32>, Vec<String>) {
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.said.push(line);
        }
        assert!(Instant::now() < deadline, "it did not end:\n{}", self.said.join("\n"));
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.said))
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of the process can answer to it.
    pub(super) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.said.extend(self.lines.iter());
        std::mem::take(&mut self.said)
    }

    /// SIGTERM. Returns how it ended, how long that took, and all that it said.
    pub(super) fn terminate(mut self) -> (ExitStatus, Duration, Vec<String>) {
        let begin = Instant::now();
        signal(self.child.id(), "TERM");
        let deadline = begin + PATIENCE;
        // The streams are closed at the end of the process.
        while let Ok(line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            self.said.push(line);
        }
        assert!(Instant::now() < deadline, "it did not stop:\n{}", self.said.join("\n"));
        let status = self.child.wait().unwrap();
        (status, begin.elapsed(), std::mem::take(&mut self.said))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    assert!(status.unwrap().success(), "process {pid} took no {name}");
}

/// One HTTP request; the answer's body as JSON.
#[track_caller]
pub(super) fn http(method: &str, url: &str, body: Option<&Value>) -> Value {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{method} {url}: {answer}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{method} {url}: {error}: {answer}"))
}

/// A system of the test's own, which answers each request by its head: status and JSON.
pub(super) fn answering(answer: impl Fn(&str) -> (u16, Value) + Send + Sync + 'static) -> String {
    serving(move |head| {
        let (status, body) = answer(head);
        (format!("{status} Answer\r\ncontent-type: application/json"), body.to_string())
    })
}

/// The same with the status line and headers as they are sent, and any body.
pub(super) fn serving(answer: impl Fn(&str) -> (String, String) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut reader = BufReader::new(&stream);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    if reader.read_line(&mut head).unwrap_or(0) == 0 {
                        return;
                    }
                }
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    let is_length = name.eq_ignore_ascii_case("content-length");
                    is_length.then(|| value.parse::<u64>().ok())?
                });
                // What is not read would reset the connection under the answer.
                let mut sent = (&mut reader).take(length.unwrap_or(0));
                std::io::copy(&mut sent, &mut std::io::sink()).ok();
                let (head, body) = answer(&head);
                let length = body.len();
                let more = format!("content-length: {length}\r\nconnection: close");
                let answer = format!("HTTP/1.1 {head}\r\n{more}\r\n\r\n{body}");
                // The caller may have gone.
                (&stream).write_all(answer.as_bytes()).ok();
            });
        }
    });
    url
}

/// `linchpin sandbox` as a process of its own, in place of real systems.
pub(super) struct Systems {
    _process: Process,
    told: Value,
}

impl Systems {
    pub(super) fn start(seed: u32) -> Self {
        let mut command = Command::new(binary());
        command.args(["sandbox", "--json", "--seed", &seed.to_string()]).stdin(Stdio::null());
        let mut process = Process::start(&mut command);
        let mut text = String::new();
        process.until(|line| {
            text.push_str(line);
            (line == "}").then_some(())
        });
        Self { _process: process, told: serde_json::from_str(&text).unwrap() }
    }

    pub(super) fn url(&self, system: &str) -> &str {
        self.told["systems"][system]["url"].as_str().unwrap()
    }

    pub(super) fn secret(&self, system: &str, name: &str) -> &str {
        self.told["systems"][system]["secrets"][name].as_str().unwrap()
    }

    /// The base of the control routes.
    pub(super) fn control(&self) -> &str {
        self.told["control"].as_str().unwrap()
    }

    pub(super) fn get(&self, path: &str) -> Value {
        http("GET", &format!("{}{path}", self.control()), None)
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Value {
        http("POST", &format!("{}{path}", self.control()), Some(body))
    }

    /// The `connections.yaml` that leads to these systems, with no secret in it.
    pub(super) fn connections(&self) -> String {
        format!(
            "lms: {{ spoke: litmos, url: \"{}\", allow_private: true, api_key: vault }}\n\
             sn: {{ spoke: servicenow, url: \"{}\", allow_private: true, user_name: {}, password: vault }}\n\
             st: {{ spoke: sumtotal, url: \"{}\", allow_private: true, entity: acme, client_id: {}, \
             token_url: \"{}\", client_secret: vault }}\n",
            self.url("litmos"),
            self.url("servicenow"),
            self.secret("servicenow", "user_name"),
            self.url("sumtotal"),
            self.secret("sumtotal", "client_id"),
            self.secret("sumtotal", "token_url"),
        )
    }

    /// Puts the secrets into the project's vault, each in another of the ways there are.
    pub(super) fn configure(&self, project: &Project) -> Vec<Done> {
        let outside = TempDir::new().unwrap();
        let file = outside.path().join("password");
        fs::write(&file, self.secret("servicenow", "password")).unwrap();
        let password = format!("password=file:{}", file.display());

        let mut lms = project.command(&[
            "connections",
            "configure",
            "lms",
            "--secret",
            "api_key=env:KEY_OF_LITMOS",
            "--verbose",
        ]);
        lms.env("KEY_OF_LITMOS", self.secret("litmos", "api_key"));
        let sn = ["connections", "configure", "sn", "--secret", &password, "--verbose"];
        let mut done = vec![Done::of(&mut lms), project.linchpin(&sn)];

        let mut st = project.command(&[
            "connections",
            "configure",
            "st",
            "--secret",
            "client_secret=-",
            "--json",
        ]);
        let typed = outside.path().join("typed");
        fs::write(&typed, format!("{}\n", self.secret("sumtotal", "client_secret"))).unwrap();
        st.stdin(fs::File::open(&typed).unwrap());
        done.push(Done::of(&mut st));
        done.into_iter().map(|done| done.ends_with(0)).collect()
    }
}
