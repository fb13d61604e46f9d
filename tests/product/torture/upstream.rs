//! The other side of the torture: each path is another fault.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// What the other side sends for a fault, before it closes.
fn answer(what: &str) -> Option<Vec<u8>> {
    let head = |more: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n{more}\r\n\r\n"
        )
    };
    let whole = |status: &str, kind: &str, body: &[u8]| {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    };
    let json = "application/json";
    Some(match what {
        "fine" => whole("200 OK", json, br#"{"rows":[{"id":"1"}]}"#),
        "closed" => Vec::new(),
        "half_a_head" => b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec(),
        "cut_body" => [head("content-length: 1000").as_bytes(), b"{\"rows\":["].concat(),
        "bad_chunk" => [head("transfer-encoding: chunked").as_bytes(), b"zz\r\nxx\r\n"].concat(),
        "cut_chunk" => [head("transfer-encoding: chunked").as_bytes(), b"ff\r\nxx"].concat(),
        "no_http" => b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(),
        "bad_gzip" => {
            let gzip = head("content-encoding: gzip\r\ncontent-length: 9");
            [gzip.as_bytes(), b"no gzip!!"].concat()
        }
        "no_length" => [head("content-length: -5").as_bytes(), b"{}"].concat(),
        // More than was announced, so that what was announced is cut.
        "too_long" => [head("content-length: 9").as_bytes(), b"{\"rows\": [] }"].concat(),
        "bomb" => {
            let zeros = bomb(100 << 20);
            let more = format!("content-encoding: gzip\r\ncontent-length: {}", zeros.len());
            [head(&more).as_bytes(), &zeros].concat()
        }
        "huge" => head("content-length: 104857600").into_bytes(),
        "deep" => whole("200 OK", json, "[".repeat(100_000).as_bytes()),
        "bad_json" => whole("200 OK", json, b"{\"rows\": ["),
        "bad_text" => whole("200 OK", json, b"{\"rows\": [{\"id\": \"\xff\xfe\"}]}"),
        "html" => whole("200 OK", "text/html", b"<html><title>Sign in</title></html>"),
        "soon" => whole("429 Slow\r\nretry-after: 2", json, b"{}"),
        "dated" => {
            let soon = jiff::Timestamp::now() + Duration::from_secs(2);
            let date =
                jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&soon);
            whole(&format!("429 Slow\r\nretry-after: {}", date.unwrap()), json, b"{}")
        }
        "nonsense" => whole("429 Slow\r\nretry-after: soon", json, b"{}"),
        "year" => whole("503 Slow\r\nretry-after: 31536000", json, b"{}"),
        "broken" => whole("500 Broken", json, b"{\"message\":\"stack overflow\"}"),
        _ => return None,
    })
}

/// So many zeros in gzip, by hand: one block of fixed codes, a zero and then copies of 258 zeros.
fn bomb(n_zeros: usize) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    // The literal 0 is 00110000, most significant bit first.
    bits.extend([false, false, true, true, false, false, false, false]);
    for _ in 0..n_zeros / 258 {
        // Length 258 is code 285 (11000101), distance 1 is code 0 (00000).
        bits.extend([true, true, false, false, false, true, false, true]);
        bits.extend([false; 5]);
    }
    bits.extend([false; 7]);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for eight in bits.chunks(8) {
        bytes.push(eight.iter().enumerate().map(|(place, bit)| u8::from(*bit) << place).sum());
    }
    bytes.extend([0; 8]);
    bytes
}

/// Serves faults by the path that is asked for.
pub(super) fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // The caller hangs up on most of these.
            thread::spawn(move || serve(stream).ok());
        }
    });
    url
}

/// What is asked for, without taking it from the connection.
fn peeked(stream: &TcpStream) -> std::io::Result<String> {
    let mut bytes = [0; 4096];
    loop {
        let n = stream.peek(&mut bytes)?;
        let head = String::from_utf8_lossy(&bytes[..n]);
        // What begins with no letter is no HTTP: somebody tries TLS.
        if !head.starts_with(|first: char| first.is_ascii_alphabetic()) || head.contains("\r\n\r\n")
        {
            let path = head.split(' ').nth(1).unwrap_or_default();
            return Ok(path.trim_start_matches('/').to_owned());
        }
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    // A connection that is closed with something unread in it is reset, in place of ended.
    match peeked(&stream)?.as_str() {
        "reset" => return Ok(()),
        "reset_body" => {
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n";
            return stream.write_all(format!("{head}{{\"rows\": [").as_bytes());
        }
        _ => {}
    }
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    let what = line.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    if let Some(answer) = answer(&what) {
        return stream.write_all(&answer);
    }
    last(stream, reader, &what)
}

/// Faults that go on for as long as the caller listens.
fn last(
    mut stream: TcpStream,
    mut reader: BufReader<TcpStream>,
    what: &str,
) -> std::io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    match what {
        // Nothing, until the caller has had enough.
        "silence" => reader.read(&mut [0; 1]).map(drop),
        // A line now and then, without an end.
        "slow_head" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
            stream.set_read_timeout(Some(Duration::from_millis(100)))?;
            loop {
                stream.write_all(b"x-more: 1\r\n")?;
                if matches!(reader.read(&mut [0; 1]), Ok(0)) {
                    return Ok(());
                }
            }
        }
        // It says no more and still listens.
        "half_closed" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"rows\": [")?;
            stream.shutdown(Shutdown::Write)?;
            reader.read(&mut [0; 1]).map(drop)
        }
        // A good answer, after which the connection stays open; the next request on it finds nobody.
        "kept" => {
            let body = br#"{"rows":[{"id":"1"}]}"#;
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 21\r\n\r\n";
            stream.write_all(&[head.as_bytes(), body].concat())?;
            stream.peek(&mut [0; 1]).map(drop)
        }
        "slow_body" => {
            stream.write_all(head.as_bytes())?;
            loop {
                stream.write_all(b"1\r\n \r\n")?;
                stream.set_read_timeout(Some(Duration::from_millis(100)))?;
                if matches!(reader.read(&mut [0; 1]), Ok(0)) {
                    return Ok(());
                }
            }
        }
        "endless" => {
            stream.write_all(head.as_bytes())?;
            let chunk = [b"10000\r\n".as_slice(), &[b' '; 65536], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk)?;
            }
        }
        other => panic!("there is no fault {other}"),
    }
}
