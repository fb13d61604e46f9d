//! Commands as they are printed: whoever copies one into a shell gets to the same project and run.

use linchpin_language::Value;

use crate::project::Project;

/// The commands that answer a question: to say yes or fill in the form, and to say no.
pub(crate) fn said_with(question: &Value, run: &str, flags: &str) -> [String; 2] {
    let step = quoted(question["step"].as_str().unwrap_or_default());
    let is_approval = question["is_approval"] == true;
    let of = question["of"].as_str().unwrap_or_default();
    // Whoever started the run sees what somebody else has to type.
    let person = match question["not_yours"].is_null() {
        true => String::new(),
        false if of.contains('@') && !of.contains(',') => format!(" --as {}", quoted(of)),
        false => " --as ADDRESS".to_owned(),
    };
    let flag = if is_approval { "-i" } else { "-v" };
    let fields = question["fields"].as_array().into_iter().flatten();
    let fields: String = fields
        .filter(|field| field["required"] == true || !is_approval)
        .filter_map(|field| field["name"].as_str())
        .map(|name| format!(" {flag} {name}=..."))
        .collect();
    let command = |word: &str, fields: &str| {
        format!("linchpin runs {word} {run} {step}{person}{flags}{fields}")
    };
    match is_approval {
        true => [command("approve", &fields), command("reject", "")],
        false => [command("answer", &fields), String::new()],
    }
}

/// A word as a shell reads it whole: the path of a step without an id begins with `#`.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@".contains(c);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The flags that lead a later command to the same project.
pub(crate) fn flags(project: &Project) -> String {
    let here = std::env::current_dir().is_ok_and(|here| here.starts_with(&project.root));
    let sandbox = if project.is_sandbox { " --sandbox" } else { "" };
    let root = quoted(&project.root.display().to_string());
    let root = if here { String::new() } else { format!(" --project {root}") };
    let environment = match (&project.said_environment, project.is_sandbox) {
        (Some(name), false) => format!(" --environment {}", quoted(name)),
        _ => String::new(),
    };
    format!("{sandbox}{root}{environment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_path_of_a_step_as_one_word() {
        assert_eq!(quoted("all[3].pay"), "'all[3].pay'");
        assert_eq!(quoted("#1"), "'#1'");
        assert_eq!(quoted("success/then.note"), "success/then.note");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
