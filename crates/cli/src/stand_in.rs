//! The sandbox in place of real systems: started in this process, and bound to every alias.

use std::collections::BTreeMap;

use linchpin_connector::Spoke;
use linchpin_language::{Map, Type, Value};
use linchpin_runtime::Secret;
use linchpin_runtime::connections::Connections;
use linchpin_sandbox::{Options, Sandbox, Site};

use crate::failure::Failure;
use crate::project::Project;
use crate::workspace::{Workspace, declared};

/// The seed of a sandbox unless another is asked for.
pub(crate) const SEED: u64 = 1;

/// Starts the sandbox of a project: what its runs did before is still so.
pub(crate) async fn start(project: &Project) -> Result<Sandbox, Failure> {
    project.make_state()?;
    let state = Some(project.sandbox_effects());
    let options = Options { seed: SEED, state, ..Options::default() };
    Sandbox::start(options).await.map_err(|error| {
        Failure::because("the sandbox cannot start", &error)
            .help("`linchpin sandbox reset` makes it new")
    })
}

/// The stand-in for a spoke's system.
pub(crate) fn site<'a>(sandbox: &'a Sandbox, spoke: &str) -> Option<&'a Site> {
    match spoke {
        "litmos" => Some(sandbox.litmos()),
        "servicenow" => Some(sandbox.servicenow()),
        "sumtotal" => Some(sandbox.sumtotal()),
        _ => None,
    }
}

/// Binds each alias that a flow declares, and each spoke's default alias, to the sandbox.
pub(crate) fn bind(
    connections: &Connections,
    sandbox: &Sandbox,
    workspace: &Workspace,
) -> Result<(), Failure> {
    let mut aliases: BTreeMap<String, String> =
        workspace.spokes.keys().map(|name| (name.clone(), name.clone())).collect();
    aliases.extend(declared(&workspace.flows));
    for (alias, name) in &aliases {
        let Some(spoke) = workspace.spokes.get(name) else { continue };
        let Some(site) = site(sandbox, name) else { continue };
        let (values, secrets) = filled(spoke, site);
        let secrets = secrets.into_iter().map(|(field, text)| (field, Secret::new(text)));
        connections.bind(alias, name, values, secrets.collect()).map_err(|error| {
            Failure::because(format!("the alias {alias} cannot be bound to the sandbox"), &error)
        })?;
    }
    Ok(())
}

/// The form of a spoke's connection, filled in for the sandbox: values, then secrets.
pub(crate) fn filled(spoke: &Spoke, site: &Site) -> (Map<String, Value>, BTreeMap<String, String>) {
    let (mut values, mut secrets) = (Map::new(), BTreeMap::new());
    for field in spoke.connection.fields.iter().filter(|field| field.value.is_none()) {
        let known = match field.name.as_str() {
            "url" => Some(&site.url),
            name => site.secrets.get(name),
        };
        match (known, &field.ty) {
            (Some(text), Type::Secret) => drop(secrets.insert(field.name.clone(), text.clone())),
            (Some(text), _) => drop(values.insert(field.name.clone(), text.clone().into())),
            (None, Type::String) if field.required && field.default.is_none() => {
                values.insert(field.name.clone(), "sandbox".into());
            }
            (None, _) => {}
        }
    }
    (values, secrets)
}
