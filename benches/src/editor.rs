//! W8: the language server, from a keystroke to the mistakes of the whole file.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use linchpin_language::{Value, json};

use super::{Anything, spread};

/// How many keystrokes are measured.
const KEYS: usize = 400;

/// A flow of so many lines: reads, loops and texts that read earlier steps.
fn flow(n_lines: usize) -> String {
    let mut text = "flow: long\nconnections: { lms: litmos }\nsteps:\n".to_owned();
    let mut n = 0;
    while text.lines().count() + 10 <= n_lines {
        text.push_str(&format!(
            "  - id: find_{n}\n    call: lms.users.find\n    with: {{ email: \"person{n}@example.test\" }}\n  \
             - id: each_{n}\n    if: find_{n} != null\n    for_each: \"['a', 'b'].map(c, c + '{n}')\"\n    \
             as: code\n    steps:\n      - log: \"{{{{ upper code }}}} of {{{{ run.id }}}}\"\n  \
             - log: \"{{{{ each_{n}.count }}}} codes\"\n"
        ));
        n += 1;
    }
    text.push_str("  - log: end\n");
    text
}

struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(binary: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child =
            Command::new(binary).arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let missing = || "the server has no streams";
        let stdout = BufReader::new(stdout.ok_or_else(missing)?);
        Ok(Self { stdin: stdin.ok_or_else(missing)?, stdout, child })
    }

    fn send(&mut self, message: &Value) -> Anything {
        let body = message.to_string();
        write!(self.stdin, "Content-Length: {}\r\n\r\n{body}", body.len())?;
        Ok(self.stdin.flush()?)
    }

    fn notify(&mut self, method: &str, params: Value) -> Anything {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Reads until a message that is looked for.
    fn until(
        &mut self,
        is_it: impl Fn(&Value) -> bool,
    ) -> Result<Value, Box<dyn std::error::Error>> {
        loop {
            let mut length = 0;
            loop {
                let mut line = String::new();
                if self.stdout.read_line(&mut line)? == 0 {
                    return Err("the server ended".into());
                }
                match line.trim_end().strip_prefix("Content-Length: ") {
                    Some(number) => length = number.parse()?,
                    None if line.trim_end().is_empty() => break,
                    None => {}
                }
            }
            let mut body = vec![0; length];
            self.stdout.read_exact(&mut body)?;
            let message: Value = String::from_utf8(body)?.parse()?;
            if is_it(&message) {
                return Ok(message);
            }
        }
    }

    /// Waits until it is told what is wrong with a version of the file.
    fn told(&mut self, version: usize) -> Result<Value, Box<dyn std::error::Error>> {
        self.until(|message| message["params"]["version"] == json!(version))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Types in the middle of a flow of 500 lines.
pub(super) fn keystrokes(binary: &str) -> Anything {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("linchpin.yaml"), "")?;
    std::fs::create_dir(folder.path().join("flows"))?;
    let text = flow(500);
    let uri = format!("file://{}/flows/long.yaml", folder.path().display());
    let mut server = Server::start(binary)?;
    let params = json!({ "processId": null, "capabilities": {},
        "rootUri": format!("file://{}", folder.path().display()) });
    server.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }))?;
    server.until(|message| message["id"] == 1)?;
    let document = json!({ "uri": uri, "languageId": "yaml", "version": 0, "text": text });
    server.notify("textDocument/didOpen", json!({ "textDocument": document }))?;
    let first = server.told(0)?;
    let n_errors = first["params"]["diagnostics"].as_array().into_iter().flatten();
    let n_errors = n_errors.filter(|one| one["severity"] == 1).count();
    if n_errors > 0 {
        return Err(format!("the flow of the benchmark has mistakes: {first:#}").into());
    }
    let lines: Vec<&str> = text.lines().collect();
    let middle =
        lines.iter().skip(250).position(|line| line.contains("codes\"")).unwrap_or(0) + 250;
    let start = lines[middle].find("codes").unwrap_or(0);
    let mut taken = Vec::new();
    for key in 1..=KEYS {
        // Half of them write a letter of a pill that is not closed yet, half take it away.
        let at = |character: usize| json!({ "line": middle, "character": character });
        let change = match key % 2 {
            1 => json!({ "range": { "start": at(start), "end": at(start) }, "text": "{{ eac " }),
            _ => json!({ "range": { "start": at(start), "end": at(start + 7) }, "text": "" }),
        };
        let began = Instant::now();
        server.notify(
            "textDocument/didChange",
            json!({ "textDocument": { "uri": uri, "version": key }, "contentChanges": [change] }),
        )?;
        server.told(key)?;
        taken.push(began.elapsed().as_secs_f64() * 1e3);
    }
    let (least, middle, most) = spread(&taken);
    println!(
        "W8  a keystroke in a flow of {} lines, to its mistakes: {middle:.2} ms ({least:.2} to {most:.2})",
        lines.len()
    );
    Ok(())
}
