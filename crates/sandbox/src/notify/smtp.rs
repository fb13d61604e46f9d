//! The words of a mail server. What is decided, by faults too, is decided as for a request of any other
//! system: `RCPT` of the path `/smtp/ADDRESS`, and `DATA` of `/smtp`.

use std::io;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use axum::serve::Listener as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{RECIPIENT, SEND, USER, password};
use crate::call::{Call, Reply};
use crate::site::{Shared, System, serve as decide};
use crate::wire::{Port, Socket};

/// The longest line, and the largest mail, in bytes.
const MAX_LINE: usize = 10_000;
const MAX_MAIL: usize = 10 * 1024 * 1024;

/// Takes mail until it is told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    shared: Shared,
    mut stopped: watch::Receiver<bool>,
) {
    let mut port = Port(listener);
    loop {
        let socket = tokio::select! {
            (socket, _) = port.accept() => socket,
            // An error means that the sandbox was dropped, which is an end too.
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let mut conversation = Conversation { shared, socket: BufReader::new(socket) };
            if let Err(error) = conversation.hold().await {
                tracing::debug!(%error, "a conversation of the mail server broke off");
            }
        });
    }
}

struct Conversation {
    shared: Shared,
    socket: BufReader<Socket>,
}

impl Conversation {
    async fn hold(&mut self) -> io::Result<()> {
        self.say("220 sandbox takes mail and sends none").await?;
        let (mut from, mut to) = (String::new(), Vec::new());
        while let Some(line) = self.line().await? {
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => self.say("250-sandbox\r\n250-AUTH PLAIN\r\n250 8BITMIME").await?,
                "HELO" | "NOOP" => self.say("250 Ok").await?,
                "AUTH" => self.log_in(&line).await?,
                "RSET" => {
                    (from, to) = (String::new(), Vec::new());
                    self.say("250 Ok").await?;
                }
                "MAIL" => {
                    from = address(&line);
                    self.say("250 2.1.0 Ok").await?;
                }
                "RCPT" => {
                    let address = address(&line);
                    let coded = utf8_percent_encode(&address, NON_ALPHANUMERIC);
                    let reply = self.decide(RECIPIENT, &format!("/smtp/{coded}"), &[], "").await?;
                    if reply.status == 250 {
                        to.push(address);
                    }
                    self.answer(&reply).await?;
                }
                "DATA" if to.is_empty() => self.say("503 5.5.1 no valid recipients").await?,
                "DATA" => {
                    self.say("354 end with a dot on a line of its own").await?;
                    let Some(mail) = self.mail().await? else { return Ok(()) };
                    let said = [("from", from.as_str()), ("to", &to.join(" "))];
                    let reply = self.decide(SEND, "/smtp", &said, &mail).await?;
                    self.answer(&reply).await?;
                }
                "QUIT" => return self.say("221 2.0.0 Bye").await,
                _ => self.say("502 5.5.2 unknown command").await?,
            }
        }
        Ok(())
    }

    /// `AUTH PLAIN`, with the name and the password in one line.
    async fn log_in(&mut self, line: &str) -> io::Result<()> {
        let coded = line.split(' ').nth(2).unwrap_or_default();
        let plain = STANDARD.decode(coded).unwrap_or_default();
        let wanted = self.shared.with(|world| format!("\0{USER}\0{}", password(world.identity)));
        if plain == wanted.as_bytes() {
            return self.say("235 2.7.0 Authentication successful").await;
        }
        self.say("535 5.7.8 Authentication credentials invalid").await
    }

    /// What the world, and the faults in it, make of a word.
    async fn decide(
        &mut self,
        word: &str,
        path: &str,
        said: &[(&'static str, &str)],
        body: &str,
    ) -> io::Result<Reply> {
        let wrong = |_: String| io::Error::from(io::ErrorKind::InvalidData);
        let method =
            Method::from_bytes(word.as_bytes()).map_err(|error| wrong(error.to_string()))?;
        let uri: Uri = path.parse().map_err(|_| wrong(path.to_owned()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            let value = HeaderValue::from_bytes(value.as_bytes());
            let value = value.map_err(|error| wrong(error.to_string()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let call = Call::new(method, &uri, headers, Bytes::from(body.to_owned()));
        let cut = self.socket.get_ref().cut.clone();
        Ok(decide(System::Notify, self.shared.clone(), cut, call).await)
    }

    async fn answer(&mut self, reply: &Reply) -> io::Result<()> {
        let words = String::from_utf8_lossy(&reply.body);
        // A status of the web's is one of the mail's: 4xx is for now, 5xx for good.
        let code = if reply.status == 429 { 450 } else { reply.status };
        self.say(&format!("{code} {}", words.replace(['\r', '\n'], " "))).await
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.socket.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.socket.flush().await
    }

    /// The next line, without its end; none when the other side has hung up.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            let found = self.socket.fill_buf().await?;
            if found.is_empty() {
                return Ok(None);
            }
            let end = found.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(found.len(), |end| end + 1);
            line.extend_from_slice(&found[..taken]);
            self.socket.consume(taken);
            if line.len() > MAX_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if end.is_some() {
                let text = String::from_utf8_lossy(&line);
                return Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()));
            }
        }
    }

    /// A mail, up to the dot; none when the other side hangs up in the middle.
    async fn mail(&mut self) -> io::Result<Option<String>> {
        let mut mail = String::new();
        while let Some(line) = self.line().await? {
            if line == "." {
                return Ok(Some(mail));
            }
            mail.push_str(line.strip_prefix('.').unwrap_or(&line));
            mail.push_str("\r\n");
            if mail.len() > MAX_MAIL {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(None)
    }
}

/// The address in `MAIL FROM:<...>` and `RCPT TO:<...>`.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}
