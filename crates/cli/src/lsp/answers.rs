//! What is answered: each request as a question to the engine, and its answer as the protocol
//! writes it.

use linchpin_engine::editor::{self, Page, Symbol, Target, What};
use linchpin_language::{Diagnostic, Severity, Source, Span, Value, format_yaml, json};
use linchpin_runtime::connections::ConnectionsFile;

use super::documents::{Kind, Open, uri};
use super::projects::Folder;
use super::text::Lines;
use super::wire::Refusal;
use crate::project::Settings;

/// A request about a document.
pub(super) struct Question<'q> {
    pub(super) uri: &'q str,
    pub(super) params: &'q Value,
    pub(super) open: &'q Open,
    pub(super) folder: &'q Folder,
}

/// What answers a request.
type Method = fn(&Question<'_>) -> Result<Value, Refusal>;

/// What answers the request of that name.
pub(super) fn method(name: &str) -> Option<Method> {
    Some(match name {
        "textDocument/completion" => completion,
        "textDocument/hover" => hover,
        "textDocument/definition" => definition,
        "textDocument/prepareRename" => prepare_rename,
        "textDocument/rename" => rename,
        "textDocument/documentSymbol" => symbols,
        "textDocument/codeAction" => actions,
        "textDocument/formatting" => formatting,
        _ => return None,
    })
}

/// What the server can do.
pub(super) fn capabilities() -> Value {
    json!({
        "capabilities": {
            "positionEncoding": "utf-16",
            "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
            "completionProvider": { "triggerCharacters": [".", "{", " "] },
            "hoverProvider": true,
            "definitionProvider": true,
            "renameProvider": { "prepareProvider": true },
            "documentSymbolProvider": true,
            "documentFormattingProvider": true,
            "codeActionProvider": { "codeActionKinds": ["quickfix"] },
        },
        "serverInfo": { "name": "linchpin", "version": env!("CARGO_PKG_VERSION") },
    })
}

impl Question<'_> {
    fn is_flow(&self) -> bool {
        self.open.kind(self.folder) == Kind::Flow
    }

    /// Asks the engine about the place that the request names; nothing of what is no flow.
    fn ask<T>(&self, ask: impl FnOnce(&Page<'_>, usize) -> T) -> Result<Option<T>, Refusal> {
        let position = &self.params["position"];
        let at = self.open.lines.offset(position);
        let at = at.ok_or_else(|| Refusal::invalid_params("a position is missing"))?;
        Ok(self.is_flow().then(|| self.page(|page| ask(page, at))))
    }

    fn page<T>(&self, ask: impl FnOnce(&Page<'_>) -> T) -> T {
        let name = self.open.name();
        let page = Page::new(&name, self.open.lines.text(), &self.folder.catalog);
        ask(&Page { good: self.open.good.as_deref(), ..page })
    }
}

fn completion(question: &Question<'_>) -> Result<Value, Refusal> {
    let lines = &question.open.lines;
    let offered = question.ask(editor::completions)?.unwrap_or_default();
    let items: Vec<Value> = offered
        .iter()
        .enumerate()
        .map(|(at, one)| {
            json!({
                "label": one.label,
                "kind": item_kind(one.what),
                "detail": one.detail,
                "documentation":
                    one.about.as_ref().map(|text| json!({ "kind": "markdown", "value": text })),
                // Editors sort by letters otherwise; ours is the order of use.
                "sortText": format!("{at:04}"),
                "filterText": one.label,
                "textEdit": { "range": lines.range(one.replaces), "newText": one.insert },
            })
        })
        .collect();
    Ok(json!({ "isIncomplete": false, "items": items }))
}

/// The number that the protocol has for a kind of thing.
fn item_kind(what: What) -> u8 {
    match what {
        What::Key | What::Input => 10,
        What::Kind => 14,
        What::Action => 2,
        What::Flow => 9,
        What::Step => 6,
        What::Field => 5,
        What::Function => 3,
        What::Word => 12,
    }
}

fn hover(question: &Question<'_>) -> Result<Value, Refusal> {
    let found = question.ask(editor::hover)?.flatten();
    Ok(found.map_or(Value::Null, |hover| {
        json!({
            "contents": { "kind": "markdown", "value": hover.text },
            "range": question.open.lines.range(hover.span),
        })
    }))
}

fn definition(question: &Question<'_>) -> Result<Value, Refusal> {
    let Some(target) = question.ask(editor::definition)?.flatten() else { return Ok(Value::Null) };
    let folder = question.folder;
    Ok(match target {
        Target::Here(span) => {
            json!({ "uri": question.uri, "range": question.open.lines.range(span) })
        }
        Target::Flow(name) => match folder.flows.get(&name) {
            Some(path) => at_start(&uri(path)),
            None => Value::Null,
        },
        Target::Alias(alias) => {
            // The last file that has it counts.
            let files = folder.connections().into_iter().rev();
            let found = files.filter_map(|file| {
                let text = std::fs::read_to_string(&file).ok()?;
                let at = text.lines().position(|line| {
                    line.strip_prefix(&alias).is_some_and(|rest| rest.starts_with(':'))
                })?;
                let start = json!({ "line": at, "character": 0 });
                Some(json!({ "uri": uri(&file), "range": { "start": start, "end": start } }))
            });
            found.into_iter().next().unwrap_or_default()
        }
    })
}

fn at_start(uri: &str) -> Value {
    let start = json!({ "line": 0, "character": 0 });
    json!({ "uri": uri, "range": { "start": start, "end": start } })
}

fn prepare_rename(question: &Question<'_>) -> Result<Value, Refusal> {
    let found = question.ask(editor::renameable)?.flatten();
    Ok(found.map_or(Value::Null, |span| question.open.lines.range(span)))
}

fn rename(question: &Question<'_>) -> Result<Value, Refusal> {
    let name = question.params["newName"].as_str();
    let name = name.ok_or_else(|| Refusal::invalid_params("the new name is missing"))?;
    let spans = match question.ask(|page, at| editor::rename(page, at, name))? {
        None => return Ok(Value::Null),
        Some(Err(refusal)) => return Err(Refusal::failed(refusal.to_string())),
        Some(Ok(spans)) => spans,
    };
    let lines = &question.open.lines;
    let edits: Vec<Value> =
        spans.iter().map(|span| json!({ "range": lines.range(*span), "newText": name })).collect();
    Ok(json!({ "changes": { question.uri: edits } }))
}

fn symbols(question: &Question<'_>) -> Result<Value, Refusal> {
    if !question.is_flow() {
        return Ok(json!([]));
    }
    let found = question.page(editor::symbols);
    Ok(found.iter().map(|symbol| outline(&question.open.lines, symbol)).collect())
}

fn outline(lines: &Lines, symbol: &Symbol) -> Value {
    let children: Vec<Value> = symbol.children.iter().map(|child| outline(lines, child)).collect();
    // A step, and what only holds others.
    let kind = if symbol.detail.is_empty() { 3 } else { 12 };
    json!({
        "name": symbol.name, "detail": symbol.detail, "kind": kind,
        "range": lines.range(symbol.span), "selectionRange": lines.range(symbol.name_span),
        "children": children,
    })
}

/// What the help of the mistakes in a range says to write.
fn actions(question: &Question<'_>) -> Result<Value, Refusal> {
    let lines = &question.open.lines;
    let range = &question.params["range"];
    let (Some(start), Some(end)) = (lines.offset(&range["start"]), lines.offset(&range["end"]))
    else {
        return Err(Refusal::invalid_params("a range is missing"));
    };
    let mistakes = mistakes(question.open, question.folder);
    let touched = mistakes.iter().filter(|one| one.span.start <= end && one.span.end >= start);
    let actions = touched.filter_map(|mistake| {
        let fix = editor::fix(mistake)?;
        let edit = json!({ "range": lines.range(fix.span), "newText": fix.text });
        Some(json!({
            "title": fix.title, "kind": "quickfix", "isPreferred": true,
            "diagnostics": [diagnostic(lines, mistake)],
            "edit": { "changes": { question.uri: [edit] } },
        }))
    });
    Ok(actions.collect())
}

/// The layout of `linchpin fmt`; nothing while the file cannot be read.
fn formatting(question: &Question<'_>) -> Result<Value, Refusal> {
    let lines = &question.open.lines;
    let text = lines.text();
    let is_ours = question.open.kind(question.folder) != Kind::Other;
    let laid_out = is_ours.then(|| format_yaml(&question.open.name(), text).ok()).flatten();
    Ok(match laid_out.filter(|after| after != text) {
        Some(after) => {
            let all = lines.range(Span { start: 0, end: text.len() });
            json!([{ "range": all, "newText": after }])
        }
        None => json!([]),
    })
}

/// What is wrong with a document.
pub(super) fn diagnostics(open: &Open, folder: &Folder) -> Vec<Value> {
    mistakes(open, folder).iter().map(|mistake| diagnostic(&open.lines, mistake)).collect()
}

fn mistakes(open: &Open, folder: &Folder) -> Vec<Diagnostic> {
    let (name, text) = (open.name(), open.lines.text());
    match open.kind(folder) {
        Kind::Flow => open.draft.check(&folder.catalog),
        Kind::Settings => Settings::read(&name, text).1,
        Kind::Connections => {
            let below = folder
                .connections()
                .into_iter()
                .take_while(|file| Some(file.as_path()) != open.path.as_deref());
            let below: Vec<(String, String)> = below
                .filter_map(|file| {
                    Some((file.display().to_string(), std::fs::read_to_string(&file).ok()?))
                })
                .collect();
            let mut files: Vec<(&str, &str)> =
                below.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            files.push((&name, text));
            let mut found =
                ConnectionsFile::parse(&files, folder.spokes()).err().unwrap_or_default();
            found.retain(|mistake| is_of(&mistake.source, &name));
            found
        }
        Kind::Other => Vec::new(),
    }
}

fn is_of(source: &Source, name: &str) -> bool {
    source.name() == name
}

fn diagnostic(lines: &Lines, mistake: &Diagnostic) -> Value {
    let severity = match mistake.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        // What editors call a hint is hardly shown.
        Severity::Hint => 3,
    };
    let message = match &mistake.help {
        Some(help) => format!("{}\n{help}", mistake.message),
        None => mistake.message.clone(),
    };
    json!({
        "range": lines.range(mistake.span), "severity": severity, "code": mistake.code.0,
        "source": "linchpin", "message": message,
    })
}
