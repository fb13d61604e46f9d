//! Where the rows of a read or a stream come from, and the pages of a stream.

use linchpin_language::{Truth, Value, json, unknown};
use serde::{Deserialize, Serialize};

use crate::action::{Call, Page};
use crate::error::{ActionError, ErrorKind};
use crate::manifest::action::{ManifestAction, raised};
use crate::manifest::build::{Built, build};
use crate::manifest::exchange::{Rows, whole};
use crate::manifest::names::Names;
use crate::manifest::overlay;
use crate::manifest::paging::Position;
use crate::manifest::request::{Sending, What};
use crate::manifest::shape::identity;

/// Where a stream stands: which of its sources, and where in it.
#[derive(Serialize, Deserialize)]
struct StreamCursor {
    source: usize,
    #[serde(default)]
    kept: usize,
    position: Position,
}

impl ManifestAction {
    /// The source of a stream or read that holds here.
    fn source(&self, names: &Names<'_>) -> Result<Option<usize>, ActionError> {
        for (index, spec) in self.parsed.read_from.iter().enumerate() {
            let mut names = names.clone();
            names.compute(&spec.lets);
            let holds = match &spec.when {
                None => Truth::True,
                Some(when) => names.truth(when)?,
            };
            match (&spec.what, holds) {
                (_, Truth::False) => {}
                (What::Fail(fail), _) => return Err(raised(fail, &names)),
                (What::Send(_), _) => return Ok(Some(index)),
            }
        }
        Ok(None)
    }

    fn kept(&self, names: &Names<'_>, rows: Vec<Value>) -> Result<Vec<Value>, ActionError> {
        let Some(keep) = &self.parsed.keep else { return Ok(rows) };
        let mut kept = Vec::with_capacity(rows.len());
        for row in rows {
            if names.row_truth(keep, &row)? != Truth::False {
                kept.push(row);
            }
        }
        Ok(kept)
    }

    fn stream_max(&self, names: &Names<'_>) -> Result<Option<usize>, ActionError> {
        match &self.parsed.stream_max {
            None => Ok(None),
            Some(text) => whole(&names.render(text)?, "max"),
        }
    }

    /// The source at an index, and its names.
    fn sending_at<'a>(&self, index: usize, names: &Names<'a>) -> Option<(&Sending, Names<'a>)> {
        let spec = self.parsed.read_from.get(index)?;
        let What::Send(sending) = &spec.what else { return None };
        let mut names = names.clone();
        names.compute(&spec.lets);
        Some((sending, names))
    }

    /// Rows of `read_from` in an action that is no stream stand as `look.rows`.
    pub(super) async fn read_source(
        &self,
        call: &Call<'_>,
        names: &mut Names<'_>,
    ) -> Result<(), ActionError> {
        let Some(index) = self.source(names)? else { return Ok(()) };
        let Some((sending, inner)) = self.sending_at(index, names) else { return Ok(()) };
        let rows = match self.exchange(call).rows(sending, &inner).await? {
            Rows::Known(rows) => Value::Array(self.kept(&inner, rows)?),
            Rows::Unknown => unknown(&format!("{}.rows", call.key), "any", "rows"),
        };
        let mut found = names.value("look").as_object().cloned().unwrap_or_default();
        found.insert("rows".to_owned(), rows);
        names.set("look", Value::Object(found));
        Ok(())
    }

    /// One page of a stream, and where the next begins.
    pub(super) async fn page_of_stream(
        &self,
        call: &Call<'_>,
        cursor: Option<&Value>,
    ) -> Result<Page, ActionError> {
        let names = self.look_around(call).await?;
        let at = match cursor {
            Some(cursor) => StreamCursor::deserialize(cursor)
                .map_err(|_| ActionError::new(ErrorKind::Internal, "unreadable stream cursor"))?,
            None => StreamCursor {
                source: self.source(&names)?.ok_or_else(no_source)?,
                kept: 0,
                position: Position::default(),
            },
        };
        let (sending, names) = self.sending_at(at.source, &names).ok_or_else(no_source)?;
        let max = self.stream_max(&names)?;
        let exchange = self.exchange(call);
        let (rows, next) = match build(sending, &self.protocol, &names)? {
            Built::Ready(_) if max.is_some_and(|max| at.kept >= max) => (Vec::new(), None),
            Built::Ready(request) => {
                let page = exchange.page(sending, &request, &at.position, &names).await?;
                let last = page.next.is_none();
                (overlay::merge(&exchange, sending, &names, page.rows, last)?, page.next)
            }
            Built::Unknown(_) => match exchange.rows(sending, &names).await? {
                Rows::Known(rows) => (rows, None),
                Rows::Unknown => (vec![self.symbolic_row(call)], None),
            },
        };
        let mut rows = self.kept(&names, rows)?;
        let left = max.map_or(usize::MAX, |max| max.saturating_sub(at.kept));
        let is_full = rows.len() >= left;
        rows.truncate(left);
        let keys = sending.shape.as_ref().map(|shape| shape.keys.as_slice()).unwrap_or_default();
        let keys = rows.iter().map(|row| identity(row, keys)).collect();
        let kept = at.kept + rows.len();
        let next = next
            .filter(|_| !is_full)
            .map(|position| json!({ "source": at.source, "kept": kept, "position": position }));
        Ok(Page { rows, keys, cursor: next })
    }
}

fn no_source() -> ActionError {
    ActionError::new(ErrorKind::InvalidInput, "these inputs name nothing to read from")
}
