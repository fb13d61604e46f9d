//! Messages on a stream: a header with the length, then JSON.

use std::io::{self, BufRead, Write};

use linchpin_language::{Value, json};

/// The longest message that is read.
const LONGEST: usize = 64 * 1024 * 1024;

/// What came in.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    /// A message.
    Message(Value),
    /// Bytes that are no message; why.
    Malformed(String),
}

/// The next message; none at the end of the stream.
pub(super) fn read(stream: &mut impl BufRead) -> Option<Incoming> {
    let mut length = None;
    let mut is_begun = false;
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            if is_begun {
                break;
            }
            continue;
        }
        is_begun = true;
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let Some(length) = length else {
        return Some(Incoming::Malformed("a message without Content-Length".to_owned()));
    };
    if length > LONGEST {
        // What follows cannot be told from messages.
        return None;
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(match serde_json::from_slice(&body) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::Malformed(format!("a message that is no JSON: {error}")),
    })
}

/// Writes a message.
pub(super) fn write(stream: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    stream.flush()
}

/// Why a request is not answered.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    code: i64,
    message: String,
}

impl Refusal {
    pub(super) fn parse(message: String) -> Self {
        Self { code: -32700, message }
    }

    pub(super) fn invalid_request(message: &str) -> Self {
        Self { code: -32600, message: message.to_owned() }
    }

    pub(super) fn unknown(method: &str) -> Self {
        Self { code: -32601, message: format!("there is no method {method}") }
    }

    pub(super) fn invalid_params(message: &str) -> Self {
        Self { code: -32602, message: message.to_owned() }
    }

    pub(super) fn not_initialized() -> Self {
        Self { code: -32002, message: "initialize comes first".to_owned() }
    }

    pub(super) fn cancelled() -> Self {
        Self { code: -32800, message: "cancelled".to_owned() }
    }

    /// The request is right, and cannot be done.
    pub(super) fn failed(message: String) -> Self {
        Self { code: -32803, message }
    }
}

/// The answer to a request.
pub(super) fn answer(id: &Value, result: Result<Value, Refusal>) -> Value {
    match result {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(refusal) => {
            let error = json!({ "code": refusal.code, "message": refusal.message });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        }
    }
}

/// Something the client is told.
pub(super) fn notification(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method, "params": params })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_one_by_one_and_what_is_none_is_told() {
        let mut bytes = Vec::new();
        write(&mut bytes, &json!({ "a": "ä" })).unwrap();
        bytes.extend(b"content-length: 2\r\nContent-Type: x\r\n\r\n[]");
        bytes.extend(b"Content-Length: 3\r\n\r\n{x}");
        bytes.extend(b"Hello: you\r\n\r\n");
        bytes.extend(b"Content-Length: 4\r\n\r\nnull");
        bytes.extend(b"Content-Length: 99\r\n\r\ncut");
        let mut stream = bytes.as_slice();
        let mut next = || read(&mut stream);
        assert_eq!(next(), Some(Incoming::Message(json!({ "a": "ä" }))));
        assert_eq!(next(), Some(Incoming::Message(json!([]))));
        assert!(matches!(next(), Some(Incoming::Malformed(why)) if why.contains("no JSON")));
        assert!(matches!(next(), Some(Incoming::Malformed(why)) if why.contains("Content-Length")));
        assert_eq!(next(), Some(Incoming::Message(Value::Null)));
        assert_eq!(next(), None);
    }
}
