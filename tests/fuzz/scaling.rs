//! Four times the input takes about four times the work, not sixteen times: hostile files of every
//! kind that a reader could stumble over, at two sizes.

use std::time::{Duration, Instant};

use linchpin_engine::catalog::Catalog;
use linchpin_engine::check::check_text;
use linchpin_language::{Attributes, Expression, Map, Text, json, read_xml};

/// Between 4, for work in proportion, and 16, for work that grows with the square.
const MOST: f64 = 9.0;
/// Below this the clock says nothing.
const TOO_SHORT: Duration = Duration::from_millis(40);
/// How long the largest file that is read may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The shortest of several tries: what the machine does beside only adds.
fn shortest(text: &str, read: &dyn Fn(&str)) -> Duration {
    let once = || {
        let begin = Instant::now();
        read(text);
        begin.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}

fn grows_in_proportion(
    name: &str,
    make: &dyn Fn(usize) -> String,
    size: usize,
    read: &dyn Fn(&str),
) {
    let (small, large) = (make(size), make(size * 4));
    let mut ratios = Vec::new();
    // Work in proportion shows in one quiet moment; work that grows faster never does.
    for _ in 0..12 {
        let (before, after) = (shortest(&small, read), shortest(&large, read));
        if after < TOO_SHORT {
            return;
        }
        let ratio = after.as_secs_f64() / before.as_secs_f64();
        if ratio < MOST && after < PATIENCE {
            return;
        }
        ratios.push((ratio, after));
    }
    panic!("{name} of {} bytes: {ratios:?}", large.len());
}

fn steps(size: usize, one: impl Fn(usize) -> String) -> String {
    let steps: String = (0..size).map(one).collect();
    format!("flow: f\nsteps:\n{steps}")
}

/// A file of something many times over.
type Make = fn(usize) -> String;

/// Files, and of how many parts the smaller one is.
const FILES: [(&str, usize, Make); 14] = [
    ("many steps", 250, |n| steps(n, |at| format!("  - {{ id: s{at}, log: x }}\n"))),
    ("steps that read the one before", 250, |n| {
        steps(n, |at| {
            format!("  - {{ id: s{at}, log: '{{{{ s{}.x }}}}' }}\n", at.saturating_sub(1))
        })
    }),
    ("many unknown names in a text", 100, |n| {
        format!("flow: f\nsteps:\n  - log: '{}'\n", "{{ nobody_here }}".repeat(n))
    }),
    ("keys that nobody knows", 5000, |n| {
        format!("flow: f\n{}", (0..n).map(|at| format!("key_{at}: 1\n")).collect::<String>())
    }),
    ("one key over and over", 20_000, |n| "flow: f\n".repeat(n)),
    ("one map on a line", 10_000, |n| format!("a: {{{}}}", "b: 1, ".repeat(n))),
    ("brackets", 50_000, |n| format!("a: {}", "[".repeat(n))),
    ("unquoted braces", 500, |n| format!("a:\n{}", "  - {{ x }}\n".repeat(n))),
    ("aliases", 10_000, |n| format!("a: &a x\nb: [{}]", "*a, ".repeat(n))),
    ("one long text", 200_000, |n| format!("flow: f\nsteps:\n  - log: {}\n", "x".repeat(n))),
    ("comments", 20_000, |n| format!("{}flow: f\n", "# x\n".repeat(n))),
    ("empty lines after each key", 2000, |n| {
        format!("a:\n{}", "  - b:\n\n\n\n\n\n\n\n\n\n".repeat(n))
    }),
    ("characters of several bytes", 20_000, |n| format!("a: [{}]", "'ä', ".repeat(n))),
    ("forbidden characters", 50_000, |n| format!("a: '{}'", "\u{202e}".repeat(n))),
];

#[test]
fn no_file_takes_work_that_grows_with_the_square_of_its_size() {
    let catalog = Catalog::default();
    for (name, size, make) in FILES {
        grows_in_proportion(name, &make, size, &|text| drop(check_text("f.yaml", text, &catalog)));
    }
}

#[test]
fn a_file_full_of_names_that_do_not_exist_is_answered_in_time() {
    // Each name is compared with those of up to a thousand steps.
    let pills = "{{ nobody_here_at_all }}".repeat(38);
    let text = steps(1000, |at| format!("  - {{ id: somebody_{at}, log: '{pills}' }}\n"));
    assert!(text.len() < linchpin_language::MAX_BYTES, "{}", text.len());
    let begin = Instant::now();
    let found = check_text("f.yaml", &text, &Catalog::default());
    assert_eq!(found.len(), 500, "as many as are told");
    let help = found.last().and_then(|last| last.help.clone());
    assert_eq!(help.as_deref(), Some("there are more mistakes below: mend these first"));
    assert!(begin.elapsed() < PATIENCE * 2, "{:?}", begin.elapsed());
}

#[test]
fn steps_that_wait_for_each_other_are_put_in_order_in_bounded_time() {
    // Each waits for all before it, so the edges alone are a quarter of a million: what is bounded
    // is the time, and the number of steps.
    let text = steps(1000, |at| {
        let before: Vec<String> =
            (at.saturating_sub(40)..at).map(|one| format!("s{one}")).collect();
        format!("  - {{ id: s{at}, after: [{}], log: x }}\n", before.join(", "))
    });
    let begin = Instant::now();
    check_text("f.yaml", &text, &Catalog::default());
    assert!(begin.elapsed() < PATIENCE * 2, "{:?}", begin.elapsed());
}

#[test]
fn no_expression_or_text_takes_work_that_grows_with_the_square_of_its_size() {
    let scope = json!({ "x": { "y": 1 }, "rows": vec![1; 2000] });
    let scope: Map<_, _> = scope.as_object().unwrap().clone();
    let expression = |text: &str| {
        if let Ok(read) = Expression::parse(text) {
            drop(read.eval(&scope));
        }
    };
    let text = |text: &str| {
        if let Ok(read) = Text::parse(text) {
            drop(read.render(&scope));
        }
    };
    let makes: [(&str, usize, Make); 4] = [
        ("a sum", 80, |n| vec!["x.y"; n].join(" + ")),
        ("a list", 80, |n| format!("[{}]", vec!["x.y"; n].join(", "))),
        ("an open bracket", 80, |n| "(".repeat(n)),
        ("a long string", 1900, |n| format!("'{}'", "ä".repeat(n))),
    ];
    for (name, size, make) in makes {
        grows_in_proportion(name, &make, size, &expression);
    }
    let makes: [(&str, usize, Make); 5] = [
        ("pills", 280, |n| "{{ x.y }} ".repeat(n)),
        ("open pills", 1900, |n| "{{".repeat(n)),
        ("closed pills", 1900, |n| "}}".repeat(n)),
        ("open blocks", 8, |n| "{{#if x}}".repeat(n)),
        ("backslashes", 3500, |n| format!("{}{{{{ x.y }}}}", "\\".repeat(n))),
    ];
    for (name, size, make) in makes {
        grows_in_proportion(name, &make, size, &text);
    }
}

#[test]
fn a_loop_in_a_text_stops_at_the_work_that_one_text_may_take() {
    let scope = json!({ "rows": vec![1; 2000] });
    let scope = scope.as_object().unwrap();
    let loops = "{{#each rows}}{{#each @root.rows}}{{#each @root.rows}}{{/each}}{{/each}}{{/each}}";
    let begin = Instant::now();
    let found = Text::parse(loops).unwrap().render(scope).unwrap_err();
    assert!(found.message.contains("too much work"), "{found}");
    let calls = "{{ size (concat rows rows) }}".repeat(500);
    let rendered = Text::parse(&calls).unwrap().render(scope).unwrap();
    assert!(rendered.as_str().unwrap().starts_with("40004000"));
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
}

#[test]
fn no_xml_takes_work_that_grows_with_the_square_of_its_size() {
    let read = |text: &str| drop(read_xml(text, Attributes::Kept));
    let makes: [(&str, usize, Make); 5] = [
        ("elements", 10_000, |n| format!("<a>{}</a>", "<b>1</b>".repeat(n))),
        ("other elements", 5000, |n| {
            format!("<a>{}</a>", (0..n).map(|at| format!("<b{at}/>")).collect::<String>())
        }),
        ("attributes", 5000, |n| {
            format!("<a {}/>", (0..n).map(|at| format!("b{at}='1' ")).collect::<String>())
        }),
        ("depth", 20_000, |n| "<a>".repeat(n)),
        ("entities", 20_000, |n| format!("<a>{}</a>", "&amp;".repeat(n))),
    ];
    for (name, size, make) in makes {
        grows_in_proportion(name, &make, size, &read);
    }
}
