//! `linchpin.yaml`: read with positions, every mistake at once.

mod retention;
mod server;
mod vault;

use std::net::SocketAddr;
use std::path::Path;

use linchpin_engine::flow::Calendar;
use linchpin_engine::schedule::Calendars;
use linchpin_language::{Diagnostic, Document, Node, codes, did_you_mean};
use linchpin_persistence::Wanted;
use linchpin_runtime::capture::Keep;
use linchpin_runtime::retention::Retention;

pub(crate) use self::vault::VaultKey;

/// The settings of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The store's kind and folder, relative to the project.
    pub(crate) store: Wanted,
    /// Which `connections.ENV.yaml` is read.
    pub(crate) environment: Option<String>,
    /// The folder of the flows.
    pub(crate) flows: String,
    /// The folder of the project's own spokes.
    pub(crate) spokes: String,
    /// The business days that schedules name.
    pub(crate) calendars: Calendars,
    /// Which finished runs are kept.
    pub(crate) retention: Retention,
    /// Where webhooks are served.
    pub(crate) webhooks: SocketAddr,
    /// Where the vault's master key is.
    pub(crate) vault: VaultKey,
    /// Of which calls requests and answers are kept.
    pub(crate) capture: Keep,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: Wanted { kind: None, dir: ".linchpin/store".into() },
            environment: None,
            flows: "flows".to_owned(),
            spokes: "spokes".to_owned(),
            calendars: Calendars::default(),
            retention: Retention::default(),
            webhooks: server::webhooks(),
            vault: VaultKey::default(),
            capture: Keep::default(),
        }
    }
}

impl Settings {
    /// The keys of the file, each with its meaning.
    pub(crate) const KEYS: [(&'static str, &'static str); 9] = [
        (
            "store",
            "The folder of the store, as sqlite:DIR or sled:DIR; without a kind, that of the store \
             which is there, or sqlite; .linchpin/store when left out.",
        ),
        ("environment", "Which connections.ENV.yaml is read over connections.yaml."),
        ("flows", "The folder of the flows; flows when left out."),
        ("spokes", "The folder of the project's own spokes; spokes when left out."),
        ("calendars", "The business days that schedules name: london: { days: [mon..fri] }."),
        (
            "retention",
            "Which finished runs are kept: { age: 90d, count: 1000, flows: { FLOW: { age: 7d } } }; \
             all when left out.",
        ),
        (
            "server",
            "Where the daemon serves webhooks: { webhooks: 127.0.0.1:7733 }, which it is when left out.",
        ),
        (
            "vault",
            "Where the key of the vault is: { key: { file: PATH } }, { credential: NAME } for one of \
             systemd, or { command: [PROGRAM, ARGUMENT] }; .linchpin/vault.key when left out. `before` \
             is where it was until `linchpin vault rotate-key` has sealed everything anew.",
        ),
        (
            "capture",
            "Of which calls requests and answers are kept in the journal: none, failures or all; \
             none when left out.",
        ),
    ];

    fn names() -> impl Iterator<Item = &'static str> {
        Self::KEYS.iter().map(|(name, _)| *name)
    }

    /// The settings in a file as far as they can be read, with everything that is wrong with it;
    /// the defaults when there is none.
    pub(crate) fn of(file: &Path) -> (Self, Vec<Diagnostic>) {
        if !file.exists() {
            return (Self::default(), Vec::new());
        }
        match linchpin_runtime::flows::text_of(file) {
            Ok(text) => Self::read(&super::shown(file).display().to_string(), &text),
            Err(mistake) => (Self::default(), vec![mistake]),
        }
    }

    /// The settings in a text, as far as they can be read, with everything that is wrong with it.
    pub(crate) fn read(name: &str, text: &str) -> (Self, Vec<Diagnostic>) {
        let (mut settings, mut mistakes) = (Self::default(), Vec::new());
        let (document, misformed) = Document::read(name, text);
        if let Some(document) = &document {
            settings.take(&document.root(), &mut mistakes);
        }
        // Of a value that is misformed nothing more is said.
        mistakes.retain(|one| !misformed.iter().any(|other| other.span.start == one.span.start));
        mistakes.extend(misformed);
        (settings, mistakes)
    }

    fn take(&mut self, root: &Node<'_>, mistakes: &mut Vec<Diagnostic>) {
        if root.value().is_null() {
            return;
        }
        if !root.value().is_object() {
            let mistake = root.error(codes::WRONG_TYPE, "the settings are a map: `store: ...`");
            return mistakes.push(mistake);
        }
        for (key, node) in root.entries() {
            match (key, node.as_str()) {
                ("store", Some(text)) => match text.parse() {
                    Ok(store) => self.store = store,
                    Err(why) => mistakes.push(node.error(codes::BAD_VALUE, why.to_string())),
                },
                ("capture", Some(text)) => {
                    match Keep::WORDS.iter().find(|(word, _)| *word == text) {
                        Some((_, keep)) => self.capture = *keep,
                        None => {
                            let mistake = format!("{text:?} says not which calls are captured");
                            let mistake = node.error(codes::BAD_VALUE, mistake);
                            mistakes.push(mistake.with_help("write none, failures or all"));
                        }
                    }
                }
                ("environment", Some(text)) => self.environment = Some(text.to_owned()),
                ("flows", Some(text)) => self.flows = text.to_owned(),
                ("spokes", Some(text)) => self.spokes = text.to_owned(),
                ("calendars", None) if node.value().is_object() => {
                    for (name, calendar) in node.entries() {
                        match linchpin_engine::parse::calendar(&calendar) {
                            Ok(calendar) => {
                                self.calendars.insert(name.to_owned(), calendar);
                            }
                            Err(found) => {
                                // What names it is not wrong as well.
                                self.calendars.insert(name.to_owned(), Calendar::default());
                                mistakes.extend(found);
                            }
                        }
                    }
                }
                ("retention", None) if node.value().is_object() => {
                    self.retention = retention::read(&node, mistakes);
                }
                ("server", None) if node.value().is_object() => {
                    self.webhooks = server::read(&node, mistakes);
                }
                ("vault", None) if node.value().is_object() => {
                    self.vault = vault::read(&node, mistakes);
                }
                _ => mistakes.push(mistake(key, &node)),
            }
        }
    }
}

fn mistake(key: &str, node: &Node<'_>) -> Diagnostic {
    if key == "calendars" {
        let mistake = node.error(codes::WRONG_TYPE, "calendars is a map of names to calendars");
        return mistake.with_help("write calendars: { london: { days: [mon..fri] } }");
    }
    if key == "retention" {
        let mistake = node.error(codes::WRONG_TYPE, "retention is a map of limits");
        return mistake.with_help("write retention: { age: 90d, count: 1000 }");
    }
    if key == "server" {
        let mistake = node.error(codes::WRONG_TYPE, "server is a map of addresses");
        return mistake.with_help("write server: { webhooks: 127.0.0.1:7733 }");
    }
    if key == "vault" {
        let mistake = node.error(codes::WRONG_TYPE, "vault says where its key is");
        return mistake.with_help("write vault: { key: { credential: NAME } }");
    }
    if Settings::names().any(|name| name == key) {
        return node.error(codes::WRONG_TYPE, format!("{key} is a text"));
    }
    let mistake = node.error_at_key(codes::UNKNOWN_KEY, format!("there is no setting {key:?}"));
    let all: Vec<&str> = Settings::names().collect();
    match did_you_mean(key, Settings::names()) {
        Some(near) => mistake.with_help(format!("did you mean {near}?")),
        None => mistake.with_help(format!("the settings are {}", all.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, Vec<Diagnostic>> {
        let (settings, mistakes) = Settings::read("linchpin.yaml", text);
        if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let settings = parse("environment: test\n").unwrap();
        let expected = Settings { environment: Some("test".to_owned()), ..Settings::default() };
        assert_eq!(settings, expected);
        assert_eq!(parse("# nothing\n").unwrap(), Settings::default());
    }

    #[test]
    fn calendars_are_read_with_their_mistakes() {
        let text =
            "calendars: { office: { days: [mon..thu], holidays: [2026-12-24 Christmas Eve] } }";
        let settings = parse(text).unwrap();
        let office = &settings.calendars["office"];
        assert_eq!(office.days.len(), 4);
        let eve = office.excludes("2026-12-24".parse().unwrap());
        assert_eq!(eve.as_deref(), Some("Christmas Eve"));
        let wrong = "calendars: { office: { days: [mo], holiday: [] } }";
        let found = parse(wrong).unwrap_err();
        let codes: Vec<_> = found.iter().map(|mistake| mistake.code.0).collect();
        assert_eq!(codes, ["unknown-key", "bad-value"]);
        assert!(parse("calendars: office").is_err());
    }

    #[test]
    fn a_kind_of_store_that_there_is_not_is_told_at_its_place() {
        let found = parse("flows: flows\nstore: mysql:x\n").unwrap_err();
        assert_eq!(found[0].position(), (2, 8));
        assert!(found[0].message.contains("write sqlite:DIR or sled:DIR"), "{found:?}");
    }

    #[test]
    fn where_webhooks_are_served_is_an_address_with_a_port() {
        let read = parse;
        assert_eq!(read("").unwrap().webhooks.to_string(), "127.0.0.1:7733");
        let other = read("server: { webhooks: 0.0.0.0:0 }").unwrap();
        assert_eq!(other.webhooks.to_string(), "0.0.0.0:0");
        for (wrong, code) in [
            ("server: { webhooks: localhost }", "bad-value"),
            ("server: { webhook: 127.0.0.1:1 }", "unknown-key"),
            ("server: 127.0.0.1:1", "wrong-type"),
        ] {
            assert_eq!(read(wrong).unwrap_err()[0].code.0, code, "{wrong}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let found = parse("stor: x\nflows: 3\n").unwrap_err();
        let texts: Vec<_> = found.iter().map(|mistake| mistake.message.as_str()).collect();
        assert_eq!(texts, ["there is no setting \"stor\"", "flows is a text"]);
        assert_eq!(found[0].help.as_deref(), Some("did you mean store?"));
    }
}
