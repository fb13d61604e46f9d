//! The flows of a project: their texts, checked, and what a run of one needs of them.

mod needs;

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linchpin_engine::catalog::{ActionFacts, Catalog};
use linchpin_engine::flow::{Flow, LoopSource, StepKind};
use linchpin_language::{Diagnostic, Severity, Source, Span, codes};
use sha2::{Digest, Sha256};

/// The flows of a project by name.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    flows: BTreeMap<String, Arc<Loaded>>,
    /// Whether files of flows could not be read: some that are not here are not gone.
    lack_some: bool,
}

/// A flow with the text it was read from.
#[derive(Debug)]
pub struct Loaded {
    /// The flow.
    pub flow: Flow,
    /// Its file's content.
    pub text: String,
    /// The content hash, in hex.
    pub hash: String,
    /// The file.
    pub file: PathBuf,
}

/// What could not be read from disk.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct Unreadable {
    path: PathBuf,
    source: std::io::Error,
}

impl Flows {
    /// Reads each `.yaml` file of a folder and its subfolders but tests, in order of their
    /// names. The flows that can be read are there even when others have mistakes.
    pub fn load(folder: &Path) -> Result<(Self, Vec<Diagnostic>), Unreadable> {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.sort();
        let (mut texts, mut unread) = (Vec::new(), Vec::new());
        for file in files {
            match text_of(&file) {
                Ok(text) => texts.push((file, text)),
                Err(mistake) => unread.push(mistake),
            }
        }
        let (flows, mistakes) = Self::parse(texts);
        unread.extend(mistakes);
        Ok((flows, unread))
    }

    /// The same from texts that are in memory.
    pub fn parse(texts: Vec<(PathBuf, String)>) -> (Self, Vec<Diagnostic>) {
        let mut flows = Self::default();
        let mut diagnostics = Vec::new();
        let read = read_all(&texts);
        for ((file, text), read) in texts.into_iter().zip(read) {
            match read {
                Ok(flow) => diagnostics.extend(flows.add(file, text, flow)),
                Err(mistakes) => diagnostics.extend(mistakes),
            }
        }
        (flows, diagnostics)
    }

    fn add(&mut self, file: PathBuf, text: String, flow: Flow) -> Option<Diagnostic> {
        if let Some(first) = self.flows.get(&flow.name) {
            let message =
                format!("the flow {} is written in {} already", flow.name, first.file.display());
            let source: Source = flow.source.clone();
            let span = name_of(source.text());
            let help = "give one of the two another name after `flow:`";
            let mistake =
                Diagnostic::new(Severity::Error, codes::DUPLICATE_FLOW, message, source, span);
            return Some(mistake.with_help(help));
        }
        let hash = hash(&text);
        self.flows.insert(flow.name.clone(), Arc::new(Loaded { flow, text, hash, file }));
        None
    }

    /// These flows, and of the older ones those that these are not a newer text of.
    pub fn over(mut self, older: &Self) -> Self {
        for (name, loaded) in &older.flows {
            self.flows.entry(name.clone()).or_insert_with(|| Arc::clone(loaded));
        }
        self.lack_some |= older.lack_some;
        self
    }

    /// The same flows, where others could not be read.
    pub fn lacking(self, lack_some: bool) -> Self {
        Self { lack_some, ..self }
    }

    /// Whether a flow that was there before and is not among these is gone. What cannot be read may
    /// hold it, and a folder without any flow may be one that is not mounted.
    pub(crate) fn are_all(&self) -> bool {
        !self.lack_some && !self.flows.is_empty()
    }

    /// Only the flows that pass a test.
    pub fn only(mut self, test: impl Fn(&Loaded) -> bool) -> Self {
        self.flows.retain(|_, loaded| test(loaded));
        self
    }

    /// One flow.
    pub fn get(&self, name: &str) -> Option<&Arc<Loaded>> {
        self.flows.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        self.flows.values()
    }

    /// The flow and each subflow it can reach, by name.
    pub fn reachable(&self, name: &str) -> BTreeMap<String, Arc<Loaded>> {
        let mut reached = BTreeMap::new();
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            let Some(loaded) = self.flows.get(&name) else { continue };
            if reached.insert(name, Arc::clone(loaded)).is_none() {
                for_each_step(&loaded.flow, &mut |kind| {
                    if let StepKind::Subflow(call) = kind {
                        open.push(call.flow.value.clone());
                    }
                });
            }
        }
        reached
    }
}

/// Each text as a flow, in their order; several are read at once.
fn read_all(texts: &[(PathBuf, String)]) -> Vec<Result<Flow, Vec<Diagnostic>>> {
    /// Below so many, threads cost more than they save.
    const FEW: usize = 16;
    let read = |texts: &[(PathBuf, String)]| -> Vec<_> {
        let one = |(file, text): &(PathBuf, String)| {
            linchpin_engine::parse(&file.display().to_string(), text)
        };
        texts.iter().map(one).collect()
    };
    if texts.len() < FEW {
        return read(texts);
    }
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    std::thread::scope(|scope| {
        let shares = texts.chunks(texts.len().div_ceil(workers));
        let shares: Vec<_> = shares.map(|share| scope.spawn(move || read(share))).collect();
        let joined = shares.into_iter().map(|share| share.join());
        joined.flat_map(|found| found.unwrap_or_else(|cause| resume_unwind(cause))).collect()
    })
}

/// Where the name of a flow stands in its text.
fn name_of(text: &str) -> Span {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if let Some(rest) = line.strip_prefix("flow:") {
            let name = rest.split(" #").next().unwrap_or_default().trim();
            let start = start + line.find(name).unwrap_or(0);
            return Span { start, end: start + name.len() };
        }
        start += line.len();
    }
    Span::default()
}

/// The text of a file; a file that is no text, or that may not be read, is one mistake in it.
pub fn text_of(file: &Path) -> Result<String, Diagnostic> {
    let mistake = |message: String, source: Source, span: Span| {
        Diagnostic::new(Severity::Error, codes::UNREADABLE_FILE, message, source, span)
    };
    let name = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| {
        mistake(
            format!("the file cannot be read: {error}"),
            Source::new(&name, ""),
            Span::default(),
        )
    })?;
    String::from_utf8(bytes).map_err(|error| {
        // Up to there both are the same.
        let start = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
        let byte = error.as_bytes().get(start).copied().unwrap_or_default();
        let message =
            format!("the file is not text in UTF-8: the byte {byte:#04x} cannot stand here");
        mistake(message, Source::new(&name, &text), Span { start, end })
            .with_help("save it as UTF-8 in your editor")
    })
}

/// What the interpreter must know of the actions that these flows call.
pub fn facts<'a>(
    flows: impl Iterator<Item = &'a Flow>,
    catalog: &Catalog,
) -> BTreeMap<String, ActionFacts> {
    let mut facts = BTreeMap::new();
    for flow in flows {
        for_each_step(flow, &mut |kind| {
            let calls = match kind {
                StepKind::Call(call) => [Some(call), call.undo.as_deref()],
                StepKind::ForEach(each) => match &each.source {
                    LoopSource::Stream(call) => [Some(call), None],
                    LoopSource::List(_) => return,
                },
                _ => return,
            };
            for call in calls.into_iter().flatten() {
                let spoke = Catalog::spoke_of(&flow.connections, &call.alias.value);
                let action = call.action.value.as_str();
                let undo = catalog.spec(spoke, action).and_then(|spec| spec.undo.as_ref());
                let undo = undo.map(|undo| undo.action.as_str());
                for action in [Some(action), undo].into_iter().flatten() {
                    if let Some(known) = catalog.facts(spoke, action) {
                        facts.insert(format!("{spoke}.{action}"), known);
                    }
                }
            }
        });
    }
    facts
}

fn for_each_step(flow: &Flow, see: &mut dyn FnMut(&StepKind)) {
    let mut open = vec![&flow.steps];
    open.extend([&flow.on_error, &flow.on_cancel, &flow.finally].into_iter().flatten());
    while let Some(block) = open.pop() {
        for step in &block.steps {
            see(&step.kind);
            open.extend(step.blocks().into_iter().map(|(_, inner)| inner));
        }
    }
}

/// The content hash of a flow's text.
pub(crate) fn hash(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Unreadable> {
    let unreadable = |source| Unreadable { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, files)?;
        } else if (name.ends_with(".yaml") || name.ends_with(".yml"))
            && !name.ends_with(".test.yaml")
        {
            files.push(path);
        }
    }
    Ok(())
}
