//! `linchpin graph`: a flow as a picture.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use linchpin_engine::diagram::Diagram;
use linchpin_engine::plan::Plan;

use crate::args::Global;
use crate::commands::Done;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::project::Project;
use crate::report::Report;
use crate::workspace::{Workspace, file_of};

/// Draw a flow: its steps in their order, what is inside what, and which of them write
#[derive(Debug, Args)]
pub(crate) struct Graph {
    /// The flow's name or its file
    flow: String,
    /// What is written
    #[arg(long, value_enum, default_value_t = Form::Svg)]
    format: Form,
    /// Write into this file; otherwise to stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// For what the picture is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// A picture for a browser
    Svg,
    /// A flowchart for Markdown pages that draw Mermaid
    Mermaid,
    /// A digraph for Graphviz
    Dot,
}

impl Graph {
    pub(crate) fn run(self, global: &Global, report: &Report) -> Done {
        let project = Project::find(global)?;
        let workspace = Workspace::read(&project, file_of(&self.flow).as_deref())?;
        let flow = workspace.find(&self.flow)?.flow.clone();
        let diagram = Diagram::of(&Plan::new(flow), &workspace.catalog);
        let text = match self.format {
            Form::Svg => diagram.svg(),
            Form::Mermaid => diagram.mermaid(),
            Form::Dot => diagram.dot(),
        };
        match &self.output {
            Some(file) => std::fs::write(file, text).map_err(|error| {
                Failure::because(format!("cannot write {}", file.display()), &error)
            })?,
            None => report.text("picture", &text),
        }
        Ok(ExitCode::Ok)
    }
}
