//! From text to tree: the cel crate parses, what it gives is turned into our own tree.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo, operators};
use cel::parser::ParseErrors;

use super::quotes::without_quoted;
use super::tree::{Kind, Macro, Node, Operator};
use crate::diagnostic::{codes, did_you_mean};
use crate::functions::{CEL_TYPES, function, functions};
use crate::references::Mistake;
use crate::value::{Value, json};

/// The longest expression that is read, in bytes.
const MAX_LENGTH: usize = 8 * 1024;
/// How deep brackets may nest; the parser recurses.
const MAX_NESTING: usize = 32;
/// How many operators and selections one expression may have.
const MAX_OPERATORS: usize = 400;
/// From how many operators on an expression is read on a stack of its own.
const MANY_OPERATORS: usize = 40;
/// That stack, in bytes; a chain of operators takes some 10 KB each to read.
const STACK: usize = 64 << 20;
/// How deep a tree may be, so that it can be evaluated on any thread.
const MAX_DEPTH: usize = 80;

type Result<T> = std::result::Result<T, Mistake>;

/// Reads an expression; of one that is CEL, all that is wrong with it comes with the tree.
pub(super) fn read(text: &str) -> Result<(Node, Vec<Mistake>)> {
    let whole = 0..text.len();
    if guard(text)? < MANY_OPERATORS {
        return read_here(text);
    }
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK);
        let thread = reader.spawn_scoped(scope, || {
            let (tree, mistakes) = read_here(text)?;
            if tree.is_deeper_than(MAX_DEPTH) {
                return Err(bad(
                    format!("the expression nests more than {MAX_DEPTH} operators"),
                    0..text.len(),
                )
                .with_help("compute parts of it in a `set` step or under `let`"));
            }
            Ok((tree, mistakes))
        });
        match thread.map(|thread| thread.join()) {
            Ok(Ok(read)) => read,
            _ => Err(bad("cannot be read as CEL", whole)),
        }
    })
}

fn read_here(text: &str) -> Result<(Node, Vec<Mistake>)> {
    let env = cel::Env::default().with_optional_support(false);
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        env.parser().max_recursion_depth(250).parse_with_source_info(text)
    }));
    let whole = 0..text.len();
    let (expression, info) = match parsed {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(errors)) => return Err(syntax(text, &errors)),
        Err(_) => return Err(bad("cannot be read as CEL", whole)),
    };
    let mut reader = Reader { text, info, offsets: offsets(text), mistakes: Vec::new() };
    let tree = reader.node(expression);
    let mut mistakes = reader.mistakes;
    mistakes.sort_by_key(|mistake| mistake.range.start);
    Ok((tree, mistakes))
}

pub(super) fn bad(message: impl Into<String>, range: Range<usize>) -> Mistake {
    Mistake::new(codes::BAD_EXPRESSION, message, range)
}

/// Byte offsets of characters, empty for ASCII.
fn offsets(text: &str) -> Vec<usize> {
    if text.is_ascii() {
        return Vec::new();
    }
    text.char_indices().map(|(i, _)| i).chain([text.len()]).collect()
}

/// Refuses what could overflow the parser's stack, by a plain scan before parsing; counts operators.
fn guard(text: &str) -> Result<usize> {
    let whole = 0..text.len();
    if text.trim().is_empty() {
        return Err(bad("the expression is empty", whole));
    }
    if text.len() > MAX_LENGTH {
        return Err(bad(format!("the expression is longer than {MAX_LENGTH} bytes"), whole));
    }
    if let Some(at) = text.find("{{") {
        return Err(bad("an expression has no braces around its names", at..at + 2)
            .with_help("write the name alone, as in `hires.count > 0`"));
    }
    let (mut depth, mut deepest, mut count) = (0_usize, 0, 0_usize);
    let bare = without_quoted(text)?;
    for (at, c) in bare.char_indices() {
        match c {
            ')' | ']' | '}' if depth == 0 => {
                return Err(bad(format!("`{c}` closes nothing"), at..at + 1));
            }
            '(' | '[' | '{' => {
                (depth, count) = (depth + 1, count + 1);
                deepest = deepest.max(depth);
            }
            ')' | ']' | '}' => depth -= 1,
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '&' | '|' | '?' | '.' | ',' => {
                count += 1;
            }
            _ => {}
        }
    }
    if deepest > MAX_NESTING {
        return Err(bad(format!("brackets nest deeper than {MAX_NESTING}"), whole));
    }
    count += bare.split_whitespace().filter(|word| *word == "in").count();
    if count > MAX_OPERATORS {
        return Err(bad(format!("the expression has more than {MAX_OPERATORS} operators"), whole)
            .with_help("compute parts of it in a `set` step or under `let`"));
    }
    Ok(count)
}

fn syntax(text: &str, errors: &ParseErrors) -> Mistake {
    let Some(first) = errors.errors.first() else {
        return bad("cannot be read as CEL", 0..text.len());
    };
    let line = usize::try_from(first.pos.0).unwrap_or(1).max(1);
    let column = usize::try_from(first.pos.1).unwrap_or(1).max(1);
    let line_start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let at = text[line_start..]
        .char_indices()
        .nth(column - 1)
        .map_or(text.len(), |(i, _)| line_start + i);
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let mistake = bad(plain(text, &first.msg, at), at..end);
    match help(text) {
        Some(help) => mistake.with_help(help),
        None => mistake,
    }
}

/// The parser's message in words for people, without the names of its grammar.
fn plain(text: &str, message: &str, at: usize) -> String {
    let rest = &text[at..];
    if message.contains("Incomplete") && text.contains('?') && !text.contains(':') {
        return "a `?` without its `:`, as in `a ? b : c`".to_owned();
    }
    if rest.trim().is_empty() || message.contains("Incomplete") {
        return "the expression ends too early".to_owned();
    }
    if rest.starts_with(['\'', '"']) {
        return "a quote that is not closed".to_owned();
    }
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let seen = if word.is_empty() { rest.chars().take(1).collect() } else { word };
    format!("`{seen}` is not expected here")
}

fn help(text: &str) -> Option<String> {
    let word = |word: &str| text.split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
    if word("and") || word("or") || word("not") {
        return Some("CEL writes `&&`, `||` and `!`".to_owned());
    }
    let assigns =
        text.contains('=') && !["==", "!=", "<=", ">="].iter().any(|op| text.contains(op));
    assigns.then(|| "to compare, write `==`".to_owned())
}

struct Reader<'a> {
    text: &'a str,
    info: SourceInfo,
    offsets: Vec<usize>,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    /// The bytes a part was read from. The parser counts characters.
    fn range(&self, id: u64) -> Range<usize> {
        let byte = |character: u32| {
            let character = character as usize;
            match self.offsets.get(character) {
                Some(offset) => *offset,
                None if self.offsets.is_empty() => character.min(self.text.len()),
                None => self.text.len(),
            }
        };
        match self.info.offset_for(id) {
            Some((start, stop)) => byte(start)..byte(stop).max(byte(start)),
            None => 0..self.text.len(),
        }
    }

    /// Notes what is wrong; what can be read of it stays in the tree.
    fn mistaken(&mut self, mistake: Mistake, parts: Vec<Node>) -> Kind {
        self.mistakes.push(mistake);
        Kind::Mistaken(parts)
    }

    fn nodes(&mut self, expressions: impl IntoIterator<Item = IdedExpr>) -> Vec<Node> {
        expressions.into_iter().map(|one| self.node(one)).collect()
    }

    fn node(&mut self, expression: IdedExpr) -> Node {
        let range = self.range(expression.id);
        let kind = match expression.expr {
            Expr::Literal(literal) => self.literal(literal, &range),
            Expr::Ident(name) if CEL_TYPES.contains(&name.as_str()) => Kind::Literal(json!(name)),
            Expr::Ident(name) => {
                Kind::Path { root: name.trim_start_matches('.').to_owned(), fields: Vec::new() }
            }
            Expr::Select(select) => {
                let operand = self.node(*select.operand);
                let range = operand.range.start..range.end.max(operand.range.end);
                return Node { kind: field(operand, select.field), range };
            }
            Expr::List(list) => Kind::List(self.nodes(list.elements)),
            Expr::Map(map) => {
                let entries = map.entries.into_iter().map(|entry| match entry.expr {
                    EntryExpr::MapEntry(entry) => {
                        Some((self.node(entry.key), self.node(entry.value)))
                    }
                    EntryExpr::StructField(_) => None,
                });
                match entries.collect() {
                    Some(entries) => Kind::Object(entries),
                    None => self.mistaken(bad("cannot be read as CEL", range.clone()), Vec::new()),
                }
            }
            Expr::Call(call) => return self.call(call, range),
            Expr::Struct(_) => {
                let mistake = bad("a named structure cannot be made here", range.clone());
                self.mistaken(mistake, Vec::new())
            }
            Expr::Comprehension(_) | Expr::Unspecified => {
                self.mistaken(bad("cannot be read as CEL", range.clone()), Vec::new())
            }
        };
        Node { kind, range }
    }

    fn literal(&mut self, literal: LiteralValue, range: &Range<usize>) -> Kind {
        Kind::Literal(match literal {
            LiteralValue::Boolean(value) => json!(value.into_inner()),
            LiteralValue::Int(value) => json!(value.into_inner()),
            LiteralValue::UInt(value) => json!(value.into_inner()),
            LiteralValue::Double(value) => json!(value.into_inner()),
            LiteralValue::String(value) => json!(value.into_inner()),
            LiteralValue::Null => Value::Null,
            LiteralValue::Bytes(_) => {
                let mistake = bad("bytes cannot be written here", range.clone())
                    .with_help("write a text, or use base64_decode");
                return self.mistaken(mistake, Vec::new());
            }
        })
    }

    fn call(&mut self, call: CallExpr, range: Range<usize>) -> Node {
        let CallExpr { func_name, target, args } = call;
        let target = match (target, macro_of(&func_name, args.len())) {
            (Some(list), Some(known)) => {
                let list = self.node(*list);
                return self.macro_call(&func_name, known, list, args, range);
            }
            (target, _) => target,
        };
        let parts = self.nodes(target.map(|target| *target).into_iter().chain(args));
        let start = parts.first().map_or(range.start, |first| first.range.start.min(range.start));
        let end = parts.last().map_or(range.end, |last| last.range.end.max(range.end));
        let whole = start..end;
        let kind = match operator_kind(&func_name, parts) {
            Ok(kind) => kind,
            Err(args) => {
                let name = self.name_range(&func_name, &range);
                self.function_call(&func_name, args, name)
            }
        };
        Node { kind, range: whole }
    }

    /// The name of a call: the parser places a call at its bracket.
    fn name_range(&self, name: &str, call: &Range<usize>) -> Range<usize> {
        let before = self.text.get(..call.start).and_then(|before| before.rfind(name));
        match before {
            Some(start) => start..start + name.len(),
            None => call.clone(),
        }
    }

    fn function_call(&mut self, name: &str, args: Vec<Node>, range: Range<usize>) -> Kind {
        if name == "has" {
            return has(args).unwrap_or_else(|parts| {
                self.mistaken(bad("`has` takes one field: has(learner.email)", range), parts)
            });
        }
        let Some(function) = function(name) else {
            let near = did_you_mean(name, functions().iter().map(|function| function.name));
            let mistake = Mistake::new(
                codes::UNKNOWN_FUNCTION,
                format!("there is no function `{name}`"),
                range,
            );
            let mistake = match near {
                Some(near) => mistake.with_help(format!("did you mean `{near}`?")),
                None => mistake,
            };
            return self.mistaken(mistake, args);
        };
        match function.wrong_count(args.len()) {
            Some(message) => {
                self.mistaken(Mistake::new(codes::BAD_ARGUMENTS, message, range), args)
            }
            None => Kind::Call { function, args },
        }
    }

    fn macro_call(
        &mut self,
        written: &str,
        (of, expected): (Macro, usize),
        list: Node,
        args: Vec<IdedExpr>,
        range: Range<usize>,
    ) -> Node {
        let behind = list.range.end.min(self.text.len());
        let found = self.text.get(behind..).and_then(|rest| rest.find(written));
        let name =
            found.map_or_else(|| range.clone(), |at| behind + at..behind + at + written.len());
        let usage = format!("`{written}` is written as list.{written}(item, expression)");
        let usage = bad(usage, name);
        let has_count = args.len() == expected;
        let mut args = args.into_iter();
        // Without the name nothing is known of what the others read.
        let Some(Expr::Ident(name)) = args.next().map(|first| first.expr).filter(|_| has_count)
        else {
            return Node { kind: self.mistaken(usage, vec![list]), range };
        };
        let mut rest = self.nodes(args);
        let Some(body) = rest.pop() else {
            return Node { kind: self.mistaken(usage, vec![list]), range };
        };
        let range = list.range.start..range.end.max(body.range.end);
        let (list, filter) = (Box::new(list), rest.pop().map(Box::new));
        Node { kind: Kind::Macro { of, list, name, filter, body: Box::new(body) }, range }
    }
}

/// The macro of that name, and how many arguments it has.
fn macro_of(name: &str, given: usize) -> Option<(Macro, usize)> {
    Some(match (name, given) {
        ("map", 3) => (Macro::Map, 3),
        ("map", _) => (Macro::Map, 2),
        ("filter", _) => (Macro::Filter, 2),
        ("all", _) => (Macro::All, 2),
        ("exists", _) => (Macro::Exists, 2),
        ("exists_one" | "existsOne", _) => (Macro::ExistsOne, 2),
        _ => return None,
    })
}

fn field(of: Node, name: String) -> Kind {
    match of.kind {
        Kind::Path { root, mut fields } => {
            fields.push(name);
            Kind::Path { root, fields }
        }
        _ => Kind::Field { of: Box::new(of), name },
    }
}

/// The test of a field, or its arguments back.
fn has(mut args: Vec<Node>) -> std::result::Result<Kind, Vec<Node>> {
    if args.len() != 1 {
        return Err(args);
    }
    let Some(Node { kind, range: at }) = args.pop() else { return Err(args) };
    match kind {
        Kind::Field { of, name } => Ok(Kind::Has { of, name }),
        Kind::Path { root, mut fields } if !fields.is_empty() => {
            let name = fields.pop().unwrap_or_default();
            let end = at.end.saturating_sub(name.len() + 1).max(at.start);
            let of = Box::new(Node { kind: Kind::Path { root, fields }, range: at.start..end });
            Ok(Kind::Has { of, name })
        }
        kind => Err(vec![Node { kind, range: at }]),
    }
}

/// The operator that a call is, or its arguments back.
fn operator_kind(name: &str, mut parts: Vec<Node>) -> std::result::Result<Kind, Vec<Node>> {
    let op = match name {
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Remainder,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::LessOrEqual,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::GreaterOrEqual,
        operators::IN => Operator::In,
        _ => return other_operator(name, parts),
    };
    match (parts.pop(), parts.pop()) {
        (Some(right), Some(left)) => {
            Ok(Kind::Binary { op, left: Box::new(left), right: Box::new(right) })
        }
        _ => Err(parts),
    }
}

fn other_operator(name: &str, mut parts: Vec<Node>) -> std::result::Result<Kind, Vec<Node>> {
    let expected = match name {
        operators::LOGICAL_NOT | operators::NEGATE => 1,
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::INDEX => 2,
        operators::CONDITIONAL => 3,
        _ => return Err(parts),
    };
    if parts.len() != expected {
        return Err(parts);
    }
    let mut next = || Box::new(parts.remove(0));
    Ok(match name {
        operators::LOGICAL_NOT => Kind::Not(next()),
        operators::NEGATE => Kind::Negate(next()),
        operators::LOGICAL_AND => Kind::And(next(), next()),
        operators::LOGICAL_OR => Kind::Or(next(), next()),
        operators::INDEX => Kind::Index { of: next(), at: next() },
        _ => Kind::Choice { when: next(), then: next(), otherwise: next() },
    })
}
