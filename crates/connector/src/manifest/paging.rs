//! How a listing goes on: by offset, page number, cursor or link.
//!
//! Links are followed by path and query only: the host of a link is never trusted.

use linchpin_language::{Expression, Node, Text, Value, codes, digest, print};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::{ActionError, ErrorKind};
use crate::manifest::answer::Answer;
use crate::manifest::exchange::answered;
use crate::manifest::grammar;
use crate::manifest::names::Names;
use crate::manifest::reading::Reading;
use crate::manifest::shape::at;
use crate::transport::Request;

/// The ways in which listings go on.
pub(crate) const KINDS: [&str; 5] = ["offset", "page", "cursor", "next_link", "link_header"];
/// When offsets and pages end.
pub(crate) const STOPS: [&str; 3] = ["empty", "short", "total"];
/// Links and cursors of so many pages back are remembered, to notice a circle.
const REMEMBERED: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Offset,
    Page,
    Cursor,
    NextLink,
    LinkHeader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Empty,
    Short,
    Total,
}

/// A way of paging.
pub(crate) struct Paging {
    kind: Kind,
    /// The parameter that carries the offset, page number or cursor.
    place: Option<String>,
    limit: Option<String>,
    size: Option<Text>,
    unit: Option<Text>,
    total: Option<String>,
    stop: Stop,
    link: Option<String>,
    next: Option<Expression>,
    /// The number of the first page.
    first: u64,
}

/// Where a listing stands between two pages. Plain data: it is journaled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Rows received.
    #[serde(default)]
    received: u64,
    /// Pages received.
    #[serde(default)]
    pub(crate) pages: u64,
    /// The cursor, or the link's path and query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// Digests of the latest links and cursors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen: Vec<String>,
    /// Digest of the keys of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<String>,
}

impl Paging {
    /// Reads a way of paging.
    pub(crate) fn parse(reading: &mut Reading, node: &Node<'_>) -> Option<Paging> {
        if !reading.mapping(node, &grammar::PAGING) {
            return None;
        }
        let kind_node = reading.required(node, "kind")?;
        let kind = reading.word(&kind_node, &KINDS, |word| match word {
            "offset" => Some(Kind::Offset),
            "page" => Some(Kind::Page),
            "cursor" => Some(Kind::Cursor),
            "next_link" => Some(Kind::NextLink),
            "link_header" => Some(Kind::LinkHeader),
            _ => None,
        })?;
        let place = match kind {
            Kind::Offset => reading.required(node, "offset"),
            Kind::Page => reading.required(node, "page"),
            Kind::Cursor => reading.required(node, "cursor"),
            Kind::NextLink | Kind::LinkHeader => None,
        };
        let place = place.and_then(|node| reading.string(&node));
        let leads_on = node.get("link").is_some() || node.get("next").is_some();
        if matches!(kind, Kind::NextLink | Kind::Cursor) && !leads_on {
            let message = "paging by link or cursor needs `link`, the path to it in the answer, \
                or `next`, an expression";
            reading.error(node, codes::MISSING_KEY, message);
        }
        let first = match node.get("first").map(|node| (node.value().as_u64(), node)) {
            None => 1,
            Some((Some(first @ 0..=1), _)) => first,
            Some((_, node)) => {
                reading.error(&node, codes::BAD_VALUE, "the first page is number 0 or 1");
                1
            }
        };
        let mark = reading.mark();
        ["answer", "headers", "status"].iter().for_each(|root| reading.know(root, None));
        let next = reading.expression_at(node, "next");
        reading.forget(mark);
        Some(Paging {
            kind,
            place,
            limit: reading.string_at(node, "limit"),
            size: reading.text_at(node, "size"),
            unit: reading.text_at(node, "unit"),
            total: reading.string_at(node, "total"),
            stop: parse_stop(reading, node),
            link: reading.string_at(node, "link"),
            next,
            first,
        })
    }

    /// Puts the place of the next page into a request.
    pub(crate) fn place(
        &self,
        request: &mut Request,
        position: &Position,
        names: &Names<'_>,
    ) -> Result<(), ActionError> {
        if let (Some(limit), Some(size)) = (&self.limit, self.size(names)?) {
            set(&mut request.query, limit, size.to_string());
        }
        let place = self.place.as_deref().unwrap_or_default();
        match self.kind {
            Kind::Offset => {
                let pages = self.counts_pages(names)?;
                let offset = if pages { position.pages } else { position.received };
                set(&mut request.query, place, offset.to_string());
            }
            Kind::Page => set(&mut request.query, place, (position.pages + self.first).to_string()),
            Kind::Cursor => {
                if let Some(cursor) = &position.next {
                    set(&mut request.query, place, cursor.clone());
                }
            }
            Kind::NextLink | Kind::LinkHeader => {
                if let Some(link) = &position.next {
                    follow(request, link);
                }
            }
        }
        Ok(())
    }

    /// The position after a page; none when it was the last.
    pub(crate) fn advance(
        &self,
        before: &Position,
        page: &Received<'_>,
        names: &Names<'_>,
    ) -> Result<Option<Position>, ActionError> {
        let mut after = before.clone();
        after.pages += 1;
        after.received += page.rows as u64;
        after.keys = page.keys.clone();
        match self.kind {
            Kind::Offset | Kind::Page => {
                let repeats = page.keys.is_some() && page.keys == before.keys;
                let ended = page.rows == 0 || repeats || self.has_ended(&after, page, names)?;
                Ok((!ended).then_some(after))
            }
            Kind::Cursor | Kind::NextLink | Kind::LinkHeader => {
                let Some(next) = self.next(page, names)? else { return Ok(None) };
                let mark = digest(&Value::from(next.as_str()))[..16].to_owned();
                if after.seen.contains(&mark) || before.next.as_ref() == Some(&next) {
                    return Ok(None);
                }
                after.seen.push(mark);
                let surplus = after.seen.len().saturating_sub(REMEMBERED);
                after.seen.drain(..surplus);
                after.next = Some(next);
                Ok(Some(after))
            }
        }
    }

    fn has_ended(
        &self,
        after: &Position,
        page: &Received<'_>,
        names: &Names<'_>,
    ) -> Result<bool, ActionError> {
        match self.stop {
            Stop::Empty => Ok(false),
            Stop::Short => Ok(self.size(names)?.is_some_and(|size| (page.rows as u64) < size)),
            Stop::Total => {
                let total = self.total.as_deref().and_then(|path| at(&page.answer.value, path));
                let total = total.and_then(|total| print(total).trim().parse::<u64>().ok());
                Ok(total.is_some_and(|total| after.received >= total))
            }
        }
    }

    fn next(&self, page: &Received<'_>, names: &Names<'_>) -> Result<Option<String>, ActionError> {
        let next = match (&self.next, self.kind) {
            (_, Kind::LinkHeader) => page.answer.header("link").and_then(next_of_header),
            (Some(expression), _) => Some(print(&answered(names, page.answer).eval(expression)?)),
            (None, _) => {
                let link = self.link.as_deref().and_then(|path| at(&page.answer.value, path));
                link.map(print)
            }
        };
        let next = next.filter(|next| !next.trim().is_empty());
        match (next, self.kind) {
            (None, _) => Ok(None),
            (Some(cursor), Kind::Cursor) => Ok(Some(cursor)),
            (Some(link), _) => local(&link, &page.sent.path, page.base).map(Some),
        }
    }

    fn size(&self, names: &Names<'_>) -> Result<Option<u64>, ActionError> {
        let Some(text) = &self.size else { return Ok(None) };
        let size = names.render_string(text)?;
        match size.trim().parse() {
            Ok(size) => Ok(Some(size)),
            Err(_) => {
                let message = format!("page size `{size}` is no whole number");
                Err(ActionError::new(ErrorKind::InvalidInput, message))
            }
        }
    }

    fn counts_pages(&self, names: &Names<'_>) -> Result<bool, ActionError> {
        match &self.unit {
            None => Ok(false),
            Some(text) => Ok(names.render_string(text)?.trim() == "pages"),
        }
    }
}

/// A page as it came.
pub(crate) struct Received<'a> {
    pub(crate) rows: usize,
    /// Digest of its keys, when the shape names any.
    pub(crate) keys: Option<String>,
    pub(crate) answer: &'a Answer,
    pub(crate) sent: &'a Request,
    /// The connection's URL.
    pub(crate) base: &'a str,
}

fn parse_stop(reading: &mut Reading, node: &Node<'_>) -> Stop {
    let Some(stop) = node.get("stop") else { return Stop::Empty };
    let parsed = reading.word(&stop, &STOPS, |word| match word {
        "empty" => Some(Stop::Empty),
        "short" => Some(Stop::Short),
        "total" => Some(Stop::Total),
        _ => None,
    });
    if parsed == Some(Stop::Total) && node.get("total").is_none() {
        reading.error(node, codes::MISSING_KEY, "`stop: total` needs `total`");
    }
    if parsed == Some(Stop::Short) && node.get("size").is_none() {
        reading.error(node, codes::MISSING_KEY, "`stop: short` needs `size`");
    }
    parsed.unwrap_or(Stop::Empty)
}

fn set(pairs: &mut Vec<(String, String)>, name: &str, value: String) {
    match pairs.iter_mut().find(|(known, _)| known == name) {
        Some(pair) => pair.1 = value,
        None => pairs.push((name.to_owned(), value)),
    }
}

/// The request goes to the link; parameters that the link lacks are kept.
fn follow(request: &mut Request, link: &str) {
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    request.path = path.to_owned();
    let linked: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let first = std::mem::take(&mut request.query);
    let missing =
        first.into_iter().filter(|(name, _)| linked.iter().all(|(known, _)| known != name));
    let missing: Vec<_> = missing.collect();
    request.query = linked;
    request.query.extend(missing);
}

/// Path and query of a link, relative to the connection's URL.
fn local(link: &str, path: &str, base: &str) -> Result<String, ActionError> {
    let broken = || ActionError::new(ErrorKind::BadResponse, "the link to the next page is broken");
    let base =
        Url::parse(base).or_else(|_| Url::parse("http://localhost")).map_err(|_| broken())?;
    let base_path = base.path().trim_end_matches('/').to_owned();
    let mut here = base.clone();
    here.set_path(&format!("{base_path}{path}"));
    let target = here.join(link).map_err(|_| broken())?;
    let target_path = target.path();
    let rest = match target_path.strip_prefix(base_path.as_str()) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => target_path,
    };
    match target.query() {
        Some(query) => Ok(format!("{rest}?{query}")),
        None => Ok(rest.to_owned()),
    }
}

/// The `rel="next"` of a `Link` header.
fn next_of_header(header: &str) -> Option<String> {
    for part in header.split('<').skip(1) {
        let (link, attributes) = part.split_once('>')?;
        let is_next = attributes.split([';', ',']).any(|attribute| {
            let attribute = attribute.trim().to_ascii_lowercase();
            let value = attribute.strip_prefix("rel=").map(|value| value.trim_matches('"'));
            value.is_some_and(|value| value.split_whitespace().any(|word| word == "next"))
        });
        if is_next {
            return Some(link.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_link_only_path_and_query_are_used() {
        let check = |link: &str, expected: &str| {
            let base = "https://api.example.test/v1.svc";
            assert_eq!(local(link, "/users/list", base).unwrap(), expected);
        };
        check("https://evil.example/v1.svc/users?start=2", "/users?start=2");
        check("https://api.example.test/odata/x?a=1", "/odata/x?a=1");
        check("other?$skip=2", "/users/other?$skip=2");
        check("?page=2", "/users/list?page=2");
    }

    #[test]
    fn the_next_of_a_link_header_is_found_among_others() {
        let header = r#"<https://a/x?offset=0>;rel="first", <https://a/x?offset=2>;rel="next",<https://a/x>; rel="last""#;
        assert_eq!(next_of_header(header).as_deref(), Some("https://a/x?offset=2"));
        assert_eq!(next_of_header(r#"<https://a/x>;rel="last""#), None);
    }

    #[test]
    fn a_followed_link_keeps_the_parameters_it_lacks() {
        let mut request = Request::new(http::Method::GET, "/users");
        request.query = vec![("format".into(), "json".into()), ("start".into(), "0".into())];
        follow(&mut request, "/users?start=5&q=a%20b");
        assert_eq!(request.path, "/users");
        let expected = [("start", "5"), ("q", "a b"), ("format", "json")];
        assert_eq!(request.query, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
