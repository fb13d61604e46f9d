//! What calls name and what they are given: aliases, actions, flows, inputs.

use linchpin_connector::{ActionSpec, Effect};
use linchpin_language::{
    Diagnostic, Fields, Node, Schema, Severity, Span, Text, Type, Value, codes,
};

use super::sight::Hop;
use super::visit::has_pill;
use super::{Checker, guards, hints, nulls, references, suggest, types};
use crate::catalog::{ActionFacts, Catalog};
use crate::flow::{Call, Located, RecordChange, Subflow};

/// Where an action is called.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// As a step, or as the body of a loop.
    Step,
    /// As what a loop goes over: streams only.
    Loop,
    /// To list the choices of a form.
    Choices,
}

/// The aliases that the flow declares.
pub(super) fn aliases(checker: &mut Checker<'_>) {
    let flow = checker.flow;
    let catalog = checker.catalog;
    for (alias, spoke) in &flow.connections {
        if alias == "flow" {
            let message = "an alias cannot be called `flow`: `call: flow.NAME` is a subflow";
            let mistake = checker.error(codes::RESERVED_ID, message, spoke.span);
            checker.report(mistake);
        }
        if !catalog.spokes.contains_key(&spoke.value) {
            unknown_spoke(checker, spoke);
            continue;
        }
        let found = match catalog.aliases.get(alias) {
            Some(bound) if *bound != spoke.value => {
                let message =
                    format!("`{alias}` is a connection of the spoke `{bound}` in this environment");
                let help = format!("write {bound} here, or bind another alias to {}", spoke.value);
                checker.error(codes::BAD_CONNECTION, message, spoke.span).with_help(help)
            }
            Some(_) => continue,
            None if catalog.aliases.is_empty() => continue,
            None => {
                let message = format!("this environment has no connection `{alias}`");
                let help =
                    format!("add it to connections.yaml: {alias}: {{ spoke: {} }}", spoke.value);
                checker
                    .at(Severity::Warning, codes::UNKNOWN_ALIAS, message, spoke.span)
                    .with_help(help)
            }
        };
        checker.report(found);
    }
}

fn unknown_spoke(checker: &mut Checker<'_>, spoke: &Located<String>) {
    let catalog = checker.catalog;
    let message = format!("there is no spoke `{}`", spoke.value);
    let mistake = checker.error(codes::UNKNOWN_SPOKE, message, spoke.span);
    let known = catalog.spokes.keys().map(String::as_str);
    checker.report(suggest(mistake, &spoke.value, known));
}

/// A call of an action.
pub(super) fn action<'c>(
    checker: &mut Checker<'c>,
    call: &'c Call,
    trail: &[Hop<'c>],
    place: Place,
) {
    checker.note_texts(&call.with);
    references::template(checker, call.with.span, trail);
    if let Some(connection) = &call.connection {
        references::text(checker, connection, trail);
        self::connection(checker, call, connection);
    }
    let Some(spec) = known_action(checker, call) else {
        return;
    };
    let name = format!("`{}.{}`", call.alias.value, spec.name);
    inputs(checker, &spec.inputs, call.with.span, call.action.span, &name, trail);
    stream(checker, call, spec, place);
    hints::raw_queries(checker, call);
    let facts = ActionFacts::of(spec);
    if place == Place::Step && facts.effect.is_write() && !facts.idempotent && !facts.verifies {
        let message = "after a broken connection this step will ask a person";
        let help = format!("{name} can neither be verified nor be sent again");
        let hint = checker.at(Severity::Hint, codes::UNVERIFIABLE_WRITE, message, call.action.span);
        checker.report(hint.with_help(help));
    }
}

/// A call that a record trigger looks for new rows with.
pub(super) fn watched<'c>(checker: &mut Checker<'c>, call: &'c Call, on: RecordChange) {
    if let Some(connection) = &call.connection {
        self::connection(checker, call, connection);
    }
    let Some(spec) = known_action(checker, call) else {
        return;
    };
    let name = format!("`{}.{}`", call.alias.value, spec.name);
    let mut wanted = spec.inputs.clone();
    // The trigger itself gives the watermark of its last look.
    let since = spec.stream.as_ref().and_then(|stream| stream.since.as_ref());
    if let Some(since) = since.and_then(|since| wanted.get_mut(since)) {
        since.required = false;
    }
    inputs(checker, &wanted, call.with.span, call.action.span, &name, &[]);
    let message = match &spec.stream {
        Some(stream) if stream.watermark.is_some() => {
            if on != RecordChange::CreatedOrUpdated && stream.created.is_none() {
                let message = format!("{name} does not say which rows are new and which changed");
                let mistake = checker.error(codes::NO_WATERMARK, message, call.action.span);
                let help = "take `on:` away, which is created_or_updated, and tell them apart in \
                            the flow";
                checker.report(mistake.with_help(help));
            }
            return;
        }
        Some(_) => format!("{name} has no watermark: it cannot tell which rows are new"),
        None => format!("{name} gives no stream: it cannot tell which rows are new"),
    };
    let fitting = checker.catalog.spokes.values().flat_map(|spoke| {
        let actions = spoke.actions().filter(|(_, action)| {
            action.spec().stream.as_ref().is_some_and(|stream| stream.watermark.is_some())
        });
        actions.map(|(action, _)| format!("{}.{action}", spoke.name))
    });
    let fitting: Vec<String> = fitting.collect();
    let mistake = checker.error(codes::NO_WATERMARK, message, call.action.span);
    checker.report(match fitting.is_empty() {
        true => mistake.with_help("start the flow by a schedule and list the rows in a step"),
        false => mistake.with_help(format!("these can be watched: {}", fitting.join(", "))),
    });
}

/// `connection:` where it is a plain alias.
fn connection(checker: &mut Checker<'_>, call: &Call, connection: &Located<Text>) {
    if !connection.value.is_literal() {
        return;
    }
    let flow = checker.flow;
    let named = connection.value.source();
    let alias = whole(named);
    let spoke = Catalog::spoke_of(&flow.connections, &call.alias.value);
    let mistake = match flow.connections.get(alias) {
        None => {
            let message = format!("this flow declares no alias `{alias}`");
            let mistake = checker.error(codes::UNKNOWN_ALIAS, message, connection.span);
            suggest(mistake, alias, flow.connections.keys().map(String::as_str))
        }
        Some(other) if other.value != spoke => {
            let message = format!("`{alias}` is of the spoke `{}`, not `{spoke}`", other.value);
            let help = format!("name an alias of the spoke `{spoke}`");
            checker.error(codes::BAD_CONNECTION, message, connection.span).with_help(help)
        }
        Some(_) => match no_part(checker, named, connection.span) {
            Some(mistake) => mistake,
            None => return,
        },
    };
    checker.report(mistake);
}

/// The alias of a name: `lms.emea` is one of several connections of the alias `lms`.
fn whole(named: &str) -> &str {
    named.split_once('.').map_or(named, |(alias, _)| alias)
}

/// The mistake of naming a connection that an alias of the environment does not have.
fn no_part(checker: &Checker<'_>, named: &str, span: Span) -> Option<Diagnostic> {
    let (alias, known) = (whole(named), &checker.catalog.aliases);
    // What a flow calls another alias of the environment cannot be followed from here.
    if named == alias || known.contains_key(named) || !known.contains_key(alias) {
        return None;
    }
    let message = format!("the alias `{alias}` has no connection `{named}`");
    let mistake = checker.error(codes::UNKNOWN_ALIAS, message, span);
    let parts = known.keys().filter(|key| key.starts_with(&format!("{alias}.")));
    Some(suggest(mistake, named, parts.map(String::as_str)))
}

/// The action that a call names; reports what does not exist.
fn known_action<'c>(checker: &mut Checker<'c>, call: &Call) -> Option<&'c ActionSpec> {
    let flow = checker.flow;
    let catalog = checker.catalog;
    let alias = &call.alias;
    let name = Catalog::spoke_of(&flow.connections, &alias.value);
    let Some(spoke) = catalog.spokes.get(name) else {
        // An unknown spoke of a declared alias is reported at the declaration.
        if !flow.connections.contains_key(&alias.value) {
            unknown_alias(checker, alias);
        }
        return None;
    };
    if let Some(action) = spoke.action(&call.action.value) {
        return Some(action.spec());
    }
    let message = format!("the spoke `{name}` has no action `{}`", call.action.value);
    let mistake = checker.error(codes::UNKNOWN_ACTION, message, call.action.span);
    let known: Vec<&str> = spoke.action_names().collect();
    checker.report(suggest(mistake, &call.action.value, known.iter().copied()));
    None
}

fn unknown_alias(checker: &mut Checker<'_>, alias: &Located<String>) {
    let message = format!("there is no alias and no spoke `{}`", alias.value);
    let mistake = checker.error(codes::UNKNOWN_ALIAS, message, alias.span);
    let declared = checker.flow.connections.keys();
    let known = declared.chain(checker.catalog.spokes.keys()).map(String::as_str);
    let mistake = match checker.catalog.aliases.get(&alias.value) {
        Some(spoke) => mistake.with_help(format!(
            "declare it at the top of the flow: connections: {{ {}: {spoke} }}",
            alias.value
        )),
        None => suggest(mistake, &alias.value, known),
    };
    checker.report(mistake);
}

fn stream(checker: &mut Checker<'_>, call: &Call, spec: &ActionSpec, place: Place) {
    let name = format!("{}.{}", call.alias.value, spec.name);
    let (message, help) = match (spec.stream.is_some(), place) {
        (true, Place::Step) => {
            let help = format!("write for_each: {{ call: {name}, with: {{ ... }} }}");
            (format!("`{name}` gives a stream: it can stand in `for_each` only"), help)
        }
        (false, Place::Loop) => {
            let help = "call it in a step before and go over a list of its output".to_owned();
            (format!("`{name}` gives no stream"), help)
        }
        (_, Place::Choices) if spec.effect.is_write() || spec.effect == Effect::None => {
            let help = "choices come from a read".to_owned();
            (format!("`{name}` is no read"), help)
        }
        _ => return,
    };
    let mistake = checker.error(codes::MISPLACED_STREAM, message, call.action.span);
    checker.report(mistake.with_help(help));
}

/// A call of a subflow.
pub(super) fn subflow<'c>(checker: &mut Checker<'c>, call: &'c Subflow, trail: &[Hop<'c>]) {
    let catalog = checker.catalog;
    let Some(signature) = catalog.flows.get(&call.flow.value) else {
        let message = format!("there is no flow `{}`", call.flow.value);
        let mistake = checker.error(codes::UNKNOWN_FLOW, message, call.flow.span);
        let known = catalog.flows.keys().map(String::as_str);
        checker.report(suggest(mistake, &call.flow.value, known));
        return;
    };
    let name = format!("`flow.{}`", call.flow.value);
    inputs(checker, &signature.inputs, call.with.span, call.flow.span, &name, trail);
    for (theirs, ours) in &call.connections {
        let alias = whole(&ours.value);
        let spoke = Catalog::spoke_of(&checker.flow.connections, alias);
        let mistake = match signature.connections.get(theirs) {
            None => {
                let key = checker.node(ours.span).map_or(ours.span, |node| node.key_span());
                let message = format!("{name} has no alias `{theirs}`");
                let mistake = checker.error(codes::UNKNOWN_ALIAS, message, key);
                suggest(mistake, theirs, signature.connections.keys().map(String::as_str))
            }
            Some(_) if !catalog.spokes.contains_key(spoke) => {
                unknown_alias(checker, ours);
                continue;
            }
            Some(wanted) if wanted != spoke => {
                let message =
                    format!("`{}` is of the spoke `{spoke}`, {name} wants `{wanted}`", ours.value);
                let help = format!("name an alias of the spoke `{wanted}`");
                checker.error(codes::BAD_CONNECTION, message, ours.span).with_help(help)
            }
            Some(_) => match no_part(checker, &ours.value, ours.span) {
                Some(mistake) => mistake,
                None => continue,
            },
        };
        checker.report(mistake);
    }
}

/// What a call is given against what it takes.
fn inputs<'c>(
    checker: &mut Checker<'c>,
    wanted: &Fields,
    with: Span,
    name_span: Span,
    name: &str,
    trail: &[Hop<'c>],
) {
    let node = checker.node(with).filter(|node| node.value().is_object());
    let given: Vec<(&str, Node<'c>)> = node.as_ref().map_or_else(Vec::new, |node| node.entries());
    for (key, schema) in wanted {
        let is_given = given.iter().any(|(given, _)| given == key);
        if schema.required && schema.default.is_none() && key != "*" && !is_given {
            let message = format!("{name} needs the input `{key}`");
            let help = format!("add `{key}` to `with`: {}", types::named(schema));
            let mistake = checker.error(codes::MISSING_INPUT, message, name_span);
            checker.report(mistake.with_help(help));
        }
    }
    for (key, value) in &given {
        match wanted.get(*key) {
            Some(schema) => input(checker, schema, value, key, trail),
            None if wanted.contains_key("*") => {}
            None => {
                let message = format!("{name} has no input `{key}`");
                let mistake = value.error_at_key(codes::UNKNOWN_INPUT, message);
                checker.report(suggest(mistake, key, wanted.keys().map(String::as_str)));
            }
        }
    }
}

/// One value against its type.
fn input<'c>(
    checker: &mut Checker<'c>,
    schema: &Schema,
    node: &Node<'c>,
    name: &str,
    trail: &[Hop<'c>],
) {
    if !has_pill(node.value()) {
        for mismatch in schema.coerce_all(node.value().clone(), name).err().into_iter().flatten() {
            let path = mismatch.at.strip_prefix(name).unwrap_or_default();
            let (node, schema) = part(node, schema, path);
            let mistake = node.error(codes::WRONG_INPUT_TYPE, mismatch.message);
            checker.report(with_choices(mistake, schema, &node));
        }
        return;
    }
    match (node.value(), &schema.ty) {
        (_, Type::Any) => {}
        (Value::String(_), _) => {
            let Some(text) = checker.text(node) else {
                return;
            };
            let facts = guards::facts(checker, trail, node.span(), text.references());
            let study = text.study(&|name| types::of_name(checker, name, trail), &facts);
            value(checker, schema, &study.schema, node, name);
            if let (true, Some((root, path))) =
                (study.schema.nullable && needs(schema), text.path())
            {
                nulls::needed(checker, node, root, path);
            }
        }
        (Value::Array(_), Type::List(items)) => {
            for (at, item) in node.items().iter().enumerate() {
                input(checker, items, item, &format!("{name}.{at}"), trail);
            }
        }
        (Value::Object(_), Type::Object(fields)) => {
            object(checker, fields, node, name, trail);
        }
        (Value::Array(_), _) => wrong_input(checker, schema, node, name, "a list"),
        (Value::Object(_), _) => wrong_input(checker, schema, node, name, "an object"),
        (Value::Null | Value::Bool(_) | Value::Number(_), _) => {}
    }
}

/// An object with pills in it against its fields.
fn object<'c>(
    checker: &mut Checker<'c>,
    fields: &Fields,
    node: &Node<'c>,
    name: &str,
    trail: &[Hop<'c>],
) {
    let given = node.entries();
    for (key, value) in &given {
        match fields.get(*key) {
            Some(field) => input(checker, field, value, &format!("{name}.{key}"), trail),
            None if fields.is_empty() || fields.contains_key("*") => {}
            None => {
                let message = format!("`{name}` has no field `{key}`");
                let mistake = value.error_at_key(codes::WRONG_INPUT_TYPE, message);
                checker.report(suggest(mistake, key, fields.keys().map(String::as_str)));
            }
        }
    }
    for (key, field) in fields.iter().filter(|(key, field)| needs(field) && *key != "*") {
        if !given.iter().any(|(given, _)| given == key) {
            let message = format!("`{name}.{key}` is required and not given");
            let help = format!("add `{key}`: {}", types::named(field));
            checker.report(node.error(codes::WRONG_INPUT_TYPE, message).with_help(help));
        }
    }
}

/// Whether an input must be given.
fn needs(schema: &Schema) -> bool {
    schema.required && schema.default.is_none() && !schema.nullable
}

/// The type of what is given against the type that is wanted.
fn value(checker: &mut Checker<'_>, wanted: &Schema, found: &Schema, node: &Node<'_>, name: &str) {
    if let Some((path, wanted, given)) = wanted.refuses(found) {
        let name = format!("{name}{path}");
        let given = given.map_or_else(|| "not there".to_owned(), types::named);
        wrong_input(checker, wanted, node, &name, &given);
        return;
    }
    let is_apart = !wanted.choices.is_empty()
        && !found.choices.is_empty()
        && !found.choices.iter().any(|choice| wanted.choices.contains(choice));
    if is_apart {
        let all = |schema: &Schema| {
            schema.choices.iter().map(linchpin_language::print).collect::<Vec<_>>().join(", ")
        };
        let message = format!("`{name}` takes one of {}, this is {}", all(wanted), all(found));
        checker.report(node.error(codes::WRONG_INPUT_TYPE, message));
    }
}

/// The part of a value at a path such as `.0.op`, and its type; as far down as both go.
fn part<'c, 's>(node: &Node<'c>, schema: &'s Schema, path: &str) -> (Node<'c>, &'s Schema) {
    let (mut node, mut schema) = (node.clone(), schema);
    for name in path.split('.').filter(|name| !name.is_empty()) {
        let inner = match &schema.ty {
            Type::List(items) => name
                .parse()
                .ok()
                .and_then(|at: usize| node.items().into_iter().nth(at))
                .zip(Some(&**items)),
            Type::Object(fields) => node.get(name).zip(fields.get(name)),
            _ => None,
        };
        match inner {
            Some(inner) => (node, schema) = inner,
            None => break,
        }
    }
    (node, schema)
}

fn wrong_input(
    checker: &mut Checker<'_>,
    schema: &Schema,
    node: &Node<'_>,
    name: &str,
    found: &str,
) {
    let message = format!("`{name}` takes {}, this is {found}", types::named(schema));
    let mistake = node.error(codes::WRONG_INPUT_TYPE, message);
    checker.report(match (&schema.ty, found) {
        (Type::Integer, "a number") => {
            mistake.with_help("compute it in a `set` before, with int(x), round(x) or floor(x)")
        }
        (Type::String, "a boolean") => {
            mistake.with_help("write more than the pill, or compute it with string(x)")
        }
        (Type::List(_), _) if !found.contains("list") && !found.contains("object") => {
            mistake.with_help("write a list of it: [\"{{ ... }}\"]")
        }
        _ => mistake,
    });
}

fn with_choices(mistake: Diagnostic, schema: &Schema, node: &Node<'_>) -> Diagnostic {
    let choices: Vec<&str> = schema.choices.iter().filter_map(Value::as_str).collect();
    match node.as_str() {
        Some(word) if !choices.is_empty() => suggest(mistake, word, choices.iter().copied()),
        _ => mistake,
    }
}
