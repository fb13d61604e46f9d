//! The Unix socket: beside the store, for its owner only, and never taken from who answers on it.
//!
//! The address of a socket has room for 107 bytes. Where the state folder's path is longer, the
//! socket is in the user's runtime folder, and a file in the state folder says where.

use std::fs::{self, DirBuilder, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use axum::Router;
use tokio::net::{UnixListener, UnixStream};

/// The socket's name in the state folder.
const NAME: &str = "linchpin.sock";
/// The file that says where the socket is when it is not in the state folder.
const ELSEWHERE: &str = "linchpin.sock.path";
/// The longest address of a socket, in bytes.
const LONGEST: usize = 107;

/// Why a socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody answers on it.
    #[error("another process answers on {}", .0.display())]
    InUse(PathBuf),
    /// The folder for it belongs to somebody else.
    #[error("{} is not this user's own folder", .0.display())]
    Foreign(PathBuf),
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A socket that is open and not served yet.
#[derive(Debug)]
pub struct Listening {
    listener: UnixListener,
    /// Where it is.
    pub path: PathBuf,
}

impl Listening {
    /// Opens the socket of a state folder, mode 0600 in a folder of mode 0700. One that is left
    /// over from a process that died is replaced.
    pub async fn bind(state: &Path) -> Result<Self, Error> {
        own_folder(state)?;
        let path = place(state)?;
        if answers(&path).await {
            return Err(Error::InUse(path));
        }
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(Error::Io { action: "replace", path, source });
            }
            _ => {}
        }
        let failed = |action| {
            let path = path.clone();
            move |source| Error::Io { action, path, source }
        };
        let listener = UnixListener::bind(&path).map_err(failed("open"))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(failed("protect"))?;
        Ok(Self { listener, path })
    }
}

/// Serves a router until `shutdown` is over and the answers under way are sent; then the socket
/// is gone.
pub async fn serve(
    listening: Listening,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let Listening { listener, path } = listening;
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown).await;
    // Whoever starts next replaces it anyway.
    fs::remove_file(&path).ok();
    served
}

/// The socket of a state folder, as far as there is one.
pub fn find(state: &Path) -> Option<PathBuf> {
    let here = state.join(NAME);
    if here.exists() {
        return Some(here);
    }
    let said = fs::read_to_string(state.join(ELSEWHERE)).ok()?;
    let path = PathBuf::from(said.trim_end());
    path.exists().then_some(path)
}

/// Whether a process accepts connections on this socket.
pub async fn answers(path: &Path) -> bool {
    UnixStream::connect(path).await.is_ok()
}

/// Where the socket of a state folder goes.
fn place(state: &Path) -> Result<PathBuf, Error> {
    let here = std::path::absolute(state).unwrap_or_else(|_| state.to_owned()).join(NAME);
    if here.as_os_str().len() <= LONGEST {
        return Ok(here);
    }
    let mut hasher = DefaultHasher::new();
    here.hash(&mut hasher);
    let folder = runtime_folder(state)?;
    own_folder(&folder)?;
    let path = folder.join(format!("{:016x}.sock", hasher.finish()));
    let note = state.join(ELSEWHERE);
    fs::write(&note, format!("{}\n", path.display())).map_err(|source| Error::Io {
        action: "write",
        path: note,
        source,
    })?;
    Ok(path)
}

fn runtime_folder(state: &Path) -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        return Ok(PathBuf::from(folder).join("linchpin"));
    }
    let about = fs::metadata(state).map_err(|source| Error::Io {
        action: "read",
        path: state.to_owned(),
        source,
    })?;
    Ok(PathBuf::from(format!("/tmp/linchpin-{}", about.uid())))
}

/// Makes a folder that only its owner may enter, or sees that it is one.
fn own_folder(folder: &Path) -> Result<(), Error> {
    let failed = |action| move |source| Error::Io { action, path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("create"))?;
    let about = fs::symlink_metadata(folder).map_err(failed("read"))?;
    if about.is_symlink() && folder.starts_with("/tmp") {
        return Err(Error::Foreign(folder.to_owned()));
    }
    // Only the owner can do this, so a folder that somebody else has put there is refused.
    fs::set_permissions(folder, Permissions::from_mode(0o700))
        .map_err(|_| Error::Foreign(folder.to_owned()))
}

#[cfg(test)]
mod tests;
