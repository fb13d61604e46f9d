//! The little Markdown that the pages are made of.

/// The first line of a page: it is not for editing.
pub(super) const NOTICE: &str = "<!-- Made from the product by a test; not for editing. \
    To renew: LINCHPIN_WRITE_REFERENCE=1 cargo test --workspace reference -->\n\n";

/// A table, or nothing without rows. Columns in which no row says anything are left out.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let used: Vec<usize> =
        (0..heads.len()).filter(|at| rows.iter().any(|row| !row[*at].is_empty())).collect();
    if used.is_empty() {
        return String::new();
    }
    let line = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(used.iter().map(|at| heads[*at]).collect());
    text.push_str(&line(vec!["---"; used.len()]));
    for row in rows {
        let cells: Vec<String> = used.iter().map(|at| cell(&row[*at])).collect();
        text.push_str(&line(cells.iter().map(String::as_str).collect()));
    }
    text.push('\n');
    text
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// Text in backquotes; nothing for nothing.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// Where a heading is linked to.
pub(super) fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn a_table_leaves_out_what_no_row_says_and_keeps_a_bar_inside_a_cell() {
    let rows = [vec!["a|b".to_owned(), String::new(), "c\nd".to_owned()]];
    assert_eq!(table(&["X", "Y", "Z"], &rows), "| X | Z |\n| --- | --- |\n| a\\|b | c d |\n\n");
    assert_eq!(anchor("user_courses.list"), "user_courseslist");
}
