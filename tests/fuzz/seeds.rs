//! Texts that the targets begin with, and the words of each language.

use linchpin_engine::grammar::{COMMON, FLOW, KINDS, Mapping, SCHEDULE, Shape};
use linchpin_language::functions;

use crate::architecture::repository::{files, read};

/// The flows of the repository and of the documents.
pub(super) fn flows() -> Vec<String> {
    let mut all: Vec<String> = files("flows", ".yaml").iter().map(read).collect();
    all.extend(files("docs/reference/examples", ".yaml").iter().map(read));
    assert!(!all.is_empty());
    all
}

/// Keys of flows, and what YAML itself makes things of.
pub(super) fn words_of_flows() -> Vec<&'static str> {
    let mut words = vec![
        "---\n",
        "...\n",
        "&a",
        "*a",
        "<<: ",
        "!!binary ",
        "!tag ",
        "? ",
        "- ",
        ": ",
        "|\n",
        ">-\n",
        "%YAML 1.1\n",
        "{{ ",
        " }}",
        "~",
        "null",
        "true",
        "0x1f",
        ".inf",
        "2026-01-31",
        "''",
        "\"",
        "flow.assign_courses",
        "lms.users.ensure",
        "sn.records.list",
        "iteration.index",
        "steps.",
        "error.message",
        "run.user.email",
        "after: []\n",
    ];
    add(&FLOW, &mut words);
    add(&SCHEDULE, &mut words);
    words.extend(COMMON.iter().map(|key| key.name));
    for kind in KINDS {
        words.push(kind.key);
        words.extend(kind.beside().map(|key| key.name));
        if let Shape::Mapping(mapping) = kind.value {
            add(mapping, &mut words);
        }
    }
    words
}

fn add(mapping: &'static Mapping, words: &mut Vec<&'static str>) {
    words.extend(mapping.names());
}

/// Expressions: the examples of all functions, and what they do not show.
pub(super) fn expressions() -> Vec<String> {
    let examples = functions().iter().flat_map(|function| function.examples);
    let mut all: Vec<String> = examples.map(|(call, _)| (*call).to_owned()).collect();
    let more = [
        "hires.count > 0 && learner.active",
        "learner != null ? learner.id : 'none'",
        "rows.filter(r, r.n > 1).map(r, {'id': r.n, 'x': [r]})",
        "rows.exists(r, r.name == 'x') || !rows.all(r, has(r.n))",
        "rows[0].name + string(-1) + \"a\\u0041\\n\"",
        "1 + 2 * 3 - 4 / 5 % 6 >= 7.5e3 && 'a' in ['a', 'b']",
        "unknown_id.email == unknown_id.email",
        "inputs.courses.map(c, rows.map(r, c + r.name))",
    ];
    all.extend(more.map(str::to_owned));
    all
}

/// Words of expressions.
pub(super) fn words_of_expressions() -> Vec<&'static str> {
    let mut words: Vec<&str> = functions().iter().map(|function| function.name).collect();
    words.extend([
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "&&",
        "||",
        "!",
        "?",
        ":",
        " in ",
        "==",
        "!=",
        "<=",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "%",
        ".",
        ",",
        "'",
        "\"",
        "\\",
        "b'x'",
        "r'x'",
        "'''",
        "0x",
        "1u",
        "1.5",
        "null",
        "true",
        "rows",
        "inputs",
        "learner",
        "unknown_id",
        ".map(x, x)",
        ".filter(x, true)",
        "has(learner.id)",
        "rows.map(r, rows)",
        "//",
        "{'a': 1}",
    ]);
    words
}

/// Texts: the examples of all functions as pills, and blocks.
pub(super) fn texts() -> Vec<String> {
    let examples = functions()
        .iter()
        .flat_map(|function| function.examples.iter().map(|(call, _)| function.in_text(call)));
    let mut all: Vec<String> = examples.flatten().collect();
    let more = [
        "Enrol {{ hires.count }} of {{ learner.name }}?",
        "{{#each rows}}{{ name }}={{ this.n }}{{#unless @last}}, {{/unless}}{{/each}}",
        "{{#each rows as |row at|}}{{ upper row.name }} {{ ../learner.id }} {{ at }}{{/each}}",
        "{{#if (gt hires.count 0)}}a{{else if learner}}b{{else}}c{{/if}}",
        "{{#with learner}}{{ id }} {{ @root.hires.count }}{{/with}}",
        "{{ default learner.nothing.at.all (upper 'x') }}",
        "{{ day_start run.started_at zone='Europe/London' days=-1 }}",
        "{{! note }}{{!-- long --}}\\{{ raw }} {{{ learner.id }}} {{~ learner.id ~}}",
        "{{{{raw}}}} {{ x }} {{{{/raw}}}}",
    ];
    all.extend(more.map(str::to_owned));
    all
}

/// Words of texts.
pub(super) fn words_of_texts() -> Vec<&'static str> {
    let mut words: Vec<&str> = functions().iter().map(|function| function.name).collect();
    words.extend([
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{{{{",
        "}}}}",
        "{{#if ",
        "{{#each ",
        "{{#unless ",
        "{{#with ",
        "{{else}}",
        "{{else if ",
        "{{^}}",
        "{{/if}}",
        "{{/each}}",
        "{{/with}}",
        "{{> x}}",
        "{{*x}}",
        "{{#> x}}",
        "{{#*inline 'x'}}",
        "{{!",
        "--",
        "~",
        "(",
        ")",
        "|",
        " as |x|",
        "../",
        "./",
        "this",
        "@root",
        "@index",
        "@key",
        "[",
        "]",
        "'",
        "\"",
        "\\",
        "=",
        "zone=",
        "null",
        "rows",
        "learner",
        "unknown_id",
        "(join rows ',')",
    ]);
    words
}

/// Patterns of cron with their zones, as one line each.
pub(super) fn schedules() -> Vec<String> {
    let lines = [
        "0 7 * * *|Europe/London",
        "*/15 * * * *|Australia/Lord_Howe",
        "30 1 * * 0|America/New_York",
        "0 0 29 2 *|UTC",
        "0 0 12 L * *|Asia/Kolkata",
        "0 9 * * 1#1|Pacific/Apia",
        "0 9 1-7 JAN,JUL MON-FRI|Europe/Berlin",
        "59 23 31 12 ?|Africa/Casablanca",
        "*/7 */5 15W * *|America/St_Johns",
    ];
    lines.map(str::to_owned).to_vec()
}

/// Words of patterns of cron.
pub(super) fn words_of_schedules() -> Vec<&'static str> {
    vec![
        "*",
        "*/",
        "/",
        "-",
        ",",
        "L",
        "W",
        "LW",
        "#",
        "?",
        "@daily",
        "@yearly",
        "@reboot",
        "MON",
        "SUN",
        "JAN",
        "DEC",
        "FEB",
        "0",
        "1",
        "7",
        "59",
        "60",
        "23",
        "24",
        "31",
        "29 2",
        " ",
        "|",
        "UTC",
        "Europe/London",
        "Antarctica/Troll",
        "+",
        "H",
        "0-59/1",
        "1-1",
        "5-3",
    ]
}

/// The files of a spoke below a folder, by their path in it.
pub(super) fn spoke_files(spoke: &str) -> Vec<(String, String)> {
    let folder = format!("crates/spokes/{spoke}");
    let all = files(&folder, ".yaml");
    let named = all.iter().map(|path| {
        let inside = path.strip_prefix(&folder).unwrap();
        (inside.to_string_lossy().into_owned(), read(path))
    });
    named.collect()
}

/// Words of manifests.
pub(super) fn words_of_manifests() -> Vec<&'static str> {
    vec![
        "spoke: ",
        "action: ",
        "title: ",
        "effect: ",
        "read",
        "ensure",
        "create",
        "inputs:",
        "outputs:",
        "look:",
        "changes: ",
        "write:",
        "verify:",
        "by: ",
        "simulate:",
        "examples:",
        "paging:",
        "shapes:",
        "keys: ",
        "fields:",
        "from: ",
        "type: ",
        "list",
        "object",
        "secret",
        "path",
        "items: ",
        "connection:",
        "credential:",
        "kind: ",
        "get: ",
        "post: ",
        "query:",
        "json:",
        "form:",
        "xml:",
        "errors:",
        "stream:",
        "row: ",
        "undo:",
        "code: ",
        "let:",
        "{{ inputs.",
        "{{ look.",
        "answer.",
        " }}",
        "call.key",
        "connection.url",
        "'",
        "\"",
        "- ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        "|\n",
    ]
}
