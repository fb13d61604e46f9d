//! What became of each due instant: kept in the store, by flow and instant.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use linchpin_engine::RunId;
use linchpin_engine::store::{Error, Expect, Record, Store};
use serde::{Deserialize, Serialize};

/// The collection of what became of each due instant, by flow and instant.
pub const DUE: &str = "due";
/// How many are read at a time.
const PAGE: usize = 1000;

/// What became of a due instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// A run was started when it fell due.
    Fired(RunId),
    /// A run was started later, because no daemon ran then.
    CaughtUp(RunId),
    /// No run was started.
    Skipped(String),
}

/// A due instant and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accounted {
    /// The flow.
    pub flow: String,
    /// When it fell due.
    pub due: Timestamp,
    /// What became of it.
    #[serde(flatten)]
    pub account: Account,
}

impl Accounted {
    /// A record that cannot be read is passed: `store verify` names it.
    fn of(record: &Record) -> Option<Self> {
        let (flow, due) = record.key.rsplit_once('/')?;
        let account = serde_json::from_slice(&record.value).ok()?;
        Some(Self { flow: flow.to_owned(), due: due.parse().ok()?, account })
    }

    fn key(&self) -> String {
        format!("{}/{}", self.flow, self.due)
    }
}

/// Keeps what became of a due instant, unless that is known.
pub(super) async fn keep(
    store: &dyn Store,
    flow: &str,
    due: Timestamp,
    account: &Account,
) -> Result<(), Error> {
    let value = serde_json::to_vec(account).unwrap_or_default();
    match store.put(DUE, &format!("{flow}/{due}"), value, Expect::Absent).await {
        // It was accounted for before the process died.
        Ok(_) | Err(Error::Changed { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What became of the due instants since an instant, of a flow or of all, newest first.
pub async fn accounts(
    store: &dyn Store,
    flow: Option<&str>,
    since: Timestamp,
) -> Result<Vec<Accounted>, Error> {
    let mut found = Vec::new();
    let flows = match flow {
        Some(flow) => vec![flow.to_owned()],
        None => flows(store).await?,
    };
    for flow in flows {
        let prefix = format!("{flow}/");
        // As text, instants of one second have no order.
        let before = since.checked_sub(SignedDuration::from_secs(1)).unwrap_or(since);
        let mut after = Some(format!("{prefix}{before}"));
        while let Some(page) = page(store, &prefix, &mut after).await? {
            found.extend(page.iter().filter_map(Accounted::of).filter(|one| one.due >= since));
        }
    }
    found.sort_by(|one, other| (other.due, &one.flow).cmp(&(one.due, &other.flow)));
    Ok(found)
}

/// Forgets what became of instants before the one that `since` gives for their flow.
pub(crate) async fn forget(
    store: &dyn Store,
    since: impl Fn(&str) -> Option<Timestamp>,
) -> Result<(), Error> {
    for flow in flows(store).await? {
        let Some(since) = since(&flow) else { continue };
        let mut after = None;
        while let Some(page) = page(store, &format!("{flow}/"), &mut after).await? {
            let page: Vec<_> = page.iter().filter_map(Accounted::of).collect();
            let old: Vec<_> = page.iter().filter(|one| one.due < since).collect();
            let forgotten = old
                .iter()
                .map(|one| async { store.delete(DUE, &one.key(), Expect::Anything).await });
            join_all(forgotten).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            if old.len() < page.len() {
                break;
            }
        }
    }
    Ok(())
}

/// The flows that something fell due of.
async fn flows(store: &dyn Store) -> Result<Vec<String>, Error> {
    let mut flows: Vec<String> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let next = store.list(DUE, "", after.as_deref(), 1).await?;
        let Some(record) = next.first() else { return Ok(flows) };
        after = Some(record.key.clone());
        if let Some((flow, _)) = record.key.rsplit_once('/') {
            // Behind all instants of the flow: the next character after the slash.
            after = Some(format!("{flow}0"));
            flows.push(flow.to_owned());
        }
    }
}

async fn page(
    store: &dyn Store,
    prefix: &str,
    after: &mut Option<String>,
) -> Result<Option<Vec<Record>>, Error> {
    let page = store.list(DUE, prefix, after.as_deref(), PAGE).await?;
    let Some(last) = page.last() else { return Ok(None) };
    *after = Some(last.key.clone());
    Ok(Some(page))
}
