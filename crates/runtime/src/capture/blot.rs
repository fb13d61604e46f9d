//! Blots out what is secret by its name: systems hand out secrets that nobody here knows, such as a
//! link that logs somebody in.
//!
//! It works on text, whole or broken, in JSON, XML and forms: a body that cannot be parsed can
//! hold a secret as well.

use crate::redaction::REDACTED;

/// Parts of names, in lower case, whose values are secret.
const SECRET: [&str; 12] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "loginkey",
    "login_key",
    "authorization",
    "credential",
    "session",
];

/// The text without the values of secret names.
pub(super) fn blotted(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = next(&lower, from) {
        let end = at + lower[at..].bytes().take_while(|byte| is_of_name(*byte)).count();
        match value(text, at, end) {
            Some((start, stop)) => {
                clean.push_str(&text[from..start]);
                clean.push_str(REDACTED);
                from = stop;
            }
            None => {
                clean.push_str(&text[from..end]);
                from = end;
            }
        }
    }
    clean.push_str(&text[from..]);
    clean
}

/// Where the next secret name, or what is secret in it, begins.
fn next(lower: &str, from: usize) -> Option<usize> {
    SECRET.iter().filter_map(|word| lower[from..].find(word).map(|at| from + at)).min()
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Where the value of the name stands that ends here; none where the name is only a word.
fn value(text: &str, at: usize, end: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let skip = |from: usize, what: &dyn Fn(u8) -> bool| {
        from + bytes[from..].iter().take_while(|byte| what(**byte)).count()
    };
    // Where JSON stands in JSON, its quotes have a backslash.
    let is_space = |byte: u8| byte.is_ascii_whitespace();
    let after = skip(end, &|byte| byte == b'\\' || byte == b'"' || byte == b'\'');
    let colon = skip(after, &is_space);
    if after > end && bytes.get(colon) == Some(&b':') {
        let start = skip(colon + 1, &is_space);
        let open = skip(start, &|byte| byte == b'\\');
        return match bytes.get(open)? {
            b'"' => Some((open + 1, quoted(bytes, open + 1, open > start))),
            b'{' | b'[' => None,
            _ => Some((start, skip(start, &|byte| !b",}] \r\n".contains(&byte)))),
        };
    }
    if bytes.get(end) == Some(&b'=') {
        let is_part = |byte: u8| !b"&\"' <>\r\n".contains(&byte);
        return Some((end + 1, skip(end + 1, &is_part)));
    }
    let name = bytes[..at].iter().rev().take_while(|byte| is_of_name(**byte) || **byte == b':');
    let before = at - name.count();
    let is_tag = before > 0 && bytes[before - 1] == b'<';
    let close = skip(end, &|byte| byte != b'>');
    (is_tag && close < bytes.len() && bytes[close - 1] != b'/')
        .then(|| (close + 1, skip(close + 1, &|byte| byte != b'<')))
}

/// Where a quoted value ends.
fn quoted(bytes: &[u8], from: usize, is_escaped: bool) -> usize {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if is_escaped && bytes.get(at + 1) == Some(&b'"') => return at,
            b'\\' => at += 2,
            b'"' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(blotted(text), expect, "{text}");
    }

    #[test]
    fn values_of_secret_names_are_blotted_out_in_every_form() {
        check(
            r#"{"a":1,"LoginKey":"https://x/?k=1","b":2}"#,
            r#"{"a":1,"LoginKey":"[secret]","b":2}"#,
        );
        check(r#"{"user_password" : "a\"b", "n":1}"#, r#"{"user_password" : "[secret]", "n":1}"#);
        check(r#"{"access_token":12345,"x":[]}"#, r#"{"access_token":[secret],"x":[]}"#);
        check(r#"{"m":"{\"token\":\"abc\"}"}"#, r#"{"m":"{\"token\":\"[secret]\"}"}"#);
        check("<LoginKey>abc</LoginKey><Id>1</Id>", "<LoginKey>[secret]</LoginKey><Id>1</Id>");
        check(
            "<a:Password i:x=\"1\">b</a:Password>",
            "<a:Password i:x=\"1\">[secret]</a:Password>",
        );
        check("client_secret=abc&x=1", "client_secret=[secret]&x=1");
        check(r#"{"Password":"abc"#, r#"{"Password":"[secret]"#);
        check(r#"{"tokens":{"token":"a"}}"#, r#"{"tokens":{"token":"[secret]"}}"#);
    }

    #[test]
    fn words_and_what_is_empty_stay() {
        check("no token was given", "no token was given");
        check(r#"{"message":"wrong password"}"#, r#"{"message":"wrong password"}"#);
        check("<Session/>", "<Session/>");
        check("", "");
        check("é token=ü", "é token=[secret]");
    }
}
