//! Warnings and hints that an author allows at their place, with a reason:
//! `# linchpin: allow unused-output -- read for its side in the log`.
//!
//! Behind a value the comment is for its line. On a line of its own it is for what begins on the
//! next line, a step or a key, with all that is below it.

use linchpin_language::{Diagnostic, Document, Node, Severity, Span, codes, did_you_mean};

/// A code that a comment allows.
struct Allowance {
    code: String,
    /// Where the code is written.
    span: Span,
    /// Where it is allowed.
    cover: Span,
}

/// Leaves out what is allowed, and adds what is wrong with the comments themselves. Where not all
/// of a flow could be read, a comment that silences nothing is left in peace.
pub(super) fn apply(
    document: &Document,
    found: Vec<Diagnostic>,
    is_whole: bool,
) -> Vec<Diagnostic> {
    let (mut allowances, mut told) = (Vec::new(), Vec::new());
    for comment in document.comments() {
        read(document, comment, &mut allowances, &mut told);
    }
    if allowances.is_empty() && told.is_empty() {
        return found;
    }
    for allowance in &allowances {
        let meant = |one: &&Diagnostic| allows(allowance, one);
        if found.iter().any(|one| meant(&one) && one.severity != Severity::Error) {
            continue;
        }
        let code = &allowance.code;
        told.extend(if found.iter().any(|one| meant(&one)) {
            let message = format!("`{code}` is an error here: it can only be mended");
            let mistake = at(document, Severity::Error, allowance.span, message);
            Some(mistake.with_help("only warnings and hints can be silenced"))
        } else if is_whole {
            let message = format!("`{code}` is allowed here, and nothing here gives it");
            let span = allowance.span;
            let source = document.source().clone();
            let hint =
                Diagnostic::new(Severity::Hint, codes::UNUSED_ALLOWANCE, message, source, span);
            Some(hint.with_help("delete the comment, or move it to the line of what it allows"))
        } else {
            None
        });
    }
    let is_silent = |one: &Diagnostic| {
        one.severity != Severity::Error && allowances.iter().any(|allowance| allows(allowance, one))
    };
    let mut left: Vec<Diagnostic> = found.into_iter().filter(|one| !is_silent(one)).collect();
    left.extend(told);
    left.sort_by_key(|one| one.span.start);
    left
}

fn allows(allowance: &Allowance, found: &Diagnostic) -> bool {
    let Span { start, end } = allowance.cover;
    found.code.0 == allowance.code && start <= found.span.start && found.span.start < end
}

fn at(
    document: &Document,
    severity: Severity,
    span: Span,
    message: impl Into<String>,
) -> Diagnostic {
    Diagnostic::new(severity, codes::BAD_ALLOWANCE, message, document.source().clone(), span)
}

/// Reads a comment that is for us.
fn read(
    document: &Document,
    comment: Span,
    allowances: &mut Vec<Allowance>,
    told: &mut Vec<Diagnostic>,
) {
    let text = &document.source().text()[comment.start..comment.end];
    let Some(rest) = text.trim_start_matches(['#', ' ']).strip_prefix("linchpin:") else {
        return;
    };
    let mistake = |message: &str| at(document, Severity::Error, comment, message);
    const FORM: &str = "write: # linchpin: allow CODE -- the reason";
    let Some(rest) = rest.trim_start().strip_prefix("allow") else {
        told.push(mistake("this comment does not say `allow`").with_help(FORM));
        return;
    };
    let (named, reason) = rest.split_once("--").unwrap_or((rest, ""));
    if reason.trim().is_empty() {
        told.push(mistake("this comment gives no reason").with_help(FORM));
        return;
    }
    if named.trim().is_empty() {
        told.push(mistake("this comment names no code").with_help(FORM));
    }
    let cover = cover(document, comment);
    let mut start = comment.end - rest.len();
    for part in named.split(',') {
        let code = part.trim();
        let begin = start + part.find(code).unwrap_or(0);
        let span = Span { start: begin, end: begin + code.len() };
        start += part.len() + 1;
        if codes::page(code).is_some() {
            allowances.push(Allowance { code: code.to_owned(), span, cover });
        } else if !code.is_empty() {
            let unknown = at(document, Severity::Error, span, format!("there is no code `{code}`"));
            let near = did_you_mean(code, codes::ALL.iter().map(|(known, _)| known.0));
            told.push(match near {
                Some(near) => unknown.with_help(format!("did you mean `{near}`?")),
                None => unknown.with_help("`linchpin explain` lists all codes"),
            });
        }
    }
}

/// What a comment is for.
fn cover(document: &Document, comment: Span) -> Span {
    let text = document.source().text();
    let line_start = text[..comment.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = |from: usize| text[from..].find('\n').map_or(text.len(), |end| from + end);
    if !text[line_start..comment.start].trim().is_empty() {
        return Span { start: line_start, end: line_end(comment.end) };
    }
    let mut start = line_end(comment.end);
    while start < text.len() {
        start += 1;
        let line = text[start..line_end(start)].trim();
        if !line.is_empty() && !line.starts_with('#') {
            break;
        }
        start = line_end(start);
    }
    let mut cover = Span { start, end: line_end(start) };
    widen(&document.root(), &mut cover, line_end(start));
    cover
}

/// Stretches a cover to the end of each value whose key, or which itself in a list, begins on its
/// first line.
fn widen(node: &Node<'_>, cover: &mut Span, line_end: usize) {
    let children = node.entries().into_iter().map(|(_, value)| value).chain(node.items());
    for child in children {
        let begin = child.key_span().start;
        if (cover.start..line_end).contains(&begin) {
            cover.end = cover.end.max(child.span().end);
        }
        widen(&child, cover, line_end);
    }
}
