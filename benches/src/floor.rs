//! The floor: a keep-alive HTTP loop and a group-committed write-and-sync loop, and nothing else.

use std::fs::File;
use std::io::Write as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

type Fails<T> = Result<T, Box<dyn std::error::Error>>;
type Waiting = (Vec<u8>, oneshot::Sender<()>);

/// Seconds for one write of 400 bytes and one `sync_data`, the median of 200.
pub(crate) fn sync_rate() -> Fails<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let mut file = File::create(folder.path().join("log"))?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        file.write_all(&[7; 400])?;
        file.sync_data()?;
        times.push(started.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// What the engine is measured against.
pub(crate) struct Floor {
    address: String,
    record: Vec<u8>,
    commits: mpsc::Sender<Waiting>,
    _folder: tempfile::TempDir,
}

impl Floor {
    /// A floor that writes records of `record` bytes and asks `url`.
    pub(crate) fn new(url: &str, record: usize) -> Fails<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let mut file = File::create(folder.path().join("log"))?;
        let (commits, queue) = mpsc::channel::<Waiting>();
        std::thread::spawn(move || {
            while let Ok(first) = queue.recv() {
                let mut batch = vec![first];
                batch.extend(queue.try_iter().take(511));
                let bytes: Vec<u8> = batch.iter().flat_map(|(record, _)| record).copied().collect();
                if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
                    return;
                }
                for (_, done) in batch {
                    if done.send(()).is_err() {
                        return;
                    }
                }
            }
        });
        let address = url.trim_start_matches("http://").to_owned();
        Ok(Self { address, record: vec![b'x'; record], commits, _folder: folder })
    }

    /// How long `flows` flows of `steps` steps take with `under_way` at once. A flow is synced
    /// once when it begins and once after each step.
    pub(crate) async fn flows(
        &self,
        flows: usize,
        steps: usize,
        under_way: usize,
    ) -> Fails<Duration> {
        let lanes = under_way.min(flows);
        let mut connections = Vec::new();
        for _ in 0..lanes {
            connections.push(connect(&self.address).await?);
        }
        let started = Instant::now();
        let mut tasks = Vec::new();
        for (lane, mut connection) in connections.into_iter().enumerate() {
            let own = flows / lanes + usize::from(lane < flows % lanes);
            let (commits, record) = (self.commits.clone(), self.record.clone());
            let host = self.address.clone();
            tasks.push(tokio::spawn(async move {
                for _ in 0..own {
                    if steps > 1 {
                        commit(&commits, &record).await;
                    }
                    for _ in 0..steps {
                        ask(&mut connection, &host).await;
                        commit(&commits, &record).await;
                    }
                }
            }));
        }
        for task in tasks {
            task.await?;
        }
        Ok(started.elapsed())
    }
}

async fn commit(commits: &mpsc::Sender<Waiting>, record: &[u8]) {
    let (done, waiting) = oneshot::channel();
    commits.send((record.to_vec(), done)).expect("the committer runs as long as the floor");
    waiting.await.expect("the disk takes what the floor writes");
}

async fn connect(address: &str) -> Fails<SendRequest<Full<Bytes>>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(connection: &mut SendRequest<Full<Bytes>>, host: &str) {
    let request = hyper::Request::post("/step")
        .header("host", host)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(br#"{"order":"A-1001","line":3}"#)))
        .expect("the request is well formed");
    connection.ready().await.expect("the upstream keeps the connection");
    let answer = connection.send_request(request).await.expect("the upstream answers");
    answer.into_body().collect().await.expect("the answer has a body");
}
