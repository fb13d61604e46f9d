//! `connections.yaml` and the file of the environment over it: aliases and what is not secret of them.

mod extras;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use linchpin_connector::Spoke;
use linchpin_engine::retry::RetryPolicy;
use linchpin_language::{
    Diagnostic, Document, Map, Node, Schema, Source, Value, codes, did_you_mean, parse_duration,
};

use super::settings::{check_base, is_secret};
use super::source::SecretSource;

/// Keys of an alias that are not fields of its spoke's form, each with its meaning.
pub(super) const OWN_KEYS: [(&str, &str); 13] = [
    ("spoke", "The spoke that the alias is a connection of."),
    ("parent", "An alias whose settings this one has as well; its credential is its own."),
    ("about", "A remark for readers."),
    ("attributes", "Settings of the spoke that are not on its form."),
    ("allow_private", "Lets requests go to private addresses."),
    ("allow_insecure", "Lets requests go over http, unencrypted."),
    ("timeout", "How long one request may take: 30s."),
    ("retry", "How failed calls are tried again where neither step nor flow says."),
    ("tls", "Certificates: ca (trusted in place of the system's), certificate and key (our own)."),
    ("proxy", "The HTTP proxy that requests go through; where to find it when it has a password."),
    ("connections", "Several connections of the alias by name; a step picks one: alias.name."),
    ("default", "Which of several connections is meant where nobody picks one."),
    ("active", "Whether the connection is used; false puts it out of service."),
];

/// Whether a key of an alias is none of its spoke's form.
pub(super) fn is_own(key: &str) -> bool {
    OWN_KEYS.iter().any(|(own, _)| *own == key)
}

/// The aliases of an environment.
#[derive(Clone, Default)]
pub struct ConnectionsFile {
    pub(super) entries: BTreeMap<String, Entry>,
    /// The aliases that could not be read.
    unread: Vec<String>,
}

/// What the files say about one alias, its parent's settings included.
#[derive(Clone, Default)]
pub(super) struct Entry {
    pub(super) spoke: String,
    pub(super) parent: Option<String>,
    pub(super) values: Map<String, Value>,
    pub(super) sources: BTreeMap<String, SecretSource>,
    pub(super) attributes: Map<String, Value>,
    pub(super) allow_private: bool,
    pub(super) allow_insecure: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: RetryPolicy,
    pub(super) tls: Tls,
    pub(super) proxy: Option<SecretSource>,
    /// The aliases of its connections, when it has several.
    pub(super) parts: Vec<String>,
    pub(super) default: Option<String>,
    pub(super) is_off: bool,
    /// The keys that are none of its spoke's, as they are written.
    pub(super) own: Map<String, Value>,
}

/// Where the certificates of a connection are kept.
#[derive(Clone, Default)]
pub(super) struct Tls {
    /// Trusted in place of those of the system.
    pub(super) ca: Option<SecretSource>,
    /// Our own, and its key.
    pub(super) certificate: Option<SecretSource>,
    pub(super) key: Option<SecretSource>,
}

impl ConnectionsFile {
    /// Reads the files, each over the one before: an alias of a later one replaces the keys it names.
    pub fn parse(
        docs: &[(&str, &str)],
        spokes: &BTreeMap<String, Arc<Spoke>>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (read, mistakes) = Self::read(docs, spokes);
        if mistakes.is_empty() { Ok(read) } else { Err(mistakes) }
    }

    /// The same as far as the files can be read, with everything that is wrong with them.
    pub fn read(
        docs: &[(&str, &str)],
        spokes: &BTreeMap<String, Arc<Spoke>>,
    ) -> (Self, Vec<Diagnostic>) {
        let mut misformed = Vec::new();
        let mut documents = Vec::new();
        for (name, text) in docs {
            let (document, mistakes) = Document::read(name, text);
            documents.extend(document);
            misformed.extend(mistakes);
        }
        let mut reader = Reader { spokes, written: BTreeMap::new(), found: Vec::new() };
        for document in &documents {
            reader.collect(&document.root());
        }
        let aliases: Vec<String> = reader.written.keys().cloned().collect();
        let (mut entries, mut unread) = (BTreeMap::new(), Vec::new());
        for alias in aliases {
            match reader.entry(&alias, &mut BTreeSet::new()) {
                Some(entry) => drop(entries.insert(alias, entry)),
                None => unread.push(alias),
            }
        }
        // A parent's mistakes are met once for itself and once for each child.
        let mut seen = BTreeSet::new();
        reader.found.retain(|diagnostic| seen.insert(diagnostic.to_string()));
        let mut found = misformed.clone();
        found.extend(reader.found.into_iter().filter(|one| !is_among(&misformed, one)));
        blot(&mut found);
        (Self { entries, unread }, found)
    }

    /// The aliases of which the files cannot say what they lead to.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    /// The aliases and the spoke of each.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        self.entries.iter().map(|(alias, entry)| (alias.clone(), entry.spoke.clone())).collect()
    }
}

/// Where secrets stand in a file, no mistake shows them with its lines.
fn blot(found: &mut [Diagnostic]) {
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for one in found.iter().filter(|one| one.code == codes::SECRET_LITERAL) {
        let text = texts.entry(one.source.name().to_owned());
        let text = text.or_insert_with(|| one.source.text().to_owned());
        // As long as it was, so that the places stay right, and over as many lines.
        let shown = |byte: u8| if matches!(byte, b'\n' | b'\r') { byte as char } else { '*' };
        let blotted: String = text[one.span.start..one.span.end].bytes().map(shown).collect();
        text.replace_range(one.span.start..one.span.end, &blotted);
    }
    let sources: BTreeMap<String, Source> =
        texts.into_iter().map(|(name, text)| (name.clone(), Source::new(name, text))).collect();
    for one in found {
        if let Some(source) = sources.get(one.source.name()) {
            one.source = source.clone();
        }
    }
}

/// Whether something is said of this place already.
fn is_among(all: &[Diagnostic], one: &Diagnostic) -> bool {
    let is_same = |other: &Diagnostic| {
        other.span.start == one.span.start && other.source.name() == one.source.name()
    };
    all.iter().any(is_same)
}

/// The keys of an alias, each as the last file that names it has it.
#[derive(Default)]
struct Written<'d> {
    keys: BTreeMap<&'d str, Node<'d>>,
    attributes: BTreeMap<&'d str, Node<'d>>,
    place: Option<Node<'d>>,
    /// The alias that this is one of several connections of.
    part_of: Option<String>,
    parts: Vec<String>,
}

struct Reader<'d> {
    spokes: &'d BTreeMap<String, Arc<Spoke>>,
    written: BTreeMap<String, Written<'d>>,
    found: Vec<Diagnostic>,
}

impl<'d> Reader<'d> {
    fn collect(&mut self, root: &Node<'d>) {
        match root.value() {
            Value::Null => return,
            Value::Object(_) => {}
            _ => {
                let message = "a connections file holds aliases, each with its settings";
                self.found.push(root.error(codes::WRONG_TYPE, message));
                return;
            }
        }
        for (alias, node) in root.entries() {
            if !is_alias(alias) {
                let message =
                    format!("{alias:?} cannot be an alias: letters, digits and _ make one");
                self.found.push(node.error_at_key(codes::BAD_ID, message));
                continue;
            }
            if !node.value().is_object() {
                let message = format!("{alias} needs settings, at least `spoke`");
                self.found.push(node.error(codes::WRONG_TYPE, message));
                continue;
            }
            self.collect_alias(alias.to_owned(), None, node);
        }
    }

    fn collect_alias(&mut self, alias: String, part_of: Option<String>, node: Node<'d>) {
        let mut parts = Vec::new();
        let is_part = part_of.is_some();
        let written = self.written.entry(alias.clone()).or_default();
        written.part_of = part_of;
        for (key, value) in node.entries() {
            if key == "attributes" && value.value().is_object() {
                written.attributes.extend(value.entries());
            } else if key == "connections" && !is_part && value.value().is_object() {
                parts = value.entries();
            } else {
                written.keys.insert(key, value);
            }
        }
        written.place = Some(node);
        for (name, part) in parts {
            if !is_alias(name) || !part.value().is_object() {
                let message =
                    format!("{name:?} is no connection of {alias}: a name and its settings");
                self.found.push(part.error_at_key(codes::BAD_ID, message));
                continue;
            }
            let full = format!("{alias}.{name}");
            if let Some(written) = self.written.get_mut(&alias)
                && !written.parts.contains(&full)
            {
                written.parts.push(full.clone());
            }
            self.collect_alias(full, Some(alias.clone()), part);
        }
    }

    /// The settled entry of an alias. `above` are the aliases whose parent this one is.
    fn entry(&mut self, alias: &str, above: &mut BTreeSet<String>) -> Option<Entry> {
        let written = self.written.get(alias)?;
        let (keys, attributes) = (written.keys.clone(), written.attributes.clone());
        let (part_of, parts) = (written.part_of.clone(), written.parts.clone());
        let place = written.place.clone()?;
        let mut entry = match (keys.get("parent"), part_of) {
            (_, Some(whole)) => self.part(alias, &whole, above)?,
            (Some(parent), None) => self.inherited(alias, parent, above)?,
            (None, None) => Entry::default(),
        };
        entry.parts = parts;
        if let Some(spoke) = keys.get("spoke").and_then(|node| self.text(node, "spoke")) {
            if !entry.spoke.is_empty() && entry.spoke != spoke {
                let message =
                    format!("{alias} cannot have another spoke than its parent: {}", entry.spoke);
                self.found.push(keys["spoke"].error(codes::CONFLICTING_KEYS, message));
            }
            spoke.clone_into(&mut entry.spoke);
        }
        if entry.spoke.is_empty() {
            let message = format!("{alias} says neither `spoke` nor `parent`");
            self.found.push(place.error_at_key(codes::MISSING_KEY, message));
            return None;
        }
        let is_kept = |key: &&&str| {
            !["spoke", "parent", "attributes", "connections", "default"].contains(key)
        };
        for key in keys.keys().filter(|key| is_own(key)).filter(is_kept) {
            entry.own.insert((*key).to_owned(), keys[key].value().clone());
        }
        self.own_keys(&mut entry, &keys);
        self.extras(&mut entry, &keys);
        let Some(spoke) = self.spokes.get(&entry.spoke) else {
            self.unknown_spoke(&entry.spoke, keys.get("spoke").unwrap_or(&place));
            return None;
        };
        self.fields(&mut entry, &keys, spoke);
        self.attributes(&mut entry, &attributes, spoke);
        self.check_urls(&entry, &keys, spoke);
        Some(entry)
    }

    /// A child has its parent's settings, but its own credential.
    fn inherited(
        &mut self,
        alias: &str,
        parent: &Node<'d>,
        above: &mut BTreeSet<String>,
    ) -> Option<Entry> {
        let name = self.text(parent, "parent")?;
        above.insert(alias.to_owned());
        if above.contains(name) {
            let message = format!("{alias} is its own ancestor");
            self.found.push(parent.error(codes::CYCLE, message));
            return None;
        }
        if !self.written.contains_key(name) {
            let near = did_you_mean(name, self.written.keys().map(String::as_str));
            let error = parent.error(codes::UNKNOWN_ALIAS, format!("there is no alias {name}"));
            let error = match near {
                Some(near) => error.with_help(format!("did you mean {near}?")),
                None => error,
            };
            self.found.push(error);
            return None;
        }
        let mut entry = self.entry(name, above)?;
        entry.parent = Some(name.to_owned());
        entry.sources.clear();
        entry.default = None;
        Some(entry)
    }

    /// One of several connections has all that stands beside them.
    fn part(&mut self, alias: &str, whole: &str, above: &mut BTreeSet<String>) -> Option<Entry> {
        above.insert(alias.to_owned());
        let mut entry = self.entry(whole, above)?;
        entry.parent = Some(whole.to_owned());
        entry.default = None;
        Some(entry)
    }

    fn unknown_spoke(&mut self, name: &str, node: &Node<'d>) {
        let error = node.error(codes::UNKNOWN_SPOKE, format!("there is no spoke {name}"));
        let near = did_you_mean(name, self.spokes.keys().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            None => {
                let names: Vec<&str> = self.spokes.keys().map(String::as_str).collect();
                format!("the spokes are {}", names.join(", "))
            }
        };
        self.found.push(error.with_help(help));
    }

    fn own_keys(&mut self, entry: &mut Entry, keys: &BTreeMap<&'d str, Node<'d>>) {
        for (key, target) in [
            ("allow_private", &mut entry.allow_private),
            ("allow_insecure", &mut entry.allow_insecure),
        ] {
            let Some(node) = keys.get(key) else { continue };
            match node.value().as_bool() {
                Some(value) => *target = value,
                None => {
                    self.found
                        .push(node.error(codes::WRONG_TYPE, format!("{key} is true or false")));
                }
            }
        }
        if let Some(node) = keys.get("timeout") {
            match node.as_str().map(parse_duration) {
                Some(Ok(timeout)) if !timeout.is_zero() => entry.timeout = Some(timeout),
                _ => {
                    let message = "timeout is a duration such as \"30s\"";
                    self.found.push(node.error(codes::BAD_DURATION, message));
                }
            }
        }
        if let Some(node) = keys.get("attributes") {
            self.found.push(node.error(codes::WRONG_TYPE, "attributes holds names and values"));
        }
    }

    fn fields(&mut self, entry: &mut Entry, keys: &BTreeMap<&'d str, Node<'d>>, spoke: &Spoke) {
        let template = &spoke.connection;
        let names = || {
            template
                .fields
                .iter()
                .map(|field| field.name.as_str())
                .chain(OWN_KEYS.iter().map(|(own, _)| *own))
        };
        for (key, node) in keys {
            if is_own(key) {
                continue;
            }
            let Some(field) = template.fields.iter().find(|field| field.name == **key) else {
                let message = format!("{} connections have no field {key}", spoke.name);
                let error = node.error_at_key(codes::UNKNOWN_KEY, message);
                let inside = template.attributes.contains_key(*key);
                self.found.push(match did_you_mean(key, names()) {
                    _ if inside => error.with_help(format!("{key} belongs under attributes")),
                    Some(near) => error.with_help(format!("did you mean {near}?")),
                    None => error,
                });
                continue;
            };
            if is_secret(field) {
                match SecretSource::parse(node, key) {
                    Ok(source) => drop(entry.sources.insert(field.name.clone(), source)),
                    Err(diagnostic) => self.found.push(diagnostic),
                }
                continue;
            }
            match SecretSource::of(node.value()).filter(|source| *source != SecretSource::Vault) {
                Some(source) => {
                    entry.values.shift_remove(*key);
                    entry.sources.insert(field.name.clone(), source);
                }
                None => match super::settings::field_value(field, node.value().clone()) {
                    Ok(value) => drop(entry.values.insert(field.name.clone(), value)),
                    Err(detail) => self.found.push(node.error(codes::BAD_VALUE, detail)),
                },
            }
        }
    }

    fn attributes(
        &mut self,
        entry: &mut Entry,
        written: &BTreeMap<&'d str, Node<'d>>,
        spoke: &Spoke,
    ) {
        let known = &spoke.connection.attributes;
        for (name, node) in written {
            let Some(schema): Option<&Schema> = known.get(*name) else {
                let message = format!("{} connections have no attribute {name}", spoke.name);
                let error = node.error_at_key(codes::UNKNOWN_KEY, message);
                let near = did_you_mean(name, known.keys().map(String::as_str));
                self.found.push(match near {
                    Some(near) => error.with_help(format!("did you mean {near}?")),
                    None => error,
                });
                continue;
            };
            match schema.coerce(node.value().clone(), name) {
                Ok(value) => drop(entry.attributes.insert((*name).to_owned(), value)),
                Err(mismatch) => self.found.push(node.error(codes::BAD_VALUE, mismatch.message)),
            }
        }
    }

    fn check_urls(&mut self, entry: &Entry, keys: &BTreeMap<&'d str, Node<'d>>, spoke: &Spoke) {
        for field in &spoke.connection.fields {
            let Some(node) = keys.get(field.name.as_str()) else { continue };
            let Some(text) = entry.values.get(&field.name).and_then(Value::as_str) else {
                continue;
            };
            if field.ty != linchpin_language::Type::Url {
                continue;
            }
            let kind = spoke.connection.credential(&entry.values).kind;
            if let Err(detail) = check_base(kind, text, entry.allow_insecure) {
                self.found.push(node.error(codes::BAD_VALUE, format!("{} {detail}", field.name)));
            }
        }
    }

    fn text(&mut self, node: &Node<'d>, key: &str) -> Option<&'d str> {
        let text = node.as_str();
        if text.is_none() {
            self.found.push(node.error(codes::WRONG_TYPE, format!("{key} is a name")));
        }
        text
    }
}

fn is_alias(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}
