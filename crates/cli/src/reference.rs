//! The page of the command line in `docs/reference`, made from the arguments themselves.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};

use crate::args::Args;

const OPENING: &str = "<!-- Made from the product by a test; not for editing. \
    To renew: LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference -->

# Command line

What `-h` says, for every command. The options of the first page belong to all of them.
";

#[test]
fn the_reference_of_the_command_line_is_what_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/cli.md");
    let text = page();
    if std::env::var_os("LINCHPIN_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        present == text,
        "docs/reference/cli.md is not what --help says; \
         LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference writes it"
    );
}

fn page() -> String {
    let mut text = OPENING.to_owned();
    // The values of this machine's variables are no part of the reference.
    let mut program = Args::command().term_width(100);
    program.build();
    describe(&mut text, program, "linchpin");
    text
}

fn describe(text: &mut String, command: Command, name: &str) {
    let is_first = name == "linchpin";
    let plain = |arg: clap::Arg| {
        let is_common = arg.is_global_set() || ["help", "version"].contains(&arg.get_id().as_str());
        arg.hide(is_common && !is_first).hide_env_values(true)
    };
    let shown = command.clone().mut_args(plain).render_help();
    let lines: Vec<_> = shown.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    write!(text, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()).unwrap();
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        describe(text, inner.clone().term_width(100), &format!("{name} {}", inner.get_name()));
    }
}
