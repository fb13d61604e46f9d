//! A spoke: the actions for one system, read from its folder.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use linchpin_language::{
    Diagnostic, Document, Fields, Map, Node, Type, Value, codes, did_you_mean,
};

use crate::action::{Action, ActionSpec, Call};
use crate::connection::{Connection, ConnectionTemplate, RateRule};
use crate::error::ActionError;
use crate::manifest::{
    Exchange, ManifestAction, Names, ParsedAction, Protocol, Reading, RequestSpec, What, grammar,
    parse_action, parse_protocol, parse_request,
};
use crate::testing::Example;
use crate::transport::Transport;
use crate::webhook::Webhook;

const MANIFEST: &str = "spoke.yaml";

/// An action written in Rust: its file gives the specification, this the behaviour.
pub type CodeAction = fn(ActionSpec) -> Arc<dyn Action>;

/// The actions for one system, and how to connect to it.
pub struct Spoke {
    /// Its name in flows and connections.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How a connection is made.
    pub connection: ConnectionTemplate,
    /// How many calls the system allows.
    pub rate: Option<RateRule>,
    /// The roles its actions and flows speak of.
    pub roles: Vec<Role>,
    /// How its webhooks are known to be its own.
    pub webhook: Option<Webhook>,
    /// The subflows that come with it: path and text.
    pub flows: Vec<(String, String)>,
    actions: BTreeMap<String, Slot>,
    code: Vec<(String, CodeAction)>,
    protocol: Arc<Protocol>,
    test: Option<RequestSpec>,
}

/// An action, or the text of one that is read when it is asked for.
struct Slot {
    read: OnceLock<Option<Read>>,
    /// Path and text.
    file: Option<(String, String)>,
}

/// An action that was read.
struct Read {
    action: Arc<dyn Action>,
    examples: Vec<Example>,
}

impl Slot {
    fn of(action: Arc<dyn Action>, examples: Vec<Example>) -> Self {
        Self { read: OnceLock::from(Some(Read { action, examples })), file: None }
    }

    fn later(path: &str, text: &str) -> Self {
        let file = Some((path.to_owned(), text.to_owned()));
        Self { read: OnceLock::new(), file }
    }
}

/// A role, and the names it has elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name here.
    pub name: String,
    /// Other names for the same role.
    pub also: Vec<String>,
}

impl fmt::Debug for Spoke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<&String> = self.actions.keys().collect();
        f.debug_struct("Spoke").field("name", &self.name).field("actions", &actions).finish()
    }
}

impl Spoke {
    /// Reads a spoke's folder: relative path and text of each file. `code` are the actions written in Rust, by
    /// the name their files give under `code`. All mistakes of all files at once.
    pub fn load(
        files: &[(String, String)],
        code: &[(&str, CodeAction)],
    ) -> Result<Spoke, Vec<Diagnostic>> {
        let mut reading = Reading::default();
        let text = files.iter().find(|(path, _)| path == MANIFEST);
        let text = text.map_or("", |(_, text)| text.as_str());
        let name =
            files.iter().find(|(path, _)| path == MANIFEST).map_or(MANIFEST, |(path, _)| path);
        let document = Document::parse(name, text)?;
        let mut loading = Loading { reading: &mut reading, code };
        let spoke = loading.spoke(&document.root(), files);
        match spoke {
            Some(spoke) if reading.diagnostics.is_empty() => Ok(spoke),
            _ => Err(reading.diagnostics),
        }
    }

    /// The same of a folder that is known to have no mistakes: the file of an action is read
    /// when it is asked for, since a run needs a few of them. One with mistakes is not there.
    pub fn load_on_demand(
        files: &[(String, String)],
        code: &[(&str, CodeAction)],
    ) -> Result<Spoke, Vec<Diagnostic>> {
        let is_action = |path: &str| path.starts_with("actions/") && path.ends_with(".yaml");
        let (actions, others): (Vec<_>, Vec<_>) =
            files.iter().cloned().partition(|(path, _)| is_action(path));
        let spoke = Self::load(&others, code)?;
        let named =
            |(path, text): &(String, String)| (stem(path).to_owned(), Slot::later(path, text));
        Ok(Spoke { actions: actions.iter().map(named).collect(), ..spoke })
    }

    /// The same spoke with other actions, for a test that stands in for the system.
    #[must_use]
    pub fn with_actions(mut self, actions: impl IntoIterator<Item = Arc<dyn Action>>) -> Self {
        let named =
            |action: Arc<dyn Action>| (action.spec().name.clone(), Slot::of(action, Vec::new()));
        self.actions = actions.into_iter().map(named).collect();
        self
    }

    /// The action of that name.
    pub fn action(&self, name: &str) -> Option<&Arc<dyn Action>> {
        Some(&self.read(self.actions.get(name)?)?.action)
    }

    /// All actions, by name.
    pub fn actions(&self) -> impl Iterator<Item = (&str, &Arc<dyn Action>)> {
        let all = self.actions.iter();
        all.filter_map(|(name, slot)| Some((name.as_str(), &self.read(slot)?.action)))
    }

    /// The names of all actions, in order; nothing is read for them.
    pub fn action_names(&self) -> impl Iterator<Item = &str> {
        self.actions.keys().map(String::as_str)
    }

    fn read<'s>(&'s self, slot: &'s Slot) -> Option<&'s Read> {
        let read = || {
            let (path, text) = slot.file.as_ref()?;
            let mut reading = Reading::default();
            let code: Vec<_> =
                self.code.iter().map(|(name, build)| (name.as_str(), *build)).collect();
            let mut loading = Loading { reading: &mut reading, code: &code };
            let (_, read) = loading.read(path, text, &self.protocol)?;
            reading.diagnostics.is_empty().then_some(read)
        };
        slot.read.get_or_init(read).as_ref()
    }

    /// Whether there is something to read that shows that a connection works.
    pub fn has_test(&self) -> bool {
        self.test.is_some()
    }

    /// Makes the request that proves a connection; without one in the manifest what the transport can
    /// see by itself counts.
    pub async fn test(
        &self,
        connection: &Connection,
        transport: &dyn Transport,
    ) -> Result<(), ActionError> {
        let Some(RequestSpec { what: What::Send(sending), .. }) = &self.test else {
            return transport.greet().await;
        };
        let inputs = Value::Object(Map::new());
        let now = jiff::Timestamp::UNIX_EPOCH;
        let call = Call { inputs: &inputs, connection, transport, key: "test", now, overlay: None };
        let mut names = Names::default();
        names.set("connection", self.protocol.connection_values(connection));
        let exchange = Exchange { protocol: &self.protocol, call: &call };
        exchange.rows(sending, &names).await.map(|_| ())
    }

    /// The examples of each action, by its name.
    pub(crate) fn examples(&self) -> impl Iterator<Item = (&str, &[Example])> {
        let all = self.actions.iter();
        all.filter_map(|(name, slot)| Some((name.as_str(), self.read(slot)?.examples.as_slice())))
    }

    /// Values of a connection that examples run on: the defaults, and a loopback URL.
    pub(crate) fn example_connection(&self) -> Connection {
        let mut values = Map::new();
        for (name, schema) in self.connection.schemas() {
            if !matches!(schema.ty, Type::Secret) {
                values.insert(name, schema.default.unwrap_or_default());
            }
        }
        values.insert("url".to_owned(), Value::from("https://example.test"));
        Connection { alias: self.name.clone(), spoke: self.name.clone(), values }
    }
}

/// The name that the file of an action has to hold.
fn stem(path: &str) -> &str {
    path.trim_start_matches("actions/").trim_end_matches(".yaml")
}

struct Loading<'l> {
    reading: &'l mut Reading,
    code: &'l [(&'l str, CodeAction)],
}

impl Loading<'_> {
    fn spoke(&mut self, root: &Node<'_>, files: &[(String, String)]) -> Option<Spoke> {
        if !self.reading.mapping(root, &grammar::SPOKE) {
            return None;
        }
        let name = self.reading.required(root, "spoke");
        let name = name.and_then(|node| self.reading.string(&node));
        let title = self.reading.required(root, "title");
        let title = title.and_then(|node| self.reading.string(&node));
        let rate = root.get("rate").and_then(|node| self.rate(&node));
        let roles = self.roles(root);
        let webhook = root.get("webhook").and_then(|node| Webhook::parse(self.reading, &node));
        let connection = ConnectionTemplate::parse(self.reading, root);
        let schemas = connection.as_ref().map(ConnectionTemplate::schemas).unwrap_or_default();
        let protocol = Arc::new(parse_protocol(self.reading, root, schemas));
        let test = self.test(root, &protocol);
        let mut actions = BTreeMap::new();
        let mut flows = Vec::new();
        for (path, text) in files {
            if path.starts_with("flows/") && path.ends_with(".yaml") {
                flows.push((path.clone(), text.clone()));
            }
            if !path.starts_with("actions/") || !path.ends_with(".yaml") {
                continue;
            }
            if let Some((name, Read { action, examples })) = self.read(path, text, &protocol) {
                actions.insert(name, Slot::of(action, examples));
            }
        }
        self.undos(files, &actions);
        Some(Spoke {
            name: name?,
            title: title?,
            connection: connection?,
            rate,
            roles,
            webhook,
            flows,
            actions,
            code: self.code.iter().map(|(name, build)| ((*name).to_owned(), *build)).collect(),
            protocol,
            test,
        })
    }

    /// Reads the file of an action.
    fn read(&mut self, path: &str, text: &str, protocol: &Arc<Protocol>) -> Option<(String, Read)> {
        let mut parsed = self.action(path, text, protocol)?;
        let examples = std::mem::take(&mut parsed.examples);
        let name = parsed.spec.name.clone();
        let action = self.build(path, text, parsed, protocol)?;
        Some((name, Read { action, examples }))
    }

    /// An action file says its own name twice: inside, and as its file name.
    fn action(&mut self, path: &str, text: &str, protocol: &Protocol) -> Option<ParsedAction> {
        let document = self.reading.take(Document::parse(path, text))?;
        let parsed = parse_action(self.reading, &document, protocol)?;
        if parsed.spec.name != stem(path) {
            let message = format!("the file {path} holds the action `{}`", parsed.spec.name);
            let node = document.root().get("action").unwrap_or_else(|| document.root());
            self.reading.error(&node, codes::BAD_MANIFEST, message);
        }
        Some(parsed)
    }

    fn build(
        &mut self,
        path: &str,
        text: &str,
        parsed: ParsedAction,
        protocol: &Arc<Protocol>,
    ) -> Option<Arc<dyn Action>> {
        let Some(code) = &parsed.code else {
            return Some(Arc::new(ManifestAction { protocol: Arc::clone(protocol), parsed }));
        };
        let found = self.code.iter().find(|(name, _)| name == code);
        if found.is_none() {
            let document = self.reading.take(Document::parse(path, text))?;
            let node = document.root().get("code")?;
            let message = format!("there is no code named `{code}` here");
            self.reading.error(&node, codes::UNKNOWN_NAME, message);
        }
        found.map(|(_, build)| build(parsed.spec))
    }

    /// An `undo` names an action of the same spoke.
    fn undos(&mut self, files: &[(String, String)], actions: &BTreeMap<String, Slot>) {
        for (name, slot) in actions {
            let action = slot.read.get().and_then(Option::as_ref).map(|read| &read.action);
            let undo = action.and_then(|action| action.spec().undo.as_ref());
            let Some(undo) = undo else { continue };
            // One whose file has mistakes is there all the same.
            let file = format!("actions/{}.yaml", undo.action);
            if files.iter().any(|(path, _)| *path == file) {
                continue;
            }
            let path = format!("actions/{name}.yaml");
            let text = files.iter().find(|(known, _)| *known == path);
            let Some(document) = text.and_then(|(path, text)| Document::parse(path, text).ok())
            else {
                continue;
            };
            let root = document.root();
            let Some(node) = root.get("undo").and_then(|undo| undo.get("action")) else { continue };
            let message = format!("this spoke has no action `{}`", undo.action);
            let mistake = node.error(codes::UNKNOWN_ACTION, message);
            let near = did_you_mean(&undo.action, actions.keys().map(String::as_str));
            self.reading.diagnostics.push(match near {
                Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
                None => mistake,
            });
        }
    }

    fn rate(&mut self, node: &Node<'_>) -> Option<RateRule> {
        self.reading.mapping(node, &grammar::RATE);
        let calls = self.reading.required(node, "calls");
        let calls = calls.and_then(|node| self.reading.count(&node));
        let per = self.reading.required(node, "per");
        let per = per.and_then(|node| self.reading.duration(&node));
        Some(RateRule { calls: u32::try_from(calls?).ok()?, per: per? })
    }

    fn roles(&mut self, root: &Node<'_>) -> Vec<Role> {
        let mut roles = Vec::new();
        for node in root.get("roles").map(|node| node.items()).unwrap_or_default() {
            self.reading.mapping(&node, &grammar::ROLE);
            let also = node.get("also").map(|node| self.reading.strings(&node)).unwrap_or_default();
            let name = self.reading.required(&node, "name");
            let name = name.and_then(|node| self.reading.string(&node));
            roles.extend(name.map(|name| Role { name, also }));
        }
        roles
    }

    fn test(&mut self, root: &Node<'_>, protocol: &Protocol) -> Option<RequestSpec> {
        let node = root.get("connection")?.get("test")?;
        let mark = self.reading.mark();
        self.reading.know_fields("connection", protocol.visible());
        let spec = parse_request(self.reading, &node, protocol, &Fields::new());
        self.reading.forget(mark);
        spec
    }
}
