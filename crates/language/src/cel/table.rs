//! Which of several conditions, tried in order, can never be the first to hold.
//!
//! Found by trying: a name gets one value of each kind that the conditions tell apart (each
//! literal it is compared with, and one between, below and above), and the conditions are read
//! with every combination. What they do not compare with a literal counts as true or false,
//! independent of the rest, so nothing is called impossible that is not.

use std::cell::Cell;
use std::collections::BTreeSet;

use super::Expression;
use super::operators::{compare, negate};
use super::tree::{Kind, Node, Operator};
use crate::unknown::equal;
use crate::value::{Value, json};

/// How many combinations are tried for one question at most.
const MAX_TRIED: usize = 4096;
/// How many conditions are read for one table at most; what is left then is called possible.
const MAX_READ: usize = 500_000;

/// Why a condition is never the first to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// It contradicts itself.
    Holds,
    /// Whenever it holds, this one before it does.
    Behind(usize),
    /// Whenever it holds, one of those before it does.
    BehindAll,
}

/// The values that a name can have: of a root and its fields, where they are few and known.
pub type Domain<'a> = &'a dyn Fn(&str, &[String]) -> Option<Vec<Value>>;

/// For each condition why it is never the first to hold; `None` where it can be.
pub fn never_first(conditions: &[&Expression], domain: Domain<'_>) -> Vec<Option<Never>> {
    let mut table = Table { names: Vec::new(), budget: Cell::new(MAX_READ) };
    let tests: Vec<Test> =
        conditions.iter().map(|one| table.test(&one.inner.tree, domain)).collect();
    let samples: Vec<Vec<Value>> = table.names.iter().map(Seen::samples).collect();
    let table = (samples, table.budget);
    (0..tests.len()).map(|at| never(&tests[..at], &tests[at], &table)).collect()
}

/// The values to try for each name, and how much may still be read.
type Tries = (Vec<Vec<Value>>, Cell<usize>);

fn never(before: &[Test], own: &Test, tries: &Tries) -> Option<Never> {
    if is_covered(&[], own, tries) {
        return Some(Never::Holds);
    }
    let one = |at: &usize| is_covered(std::slice::from_ref(&before[*at]), own, tries);
    if let Some(at) = (0..before.len()).find(one) {
        return Some(Never::Behind(at));
    }
    (before.len() > 1 && is_covered(before, own, tries)).then_some(Never::BehindAll)
}

/// Whether in each case in which a condition holds one of the others does, or cannot be read.
fn is_covered(by: &[Test], own: &Test, (samples, budget): &Tries) -> bool {
    let mut names = BTreeSet::new();
    by.iter().chain([own]).for_each(|test| test.names(&mut names));
    let total = names.iter().try_fold(1usize, |total, name| {
        total.checked_mul(samples[*name].len()).filter(|total| *total <= MAX_TRIED)
    });
    let cost = total.and_then(|total| total.checked_mul(by.len() + 1));
    let left = cost.and_then(|cost| budget.get().checked_sub(cost));
    let (Some(total), Some(left)) = (total, left) else { return false };
    budget.set(left);
    let mut values: Vec<&Value> = vec![&Value::Null; samples.len()];
    (0..total).all(|mut case| {
        for name in &names {
            let samples = &samples[*name];
            values[*name] = &samples[case % samples.len()];
            case /= samples.len();
        }
        own.read(&values) != Some(true) || by.iter().any(|one| one.read(&values) != Some(false))
    })
}

/// A condition over numbered names.
enum Test {
    Known(Option<bool>),
    Name(usize),
    Compare(usize, Operator, Vec<Value>),
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
    Choice(Box<[Test; 3]>),
}

impl Test {
    fn names(&self, found: &mut BTreeSet<usize>) {
        match self {
            Self::Known(_) => {}
            Self::Name(name) | Self::Compare(name, ..) => {
                found.insert(*name);
            }
            Self::Not(of) => of.names(found),
            Self::And(a, b) | Self::Or(a, b) => {
                a.names(found);
                b.names(found);
            }
            Self::Choice(parts) => parts.iter().for_each(|part| part.names(found)),
        }
    }

    /// Whether it holds; `None` where it cannot be read.
    fn read(&self, values: &[&Value]) -> Option<bool> {
        match self {
            Self::Known(value) => *value,
            Self::Name(name) => values[*name].as_bool(),
            Self::Compare(name, op, literals) => holds(*op, values[*name], literals),
            Self::Not(of) => of.read(values).map(|value| !value),
            Self::And(a, b) => decided(false, a.read(values), b.read(values)),
            Self::Or(a, b) => decided(true, a.read(values), b.read(values)),
            Self::Choice(parts) => match parts[0].read(values)? {
                true => parts[1].read(values),
                false => parts[2].read(values),
            },
        }
    }
}

/// The names that a table of conditions reads.
struct Table {
    names: Vec<Seen>,
    budget: Cell<usize>,
}

/// What is known of one name.
struct Seen {
    shape: String,
    literals: Vec<Value>,
    is_condition: bool,
    domain: Option<Vec<Value>>,
}

impl Table {
    fn test(&mut self, node: &Node, domain: Domain<'_>) -> Test {
        let mut inner = |node: &Node| Box::new(self.test(node, domain));
        match &node.kind {
            Kind::Literal(value) => Test::Known(value.as_bool()),
            Kind::Not(of) => Test::Not(inner(of)),
            Kind::And(a, b) => Test::And(inner(a), inner(b)),
            Kind::Or(a, b) => Test::Or(inner(a), inner(b)),
            Kind::Choice { when, then, otherwise } => {
                let parts = [when, then, otherwise].map(|part| self.test(part, domain));
                Test::Choice(Box::new(parts))
            }
            _ => match comparison(node) {
                Some((subject, op, literals)) => {
                    let name = self.name(subject, domain);
                    self.names[name].literals.extend(literals.iter().cloned());
                    Test::Compare(name, op, literals)
                }
                None => {
                    let name = self.name(node, domain);
                    self.names[name].is_condition = true;
                    Test::Name(name)
                }
            },
        }
    }

    fn name(&mut self, subject: &Node, domain: Domain<'_>) -> usize {
        let shape = shape(subject);
        if let Some(known) = self.names.iter().position(|seen| seen.shape == shape) {
            return known;
        }
        let domain = match &subject.kind {
            Kind::Path { root, fields } => domain(root, fields).filter(|all| !all.is_empty()),
            _ => None,
        };
        self.names.push(Seen { shape, literals: Vec::new(), is_condition: false, domain });
        self.names.len() - 1
    }
}

impl Seen {
    /// One value of each kind that can make a difference.
    fn samples(&self) -> Vec<Value> {
        if let Some(domain) = &self.domain {
            return domain.clone();
        }
        // Neither a number nor a text: what is not equal to any of them.
        let mut samples = vec![json!([])];
        if self.is_condition {
            samples.extend([json!(true), json!(false)]);
        }
        let mut numbers: Vec<&Value> = self.literals.iter().filter(|one| one.is_number()).collect();
        numbers.sort_by(|a, b| compare(a, b).unwrap_or(std::cmp::Ordering::Equal));
        samples.extend(around(&numbers));
        for literal in &self.literals {
            if let Value::String(text) = literal {
                samples.extend([json!(""), json!(format!("{text}\0"))]);
            }
            samples.push(literal.clone());
        }
        samples.sort_by_key(Value::to_string);
        samples.dedup();
        samples
    }
}

/// A number below the first, above the last, and between each two.
fn around(sorted: &[&Value]) -> Vec<Value> {
    let numbers: Vec<f64> = sorted.iter().filter_map(|number| number.as_f64()).collect();
    let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    let between = numbers.windows(2).map(|two| two[0] / 2.0 + two[1] / 2.0);
    let mut found: Vec<Value> = between.map(|number| json!(number)).collect();
    found.extend([json!(first - first.abs() - 1.0), json!(last + last.abs() + 1.0)]);
    found
}

/// What decides wins over what cannot be read on the other side.
fn decided(by: bool, left: Option<bool>, right: Option<bool>) -> Option<bool> {
    if left == Some(by) || right == Some(by) {
        return Some(by);
    }
    left.and(right).map(|_| !by)
}

fn holds(op: Operator, value: &Value, literals: &[Value]) -> Option<bool> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = || compare(value, literals.first()?).ok();
    match op {
        Operator::Equal => equal(value, literals.first()?),
        Operator::NotEqual => equal(value, literals.first()?).map(|equal| !equal),
        Operator::In => Some(literals.iter().any(|one| equal(value, one) == Some(true))),
        Operator::Less => order().map(|order| order == Less),
        Operator::LessOrEqual => order().map(|order| order != Greater),
        Operator::Greater => order().map(|order| order == Greater),
        Operator::GreaterOrEqual => order().map(|order| order != Less),
        _ => order().map(|order| order == Equal),
    }
}

/// A comparison of something with a literal, or with a list of them.
fn comparison(node: &Node) -> Option<(&Node, Operator, Vec<Value>)> {
    let Kind::Binary { op, left, right } = &node.kind else { return None };
    if op.is_arithmetic() {
        return None;
    }
    if *op == Operator::In {
        let Kind::List(items) = &right.kind else { return None };
        let items = items.iter().map(literal).collect::<Option<_>>()?;
        return literal(left).is_none().then_some((left, *op, items));
    }
    match (literal(left), literal(right)) {
        (None, Some(value)) => Some((left, *op, vec![value])),
        (Some(value), None) => Some((right, turned(*op), vec![value])),
        _ => None,
    }
}

/// The operator with its sides exchanged.
fn turned(op: Operator) -> Operator {
    match op {
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        other => other,
    }
}

fn literal(node: &Node) -> Option<Value> {
    match &node.kind {
        Kind::Literal(value) => Some(value.clone()),
        Kind::Negate(of) => negate(&literal(of)?).ok(),
        _ => None,
    }
}

/// A text that is the same for the same expression, however it is spaced.
fn shape(node: &Node) -> String {
    let parts = || node.children().into_iter().map(shape).collect::<Vec<_>>().join(",");
    match &node.kind {
        Kind::Literal(value) => value.to_string(),
        Kind::Path { root, fields } => crate::references::dotted(root, fields),
        Kind::Field { name, .. } => format!("({}).{name}", parts()),
        Kind::Has { name, .. } => format!("has(({}).{name})", parts()),
        Kind::Index { .. } => format!("index({})", parts()),
        Kind::And(..) => format!("and({})", parts()),
        Kind::Or(..) => format!("or({})", parts()),
        Kind::Not(_) => format!("not({})", parts()),
        Kind::Negate(_) => format!("negate({})", parts()),
        Kind::Choice { .. } => format!("choice({})", parts()),
        Kind::Binary { op, .. } => format!("{}({})", op.sign(), parts()),
        Kind::List(_) => format!("[{}]", parts()),
        Kind::Object(_) => format!("{{{}}}", parts()),
        Kind::Call { function, .. } => format!("{}({})", function.name, parts()),
        Kind::Macro { of, name, filter, .. } => {
            format!("{of:?}[{name},{}]({})", filter.is_some(), parts())
        }
        // Nobody knows what it was meant to be: it is like no other.
        Kind::Mistaken(_) => format!("{:p}", std::ptr::from_ref(node)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(conditions: &[&str], expected: &[Option<Never>]) {
        let read: Vec<Expression> =
            conditions.iter().map(|text| Expression::parse(text).expect(text)).collect();
        let read: Vec<&Expression> = read.iter().collect();
        let domain = |root: &str, _: &[String]| {
            (root == "light").then(|| vec![json!("red"), json!("green")])
        };
        assert_eq!(never_first(&read, &domain), expected, "{conditions:?}");
    }

    #[test]
    fn a_condition_behind_one_that_always_holds_is_never_first() {
        check(&["true", "x > 1"], &[None, Some(Never::Behind(0))]);
        check(&["a || !a", "x > 1"], &[None, Some(Never::Behind(0))]);
    }

    #[test]
    fn the_same_condition_twice_is_never_first_the_second_time() {
        check(&["size(x) > n", "size( x )>n"], &[None, Some(Never::Behind(0))]);
        check(&["x.y == 'a'", "z", "'a' == x.y"], &[None, None, Some(Never::Behind(0))]);
    }

    #[test]
    fn a_comparison_is_covered_by_a_wider_one_before_it() {
        let behind = Some(Never::Behind(0));
        check(&["x > 3", "x > 5"], &[None, behind]);
        check(&["x > 5", "x > 3"], &[None, None]);
        check(&["x >= 3", "x == 3"], &[None, behind]);
        check(&["x > 3", "x == 3"], &[None, None]);
        check(&["x != 'a'", "x in ['b', 'c']"], &[None, behind]);
        check(&["x in ['a', 'b']", "x == 'b' && y > 2"], &[None, behind]);
        check(&["x == 'b' && y > 2", "x in ['a', 'b']"], &[None, None]);
        check(&["-1 < x", "x > 0"], &[None, behind]);
        check(&["x >= 'm'", "x > 'n'"], &[None, behind]);
    }

    #[test]
    fn several_conditions_together_can_leave_nothing() {
        check(&["x > 3", "x <= 3", "y"], &[None, None, Some(Never::BehindAll)]);
        check(&["x > 3", "x < 3", "y"], &[None, None, None]);
        check(
            &["light == 'red'", "light == 'green'", "true"],
            &[None, None, Some(Never::BehindAll)],
        );
        check(&["lamp == 'red'", "lamp == 'green'", "true"], &[None, None, None]);
    }

    #[test]
    fn a_condition_that_contradicts_itself_never_holds() {
        check(&["x > 5 && x < 3"], &[Some(Never::Holds)]);
        check(&["x == 'a' && x == 'b'", "false"], &[Some(Never::Holds), Some(Never::Holds)]);
        check(&["x > 5 || x < 3"], &[None]);
    }

    #[test]
    fn more_cases_than_can_be_tried_are_left_in_peace() {
        let many: Vec<String> = (0..20).map(|n| format!("x{n} > {n}")).collect();
        let all = many.join(" && ");
        check(&[&all, "y"], &[None, None]);
    }
}
