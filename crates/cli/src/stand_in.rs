//! The sandbox in place of real systems: started in this process, and bound to every alias.

use std::collections::BTreeMap;

use linchpin_connector::{CREDENTIAL, FormField, Spoke};
use linchpin_engine::flow::{Block, StepKind};
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
        "notify" => Some(sandbox.notify()),
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
        let Some(site) = site(sandbox, name) else {
            let fields = &mut spoke.connection.fields.iter();
            let is_needed = |field: &FormField| field.required && field.default.is_none();
            if fields.any(|field| is_needed(field) && field.value.is_none()) {
                connections.leave_unbound(alias, name);
            }
            continue;
        };
        let chosen = chosen(spoke, site, alias, workspace);
        let (values, secrets) = filled(spoke, site, chosen);
        let secrets = secrets.into_iter().map(|(field, text)| (field, Secret::new(text)));
        connections.bind(alias, name, values, secrets.collect()).map_err(|error| {
            Failure::because(format!("the alias {alias} cannot be bound to the sandbox"), &error)
        })?;
    }
    Ok(())
}

/// The credentials of a spoke that are an address of the sandbox each, beside the usual one.
pub(crate) fn addresses<'s>(spoke: &'s Spoke, site: &'s Site) -> impl Iterator<Item = &'s str> {
    let names = spoke.connection.credentials.iter().map(|credential| credential.name.as_str());
    names.filter(|name| {
        site.secrets.contains_key(name)
            && spoke.connection.fields.iter().all(|field| field.name != *name)
    })
}

/// The credential that an alias has: what flows call by it tells, since an action is named like the
/// channel it needs.
fn chosen<'s>(
    spoke: &'s Spoke,
    site: &'s Site,
    alias: &str,
    workspace: &Workspace,
) -> Option<&'s str> {
    let mut named = addresses(spoke, site);
    named.find(|name| {
        let flows = workspace.flows.iter().map(|loaded| &loaded.flow);
        let mut blocks: Vec<&Block> = flows
            .flat_map(|flow| {
                let handlers = [&flow.on_error, &flow.on_cancel, &flow.finally];
                handlers.into_iter().flatten().chain([&flow.steps])
            })
            .collect();
        let mut is_called = false;
        while let Some(block) = blocks.pop() {
            for step in &block.steps {
                blocks.extend(step.blocks().into_iter().map(|(_, block)| block));
                is_called |= matches!(&step.kind, StepKind::Call(call)
                    if call.alias.value == alias && call.action.value == *name);
            }
        }
        is_called
    })
}

/// The form of a spoke's connection, filled in for the sandbox: values, then secrets.
pub(crate) fn filled(
    spoke: &Spoke,
    site: &Site,
    chosen: Option<&str>,
) -> (Map<String, Value>, BTreeMap<String, String>) {
    let (mut values, mut secrets) = (Map::new(), BTreeMap::new());
    values.extend(chosen.map(|name| (CREDENTIAL.to_owned(), name.into())));
    let usual = spoke.connection.credential(&values).name.clone();
    let fields = spoke.connection.fields.iter().filter(|field| field.value.is_none());
    for field in fields.filter(|field| field.is_for(&usual)) {
        let known = match field.name.as_str() {
            "url" => Some(&site.url),
            name => site.secrets.get(name),
        };
        let known = known.or(chosen.and_then(|chosen| site.secrets.get(chosen)));
        let known = known.filter(|_| field.name != CREDENTIAL);
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
