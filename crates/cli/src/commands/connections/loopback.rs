//! The address on this machine that a browser comes back to: one page, and what its address says.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::{Host, Url};

use crate::failure::Failure;

/// The longest request that is read, in bytes.
const LONGEST: u64 = 16 * 1024;
/// How long a browser may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// A port that a browser comes back to.
pub(super) struct Loopback {
    listener: TcpListener,
    uri: String,
    path: String,
}

/// What a browser came back with.
pub(super) struct Arrival {
    parameters: BTreeMap<String, String>,
    /// Where the browser waits for a page; none when the address was typed in.
    browser: Option<TcpStream>,
}

impl Loopback {
    /// Listens on this machine only; port 0 is any free one.
    pub(super) async fn bind(port: u16, path: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::because(format!("cannot listen on 127.0.0.1:{port} for the browser"), &error)
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let uri = format!("http://127.0.0.1:{port}{path}");
        Ok(Self { listener, uri, path: path.to_owned() })
    }

    /// Listens where an address leads; none when it leads elsewhere.
    pub(super) async fn at(uri: &str) -> Result<Option<Self>, Failure> {
        let Ok(url) = Url::parse(uri) else { return Ok(None) };
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(_)) | None => false,
        };
        let Some(port) = url.port().filter(|_| is_here && url.scheme() == "http") else {
            return Ok(None);
        };
        let listening = Self::bind(port, url.path()).await?;
        Ok(Some(Self { uri: uri.to_owned(), ..listening }))
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    /// The next browser that comes to the right page.
    pub(super) async fn next(&self) -> Result<Arrival, Failure> {
        loop {
            let accepted = self.listener.accept().await;
            let (stream, _) = accepted
                .map_err(|error| Failure::because("the browser cannot be waited for", &error))?;
            if let Ok(Some(arrival)) = tokio::time::timeout(PATIENCE, self.read(stream)).await {
                return Ok(arrival);
            }
        }
    }

    async fn read(&self, stream: TcpStream) -> Option<Arrival> {
        let mut reader = BufReader::new(stream.take(LONGEST));
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let mut header = String::new();
        while reader.read_line(&mut header).await.ok()? > 2 {
            header.clear();
        }
        let stream = reader.into_inner().into_inner();
        let target = line.strip_prefix("GET ")?.split(' ').next()?.to_owned();
        let url = Url::parse(&format!("http://127.0.0.1{target}")).ok();
        match url.filter(|url| url.path() == self.path) {
            Some(url) => Some(Arrival { parameters: parameters(&url), browser: Some(stream) }),
            None => {
                let arrival = Arrival { parameters: BTreeMap::new(), browser: Some(stream) };
                arrival.reply(404, "There is nothing here.").await;
                None
            }
        }
    }
}

impl Arrival {
    /// An address that a person copied from the browser; none when it brings nothing.
    pub(super) fn typed(text: &str) -> Option<Self> {
        let parameters = parameters(&Url::parse(text).ok()?);
        let brings = parameters.contains_key("code") || parameters.contains_key("error");
        brings.then_some(Self { parameters, browser: None })
    }

    /// What the address says under a name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Shows the browser a page with one sentence.
    pub(super) async fn reply(mut self, status: u16, sentence: &str) {
        let Some(mut browser) = self.browser.take() else { return };
        let sentence = sentence.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Linchpin</title>\
             <body><h1>Linchpin</h1><p>{sentence}</p></body></html>\n"
        );
        let answer = format!(
            "HTTP/1.1 {status} \r\ncontent-type: text/html; charset=utf-8\r\n\
             content-length: {}\r\ncontent-security-policy: default-src 'none'\r\n\
             referrer-policy: no-referrer\r\ncache-control: no-store\r\nconnection: close\r\n\r\n{page}",
            page.len()
        );
        // The person sees the same in the terminal.
        drop(browser.write_all(answer.as_bytes()).await);
        drop(browser.shutdown().await);
    }
}

fn parameters(url: &Url) -> BTreeMap<String, String> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_was_copied_brings_its_code() {
        let arrival = Arrival::typed("http://127.0.0.1:9/callback?code=a%2Fb&state=s").unwrap();
        assert_eq!((arrival.get("code"), arrival.get("state")), (Some("a/b"), Some("s")));
        assert!(Arrival::typed("https://id.example/login").is_none());
        assert!(Arrival::typed("yes").is_none());
    }

    #[tokio::test]
    async fn only_the_page_of_the_address_counts() {
        let loopback = Loopback::bind(0, "/callback").await.unwrap();
        let port = loopback.listener.local_addr().unwrap().port();
        let ask = |path: &'static str| async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream
                .write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes())
                .await
                .unwrap();
            let mut page = String::new();
            stream.read_to_string(&mut page).await.unwrap();
            page
        };
        let browser = async {
            let nothing = ask("/favicon.ico").await;
            (nothing, ask("/callback?code=c&state=s").await)
        };
        let serving = async {
            let arrival = loopback.next().await.unwrap();
            assert_eq!(arrival.get("code"), Some("c"));
            arrival.reply(200, "a <b> & c").await;
        };
        let ((nothing, page), ()) = tokio::join!(browser, serving);
        assert!(nothing.starts_with("HTTP/1.1 404"), "{nothing}");
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("a &lt;b&gt; &amp; c"), "{page}");
    }

    #[tokio::test]
    async fn an_address_elsewhere_is_not_listened_at() {
        for uri in
            ["https://flows.example/back", "http://10.0.0.1:80/x", "urn:ietf:wg:oauth:2.0:oob"]
        {
            assert!(Loopback::at(uri).await.unwrap().is_none(), "{uri}");
        }
    }
}
