//! Reading a manifest's nodes: keys, words, texts and expressions, collecting every mistake.

use std::rc::Rc;
use std::time::Duration;

use linchpin_language::{
    Code, Diagnostic, Expression, Facts, Fields, Mistake, Node, Reference, Schema, Severity, Study,
    Template, Text, Type, Value, a_kind, codes, did_you_mean, parse_duration,
};

use crate::manifest::grammar::Mapping;
use crate::manifest::names::Lets;

/// Mistakes so far, and the names that texts and expressions may use here.
#[derive(Default)]
pub(crate) struct Reading {
    /// Every mistake found.
    pub(crate) diagnostics: Vec<Diagnostic>,
    roots: Vec<Root>,
}

/// A name that texts and expressions may use.
struct Root {
    name: String,
    /// Its fields; none means any.
    fields: Option<Vec<String>>,
    ty: Rc<Schema>,
}

impl Reading {
    /// Says that a name may be used, with its fields when they are known.
    pub(crate) fn know(&mut self, root: &str, fields: Option<Vec<String>>) {
        let ty = Rc::new(Schema::any());
        self.roots.push(Root { name: root.to_owned(), fields, ty });
    }

    /// The same of an object whose fields have types.
    pub(crate) fn know_fields(&mut self, root: &str, types: Fields) {
        let fields = Some(types.keys().cloned().collect());
        let ty = Rc::new(Schema::object(types));
        self.roots.push(Root { name: root.to_owned(), fields, ty });
    }

    /// The same of a value of a type.
    pub(crate) fn know_as(&mut self, root: &str, ty: Schema) {
        self.roots.push(Root { name: root.to_owned(), fields: None, ty: Rc::new(ty) });
    }

    /// How many names are known, to forget later ones with [`Reading::forget`].
    pub(crate) fn mark(&self) -> usize {
        self.roots.len()
    }

    /// Forgets the names learnt since the mark.
    pub(crate) fn forget(&mut self, mark: usize) {
        self.roots.truncate(mark);
    }

    /// Reports a mistake at a node.
    pub(crate) fn error(&mut self, node: &Node<'_>, code: Code, message: impl Into<String>) {
        self.diagnostics.push(node.error(code, message));
    }

    /// Reports mistakes found elsewhere, and gives the value when there are none.
    pub(crate) fn take<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(more) => {
                self.diagnostics.extend(more);
                None
            }
        }
    }

    /// Reports keys that a mapping of the language does not have. False when the node is no map.
    pub(crate) fn mapping(&mut self, node: &Node<'_>, mapping: &Mapping) -> bool {
        let known: Vec<&str> = mapping.keys.iter().map(|key| key.name).collect();
        self.keys(node, &known)
    }

    /// Reports keys that mean nothing here. False when the node is no map.
    pub(crate) fn keys(&mut self, node: &Node<'_>, known: &[&str]) -> bool {
        if !node.value().is_object() {
            let found = a_kind(node.value());
            self.error(node, codes::WRONG_TYPE, format!("expected a map, found {found}"));
            return false;
        }
        for (key, entry) in node.entries() {
            if !known.contains(&key) {
                let mut diagnostic =
                    entry.error_at_key(codes::UNKNOWN_KEY, format!("unknown key `{key}`"));
                diagnostic = match did_you_mean(key, known.iter().copied()) {
                    Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
                    None => diagnostic.with_help(format!("known here: {}", known.join(", "))),
                };
                self.diagnostics.push(diagnostic);
            }
        }
        true
    }

    /// A key that must be there.
    pub(crate) fn required<'d>(&mut self, node: &Node<'d>, key: &str) -> Option<Node<'d>> {
        let found = node.get(key);
        if found.is_none() {
            self.error(node, codes::MISSING_KEY, format!("`{key}` is missing"));
        }
        found
    }

    /// A plain string; a number or boolean is taken as written.
    pub(crate) fn string(&mut self, node: &Node<'_>) -> Option<String> {
        match node.value() {
            Value::String(text) => Some(text.clone()),
            other => {
                let found = a_kind(other);
                self.error(node, codes::WRONG_TYPE, format!("expected a text, found {found}"));
                None
            }
        }
    }

    /// The string under a key, if there is one.
    pub(crate) fn string_at(&mut self, node: &Node<'_>, key: &str) -> Option<String> {
        let node = node.get(key)?;
        self.string(&node)
    }

    /// A string, or a list of strings.
    pub(crate) fn strings(&mut self, node: &Node<'_>) -> Vec<String> {
        if node.value().is_array() {
            node.items().iter().filter_map(|item| self.string(item)).collect()
        } else {
            self.string(node).into_iter().collect()
        }
    }

    /// True or false under a key; false when absent.
    pub(crate) fn flag(&mut self, node: &Node<'_>, key: &str) -> bool {
        match node.get(key) {
            None => false,
            Some(node) => node.value().as_bool().unwrap_or_else(|| {
                self.error(&node, codes::WRONG_TYPE, "expected true or false");
                false
            }),
        }
    }

    /// The condition under a key, if there is one.
    pub(crate) fn condition_at(&mut self, node: &Node<'_>, key: &str) -> Option<Expression> {
        let node = node.get(key)?;
        let expression = self.expression(&node)?;
        let ty = self.type_of(&expression);
        if !matches!(ty.ty, Type::Boolean | Type::Any) {
            let message = format!("`{key}` must be true or false, this is {}", ty.named());
            self.error(&node, codes::EXPRESSION_TYPE, message);
        }
        Some(expression)
    }

    /// The type of an expression's value, as far as the types of the names tell it.
    pub(crate) fn type_of(&self, expression: &Expression) -> Schema {
        expression.infer(&|name| self.type_named(name))
    }

    fn type_named(&self, name: &str) -> Option<Rc<Schema>> {
        let known = self.roots.iter().rev().find(|root| root.name == name);
        known.map(|root| Rc::clone(&root.ty))
    }

    /// A positive whole number.
    pub(crate) fn count(&mut self, node: &Node<'_>) -> Option<u64> {
        match node.value().as_u64() {
            Some(number) if number > 0 => Some(number),
            _ => {
                self.error(node, codes::WRONG_TYPE, "expected a whole number above 0");
                None
            }
        }
    }

    /// HTTP statuses: one, or a list.
    pub(crate) fn statuses(&mut self, node: &Node<'_>) -> Vec<u16> {
        let items = if node.value().is_array() { node.items() } else { vec![node.clone()] };
        let mut statuses = Vec::new();
        for item in &items {
            match item.value().as_u64().and_then(|status| u16::try_from(status).ok()) {
                Some(status) if (100..600).contains(&status) => statuses.push(status),
                _ => self.error(item, codes::BAD_VALUE, "expected an HTTP status"),
            }
        }
        statuses
    }

    /// One word of a closed list.
    pub(crate) fn word<T>(
        &mut self,
        node: &Node<'_>,
        words: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let word = self.string(node)?;
        let parsed = parse(&word);
        if parsed.is_none() {
            let help = match did_you_mean(&word, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of: {}", words.join(", ")),
            };
            let message = format!("`{word}` means nothing here");
            self.diagnostics.push(node.error(codes::BAD_VALUE, message).with_help(help));
        }
        parsed
    }

    /// A duration such as `30s`.
    pub(crate) fn duration(&mut self, node: &Node<'_>) -> Option<Duration> {
        let text = self.string(node)?;
        match parse_duration(&text) {
            Ok(duration) => Some(duration),
            Err(why) => {
                self.error(node, codes::BAD_DURATION, why);
                None
            }
        }
    }

    /// A text with pills.
    pub(crate) fn text(&mut self, node: &Node<'_>) -> Option<Text> {
        let source = self.string(node)?;
        match Text::read(&source) {
            Ok((text, mistakes)) => {
                mistakes.iter().for_each(|mistake| self.mistake(node, mistake));
                let study = text.study(&|name| self.type_named(name), &Facts::default());
                self.check(node, text.references(), &study);
                mistakes.is_empty().then_some(text)
            }
            Err(mistake) => {
                self.mistake(node, &mistake);
                None
            }
        }
    }

    /// The text under a key, if there is one.
    pub(crate) fn text_at(&mut self, node: &Node<'_>, key: &str) -> Option<Text> {
        let node = node.get(key)?;
        self.text(&node)
    }

    /// An expression. A bare `true`, `false` or number is one too.
    pub(crate) fn expression(&mut self, node: &Node<'_>) -> Option<Expression> {
        let source = match node.value() {
            Value::String(source) => source.clone(),
            Value::Bool(_) | Value::Number(_) => node.value().to_string(),
            other => {
                let message = format!("expected an expression, found {}", a_kind(other));
                self.error(node, codes::WRONG_TYPE, message);
                return None;
            }
        };
        match Expression::read(&source) {
            Ok((expression, mistakes)) => {
                mistakes.iter().for_each(|mistake| self.mistake(node, mistake));
                let study = expression.study(&|name| self.type_named(name), &Facts::default());
                self.check(node, expression.references(), &study);
                mistakes.is_empty().then_some(expression)
            }
            Err(mistake) => {
                self.mistake(node, &mistake);
                None
            }
        }
    }

    /// The expression under a key, if there is one.
    pub(crate) fn expression_at(&mut self, node: &Node<'_>, key: &str) -> Option<Expression> {
        let node = node.get(key)?;
        self.expression(&node)
    }

    /// A structure with text leaves.
    pub(crate) fn template(&mut self, node: &Node<'_>) -> Option<Template> {
        let before = self.diagnostics.len();
        self.leaves(node);
        if self.diagnostics.len() > before {
            return None;
        }
        self.take(Template::parse(node))
    }

    /// The structure under a key, if there is one.
    pub(crate) fn template_at(&mut self, node: &Node<'_>, key: &str) -> Option<Template> {
        let node = node.get(key)?;
        self.template(&node)
    }

    /// A map of structures, such as a query.
    pub(crate) fn templates_at(&mut self, node: &Node<'_>, key: &str) -> Vec<(String, Template)> {
        let Some(node) = node.get(key) else { return Vec::new() };
        if !node.value().is_object() {
            self.error(&node, codes::WRONG_TYPE, "expected a map");
        }
        let entries = node.entries();
        let read = |(name, entry): &(&str, Node<'_>)| {
            self.template(entry).map(|template| ((*name).to_owned(), template))
        };
        entries.iter().filter_map(read).collect()
    }

    /// The `let` of a node; its names are known from here on.
    pub(crate) fn lets(&mut self, node: &Node<'_>) -> Lets {
        let Some(node) = node.get("let") else { return Vec::new() };
        if !node.value().is_object() {
            self.error(&node, codes::WRONG_TYPE, "expected a map of expressions");
        }
        let mut lets = Vec::new();
        for (name, entry) in node.entries() {
            let expression = self.expression(&entry);
            match &expression {
                Some(expression) => self.know_as(name, self.type_of(expression)),
                None => self.know(name, None),
            }
            lets.extend(expression.map(|expression| (name.to_owned(), expression)));
        }
        lets
    }

    fn leaves(&mut self, node: &Node<'_>) {
        match node.value() {
            Value::String(_) => {
                self.text(node);
            }
            Value::Array(_) => node.items().iter().for_each(|item| self.leaves(item)),
            Value::Object(_) => node.entries().iter().for_each(|(_, entry)| self.leaves(entry)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn mistake(&mut self, node: &Node<'_>, mistake: &Mistake) {
        let span = node.span_within(mistake.range.clone());
        let source = node.source().clone();
        let mut diagnostic =
            Diagnostic::new(Severity::Error, mistake.code, mistake.message.clone(), source, span);
        diagnostic.help.clone_from(&mistake.help);
        self.diagnostics.push(diagnostic);
    }

    /// Reports names that nothing has here, and what the types show to be wrong.
    fn check(&mut self, node: &Node<'_>, references: &[Reference], study: &Study) {
        let before = self.diagnostics.len();
        for reference in references {
            let known = self.roots.iter().rev().find(|root| root.name == reference.root);
            let (code, message, near) = match known {
                None => {
                    let names = self.roots.iter().map(|root| root.name.as_str());
                    let message = format!("`{}` is no name here", reference.root);
                    (codes::UNKNOWN_NAME, message, did_you_mean(&reference.root, names))
                }
                Some(root) => {
                    let Some(field) = reference.path.first() else { continue };
                    let Some(fields) = &root.fields else { continue };
                    if fields.contains(field) {
                        continue;
                    }
                    let message = format!("`{}` has no `{field}`", reference.root);
                    let near = did_you_mean(field, fields.iter().map(String::as_str));
                    (codes::UNKNOWN_FIELD, message, near)
                }
            };
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let span = node.span_within(reference.range.clone());
            let source = node.source().clone();
            let mut diagnostic = Diagnostic::new(Severity::Error, code, message, source, span);
            diagnostic.help = help;
            self.diagnostics.push(diagnostic);
        }
        // Behind a name that nothing has, types tell nothing new.
        if self.diagnostics.len() == before {
            study.mistakes.iter().for_each(|mistake| self.mistake(node, mistake));
        }
    }
}
