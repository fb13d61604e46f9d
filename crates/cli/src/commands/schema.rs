//! `linchpin schema`: the JSON Schemas of the project's files, for editors.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use linchpin_connector::json_schema as manifests;
use linchpin_engine::grammar::{CALENDAR, Key};
use linchpin_engine::json_schema;
use linchpin_language::{Map, Value, json};
use linchpin_runtime::connections;

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::{Project, Settings, shown};
use crate::report::{Report, Style};
use crate::workspace::Workspace;

/// The folder of the schemas that a project keeps for editors.
const FOLDER: &str = "schemas";

/// Print the JSON Schema of a file, for editors
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which file
    #[arg(value_enum, default_value_t = Of::Flow)]
    of: Of,
    /// Write all of them into the project's folder schemas/ in place of printing one
    #[arg(long)]
    write: bool,
}

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Of {
    /// A flow, with the actions of the installed spokes and the project's subflows
    Flow,
    /// connections.yaml
    Connections,
    /// linchpin.yaml
    Project,
    /// spoke.yaml of a spoke
    Spoke,
    /// A file under actions/ of a spoke
    Action,
}

impl Schema {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        let workspace = Workspace::read(&project, None)?;
        if !self.write {
            report.raw(&format!("{:#}\n", self.of.schema(&workspace)));
            return Ok(ExitCode::Ok);
        }
        let written = write(&project, &workspace)?;
        report.json(&json!({ "written": written }));
        for file in &written {
            report.line(format!("{} {}", report.paint(Style::Green, "+"), file.display()));
        }
        Ok(ExitCode::Ok)
    }
}

impl Of {
    const ALL: [Self; 5] =
        [Self::Flow, Self::Connections, Self::Project, Self::Spoke, Self::Action];

    /// The name of its schema's file.
    fn file(self) -> &'static str {
        match self {
            Self::Flow => "flow.json",
            Self::Connections => "connections.json",
            Self::Project => "project.json",
            Self::Spoke => "spoke.json",
            Self::Action => "action.json",
        }
    }

    fn schema(self, workspace: &Workspace) -> Value {
        match self {
            Self::Flow => json_schema::flow(&workspace.catalog),
            Self::Connections => connections::json_schema(&workspace.spokes),
            Self::Project => settings(),
            Self::Spoke => manifests::spoke(),
            Self::Action => manifests::action(),
        }
    }
}

/// Writes the schemas of a project where its files look for them.
pub(crate) fn write(project: &Project, workspace: &Workspace) -> Result<Vec<PathBuf>, Failure> {
    let folder = project.root.join(FOLDER);
    let mut written = Vec::new();
    for of in Of::ALL {
        let file = folder.join(of.file());
        let text = format!("{:#}\n", of.schema(workspace));
        let done = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, text));
        done.map_err(|error| Failure::because(format!("cannot write {}", file.display()), &error))?;
        written.push(shown(&file));
    }
    Ok(written)
}

/// The comment at the top of a file that tells an editor its schema; the path is that of the file
/// in its project.
pub(crate) fn modeline(of: Of, path: &Path) -> String {
    let n_folders = path.components().count().saturating_sub(1);
    let up = if n_folders == 0 { "./".to_owned() } else { "../".repeat(n_folders) };
    format!("# yaml-language-server: $schema={up}{FOLDER}/{}\n", of.file())
}

/// The schema of `linchpin.yaml`.
fn settings() -> Value {
    let properties: Map<String, Value> = Settings::KEYS
        .iter()
        .map(|(name, about)| {
            let schema = match *name {
                "calendars" => json!({
                    "type": "object", "description": about, "additionalProperties": calendar(),
                }),
                "retention" => retention(about),
                "capture" => json!({
                    "enum": linchpin_runtime::capture::Keep::WORDS.map(|(word, _)| word),
                    "description": about,
                }),
                "server" => json!({
                    "type": "object", "description": about, "additionalProperties": false,
                    "properties": { "webhooks": {
                        "type": "string", "description": "An IP address with a port.",
                        "examples": ["127.0.0.1:7733"],
                    } },
                }),
                "vault" => vault(about),
                _ => json!({ "type": "string", "description": about }),
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    json!({
        "$schema": json_schema::DIALECT,
        "title": "A project",
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The schema of the project's limits.
fn retention(about: &str) -> Value {
    let limits = json!({
        "age": { "type": "string", "description": "A run goes when it ended longer ago: 90d." },
        "count": { "type": "integer", "minimum": 0,
            "description": "A run goes when so many of its flow that have ended are newer." },
    });
    let mut all = limits.clone();
    all["flows"] = json!({
        "type": "object",
        "description": "Limits of some flows, in place of the others; {} keeps all of a flow.",
        "additionalProperties":
            { "type": "object", "properties": limits, "additionalProperties": false },
    });
    json!({
        "type": "object", "description": about, "properties": all, "additionalProperties": false,
    })
}

/// The schema of where the vault's key is.
fn vault(about: &str) -> Value {
    let word = json!({ "type": "string", "minLength": 1 });
    let place = json!({
        "type": "object",
        "properties": {
            "file": word, "credential": word,
            "command": { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        },
        "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
    });
    json!({
        "type": "object", "description": about, "additionalProperties": false,
        "properties": { "key": place, "before": place },
    })
}

/// The schema of one of the project's calendars.
fn calendar() -> Value {
    let property = |key: &Key| {
        let texts = json!({ "type": ["array", "string"], "items": { "type": "string" },
            "description": key.about });
        (key.name.to_owned(), texts)
    };
    let properties: Map<String, Value> = CALENDAR.keys.iter().map(property).collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_leads_from_the_file_to_its_schema() {
        for (of, path, expected) in [
            (Of::Project, "linchpin.yaml", "./schemas/project.json"),
            (Of::Flow, "flows/a.yaml", "../schemas/flow.json"),
            (Of::Flow, "flows/hr/a.yaml", "../../schemas/flow.json"),
        ] {
            let line = modeline(of, Path::new(path));
            assert_eq!(line, format!("# yaml-language-server: $schema={expected}\n"));
        }
    }
}
