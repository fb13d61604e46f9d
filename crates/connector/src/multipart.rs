//! Bodies of several parts, as the forms of web pages send them: `multipart/form-data`.
//!
//! The same parts always give the same bytes, so that a request that is sent again is the same request.

use bytes::{BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use crate::transport::Body;

/// One part: a field, or a file in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of the field.
    pub name: String,
    /// The name of the file, when it is one.
    pub file: Option<String>,
    /// The media type; that of a plain field is not said.
    pub content_type: Option<String>,
    /// The bytes of the field or file.
    pub bytes: Bytes,
}

impl Part {
    /// A plain field.
    pub fn field(name: impl Into<String>, text: impl Into<String>) -> Part {
        let bytes = Bytes::from(text.into());
        Part { name: name.into(), file: None, content_type: None, bytes }
    }
}

/// The body of these parts, or why there can be none.
pub fn multipart(parts: &[Part]) -> Result<Body, String> {
    let boundary = boundary(parts);
    let room: usize = parts.iter().map(|part| part.bytes.len() + 256).sum();
    let mut bytes = BytesMut::with_capacity(room);
    for part in parts {
        let mut head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            escaped(&part.name)
        );
        if let Some(file) = &part.file {
            head.push_str(&format!("; filename=\"{}\"", escaped(file)));
        }
        if let Some(kind) = &part.content_type {
            if kind.chars().any(char::is_control) {
                return Err(format!("the media type of the part `{}` is none", part.name));
            }
            head.push_str(&format!("\r\nContent-Type: {kind}"));
        }
        head.push_str("\r\n\r\n");
        bytes.put(head.as_bytes());
        bytes.put(part.bytes.as_ref());
        bytes.put(&b"\r\n"[..]);
    }
    bytes.put(format!("--{boundary}--\r\n").as_bytes());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    Ok(Body { content_type, bytes: bytes.freeze() })
}

/// The parts of a body that [`multipart`] made.
pub(crate) fn parts(body: &Body) -> Option<Vec<Part>> {
    let boundary = body.content_type.strip_prefix("multipart/form-data; boundary=")?;
    let (open, next) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut rest = body.bytes.strip_prefix(open.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        let head = position(rest, b"\r\n\r\n")?;
        let (lines, content) = (std::str::from_utf8(&rest[..head]).ok()?, &rest[head + 4..]);
        let end = position(content, next.as_bytes())?;
        let said = |key: &str| {
            let from = lines.find(&format!("; {key}=\""))? + key.len() + 4;
            Some(unescaped(lines[from..].split('"').next()?))
        };
        parts.push(Part {
            name: said("name")?,
            file: said("filename"),
            content_type: lines.split("\r\nContent-Type: ").nth(1).map(str::to_owned),
            bytes: Bytes::copy_from_slice(&content[..end]),
        });
        rest = match content[end + next.len()..].strip_prefix(b"\r\n") {
            Some(rest) => rest,
            None => return Some(parts),
        };
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// What stands between the parts: made of them, so nobody can choose a content that holds it.
fn boundary(parts: &[Part]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        for piece in [part.name.as_bytes(), part.file.as_deref().unwrap_or("").as_bytes()] {
            hash.update(piece.len().to_le_bytes());
            hash.update(piece);
        }
        hash.update(part.bytes.len().to_le_bytes());
        hash.update(&part.bytes);
    }
    let digest = hash.finalize();
    let hex: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("linchpin-{hex}")
}

/// What would end a name in quotes, in the way of web pages.
const ESCAPES: [(&str, &str); 3] = [("\r", "%0D"), ("\n", "%0A"), ("\"", "%22")];

fn escaped(name: &str) -> String {
    ESCAPES.iter().fold(name.to_owned(), |name, (plain, coded)| name.replace(plain, coded))
}

fn unescaped(name: &str) -> String {
    ESCAPES.iter().fold(name.to_owned(), |name, (plain, coded)| name.replace(coded, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &'static [u8]) -> Part {
        Part {
            name: "file".to_owned(),
            file: Some(name.to_owned()),
            content_type: Some("image/png".to_owned()),
            bytes: Bytes::from_static(bytes),
        }
    }

    #[test]
    fn fields_and_files_stand_one_after_the_other_and_read_back() {
        let all = [Part::field("note", "a\r\nb"), file("p \"1\".png", b"\xff\x00\r\n--")];
        let body = multipart(&all).unwrap();
        let boundary = body.content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\na\r\nb\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; \
             filename=\"p %221%22.png\"\r\nContent-Type: image/png\r\n\r\n"
        );
        assert!(body.bytes.starts_with(head.as_bytes()), "{:?}", body.bytes);
        assert!(body.bytes.ends_with(format!("\r\n--{boundary}--\r\n").as_bytes()));
        assert_eq!(parts(&body).unwrap(), all);
        assert_eq!(multipart(&all).unwrap(), body, "the same parts are the same bytes");
        assert_ne!(multipart(&all[..1]).unwrap().content_type, body.content_type);
    }

    #[test]
    fn no_name_or_type_adds_a_line_to_the_head_of_a_part() {
        let body = multipart(&[file("x\"\r\nX-Evil: 1", b"")]).unwrap();
        let text = String::from_utf8(body.bytes.to_vec()).unwrap();
        assert!(text.contains("filename=\"x%22%0D%0AX-Evil: 1\"\r\nContent-Type"), "{text}");
        let mut part = file("x", b"");
        part.content_type = Some("a/b\r\nX-Evil: 1".to_owned());
        assert!(multipart(&[part]).is_err());
    }
}
