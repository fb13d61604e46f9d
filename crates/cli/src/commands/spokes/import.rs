//! `linchpin spokes import`: drafts a spoke from an OpenAPI document.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use linchpin_connector::{Draft, Remark, Spoke, draft_spoke};
use linchpin_language::{Value, json, read_foreign};

use crate::args::Global;
use crate::commands::{Done, new};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, sentence};
use crate::project::{Project, shown};
use crate::report::{Report, Style};
use crate::steps::plural;
use crate::workspace::{below, text_of};

/// The file that keeps what was not carried over.
const SUMMARY: &str = "IMPORTED.md";
/// So many places of a remark are named at the prompt; the file names all.
const NAMED: usize = 4;

/// Draft a spoke from an OpenAPI 3.0 or 3.1 document: an action for each operation, to be reviewed
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The document, in YAML or JSON
    #[arg(value_name = "FILE")]
    document: PathBuf,
    /// The name of the spoke; otherwise made from the document's title
    #[arg(long)]
    name: Option<String>,
    /// The folder that the spoke's folder is made in; otherwise the project's spokes
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        if let Some(name) = &self.name {
            new::named(name, "spoke")?;
        }
        let text = text_of(&self.document)?;
        let shown_document = self.document.display().to_string();
        let document = read_foreign(&shown_document, &text).map_err(|mistake| {
            Failure::mistakes(format!("{shown_document} cannot be read"), vec![mistake])
        })?;
        let draft = draft_spoke(&document, self.name.as_deref())
            .map_err(|error| Failure::usage(format!("{shown_document}: {}", sentence(&error))))?;
        let folder = match &self.out {
            Some(out) => out.join(&draft.name),
            None => match Project::find(global) {
                Ok(project) => project.spokes().join(&draft.name),
                Err(failure) => {
                    return Err(
                        failure.help("`--out DIR` says where to draft it without a project")
                    );
                }
            },
        };
        let file = self.document.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut files: Vec<(PathBuf, String)> =
            draft.files.iter().map(|(path, text)| (folder.join(path), text.clone())).collect();
        files.push((folder.join(SUMMARY), summary(&draft, &file)));
        if folder.exists() {
            let message = format!("{} is there already and stays as it is", folder.display());
            return Err(Failure::usage(message).help("`--name` gives the draft another name"));
        }
        for (file, text) in &files {
            let parent = file.parent().map_or(Ok(()), std::fs::create_dir_all);
            parent.and_then(|()| std::fs::write(file, text)).map_err(|error| {
                Failure::because(format!("cannot write {}", file.display()), &error)
            })?;
        }
        if let Err(mistakes) = Spoke::load(&draft.files, &[]) {
            let mistakes = mistakes.into_iter().map(|mistake| below(&folder, mistake)).collect();
            let message = format!("the draft in {} is not whole yet", folder.display());
            return Err(Failure::mistakes(message, mistakes)
                .help("mend it by hand, then `linchpin spokes check`"));
        }
        tell(&draft, &shown(&folder), report);
        Ok(ExitCode::Ok)
    }
}

fn tell(draft: &Draft, folder: &std::path::Path, report: &Report) {
    let actions = draft.actions.iter().map(|action| {
        json!({ "action": action.name, "effect": action.effect, "operation": action.operation })
    });
    let remarks = draft.remarks.iter();
    let remarks: Vec<Value> =
        remarks.map(|remark| json!({ "what": remark.what, "places": remark.places })).collect();
    report.json(&json!({ "spoke": draft.name, "folder": folder, "actions": actions.collect::<Vec<_>>(), "remarks": remarks }));
    let drafted = plural(draft.actions.len() as u64, "action");
    report.line(format!(
        "{} {}: {drafted} for {}",
        report.paint(Style::Green, "+"),
        folder.display(),
        draft.title
    ));
    let rows: Vec<Vec<String>> = draft
        .actions
        .iter()
        .map(|action| {
            vec![format!("  {}", action.name), action.effect.to_string(), action.operation.clone()]
        })
        .collect();
    report.table(&["  ACTION", "GUESSED EFFECT", "FROM"], &rows);
    if !draft.remarks.is_empty() {
        report.line("\nnot carried over, or to be decided:");
    }
    for remark in &draft.remarks {
        report.line(format!("  - {}", in_line(remark)));
    }
    let name = &draft.name;
    report.line("\nnext:");
    report.line(format!(
        "  review what is marked `# review` in {}; {SUMMARY} there keeps this list",
        folder.display()
    ));
    report.line(format!("  linchpin spokes check {name}   finds every mistake in it"));
    report.line(format!("  linchpin spokes test {name}    runs the examples of its actions"));
}

fn in_line(remark: &Remark) -> String {
    let mut text = remark.what.clone();
    if !remark.places.is_empty() {
        let named =
            remark.places.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        text.push_str(&format!(": {named}"));
    }
    if remark.places.len() > NAMED {
        text.push_str(&format!(" and {} more", remark.places.len() - NAMED));
    }
    text
}

/// The page that stays beside the files.
fn summary(draft: &Draft, document: &str) -> String {
    let mut page = format!(
        "# Drafted from {document}\n\nEffects are guesses. Review each action and take its mark `# review` away.\n\n\
         | action | guessed effect | from |\n| --- | --- | --- |\n"
    );
    for action in &draft.actions {
        writeln!(page, "| {} | {} | `{}` |", action.name, action.effect, action.operation).ok();
    }
    page.push_str("\n## Not carried over, or to be decided\n\n");
    if draft.remarks.is_empty() {
        page.push_str("Nothing.\n");
    }
    for remark in &draft.remarks {
        writeln!(page, "- {}", remark.what).ok();
        for place in &remark.places {
            writeln!(page, "  - `{place}`").ok();
        }
    }
    page
}
