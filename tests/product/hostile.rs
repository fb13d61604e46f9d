//! Files that want to harm, given to the program itself: each is answered by name and in time.

use std::time::{Duration, Instant};

use super::support::Project;

/// How long all of them together may take here; one alone is to be answered in 3 seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// A name, what is in the file, and a code that it earns.
fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let flow = |steps: &str| format!("flow: f\nsteps:\n{steps}").into_bytes();
    let levels =
        (1..9).map(|at| format!("a{at}: &a{at} [{0}, {0}, {0}]\n", format!("*a{}", at - 1)));
    let bomb: String = std::iter::once("a0: &a0 [x]\n".to_owned()).chain(levels).collect();
    let utf16: Vec<u8> = "flow: f\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("bomb", bomb.into_bytes(), "yaml-alias"),
        ("deep", format!("a: {}", "[".repeat(300_000)).into_bytes(), "too-deep"),
        (
            "deep_block",
            (0..300).map(|at| format!("{}a:\n", " ".repeat(at))).collect::<String>().into_bytes(),
            "too-deep",
        ),
        ("large", format!("flow: f # {}\n", "x".repeat(2 << 20)).into_bytes(), "file-too-large"),
        ("merge", b"a: &a { b: 1 }\nc: { <<: *a }\n".to_vec(), "yaml-alias"),
        ("tag", b"flow: !!python/object:os.system f\n".to_vec(), "yaml-tag"),
        ("two", b"flow: f\n---\nflow: g\n".to_vec(), "second-document"),
        ("twice", b"flow: f\nflow: g\n".to_vec(), "duplicate-key"),
        ("bidi", "flow: f # \u{202e}gnihton\n".as_bytes().to_vec(), "forbidden-character"),
        ("nul", b"flow: f\0\n".to_vec(), "forbidden-character"),
        ("path", b"flow: ../../etc/passwd\nsteps: [{ log: x }]\n".to_vec(), "bad-id"),
        ("step_path", flow("  - { id: ../x, log: x }\n"), "bad-id"),
        ("partial", flow("  - log: '{{> self}}'\n"), "bad-text"),
        ("many", flow(&"  - log: x\n".repeat(5000)), "too-many-steps"),
        (
            "brackets",
            flow(&format!("  - {{ log: x, if: '{}' }}\n", "(".repeat(5000))),
            "bad-expression",
        ),
        ("pills", flow(&format!("  - log: '{}'\n", "{{#if x}}".repeat(1000))), "bad-text"),
        (
            "unknown",
            flow(
                &(0..900)
                    .map(|at| {
                        format!("  - {{ id: s{at}, log: '{}' }}\n", "{{ nobody }}".repeat(60))
                    })
                    .collect::<String>(),
            ),
            "unknown-name",
        ),
        (
            "pattern",
            flow("  - { log: x, if: \"'aaaa'.matches('((a*)*)*((a*)*)*b')\" }\n  - nothing: 1\n"),
            "unknown-step-kind",
        ),
        ("latin", b"flow: f\ndescription: caf\xe9\nsteps: [{ log: x }]\n".to_vec(), ""),
        ("utf16", utf16, ""),
    ]
}

#[test]
fn files_that_want_to_harm_are_each_answered_by_name_and_in_time() {
    let project = Project::with(&[("flows/good.yaml", "flow: good\nsteps: [{ log: x }]\n")]);
    for (name, bytes, _) in files() {
        project.write(&format!("flows/{name}.yaml"), bytes);
    }
    let begin = Instant::now();
    let found = project.linchpin(&["check", "--format", "json"]).ends_with(1).json();
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
    let found = found.as_array().unwrap();
    let of = |name: &str, code: &str| {
        let file = format!("{name}.yaml");
        found.iter().any(|one| {
            let place = one["file"].as_str().unwrap_or_default();
            place.ends_with(&file) && (code.is_empty() || one["code"] == code)
        })
    };
    let missing: Vec<_> = files()
        .into_iter()
        .filter(|(name, _, code)| !of(name, code))
        .map(|file| (file.0, file.2))
        .collect();
    assert!(missing.is_empty(), "{missing:?} of {found:#?}");
    assert!(!of("good", ""), "the good flow has no mistake");
}

#[test]
fn a_flow_with_more_ways_through_it_than_can_be_counted_is_checked_in_time() {
    let mut steps = "  - { id: a0, log: x }\n".to_owned();
    for at in 0..300 {
        let next = at + 1;
        steps.push_str(&format!(
            "  - {{ id: b{at}, after: [a{at}], log: x }}\n  - {{ id: c{at}, after: [a{at}], log: x }}\n  \
             - {{ id: a{next}, after: [b{at}, c{at}], log: x }}\n"
        ));
    }
    let flow = format!("flow: ways\nsteps:\n{steps}");
    let project = Project::with(&[("flows/ways.yaml", &flow)]);
    let begin = Instant::now();
    project.linchpin(&["check"]).ends_with(0);
    assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
}
