//! A process that is stopped for good before one of its calls to the system: the n-th of all its
//! threads that writes, syncs or sends. The call itself does not happen.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// The calls that change what another process, a disk or another system knows.
const CALLS: [(libc::c_long, &str); 15] = [
    (libc::SYS_write, "write"),
    (libc::SYS_writev, "writev"),
    (libc::SYS_pwrite64, "pwrite64"),
    (libc::SYS_pwritev, "pwritev"),
    (libc::SYS_pwritev2, "pwritev2"),
    (libc::SYS_ftruncate, "ftruncate"),
    (libc::SYS_fallocate, "fallocate"),
    (libc::SYS_renameat2, "renameat2"),
    (libc::SYS_fsync, "fsync"),
    (libc::SYS_fdatasync, "fdatasync"),
    (libc::SYS_sync_file_range, "sync_file_range"),
    (libc::SYS_msync, "msync"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_sendmsg, "sendmsg"),
    (libc::SYS_sendmmsg, "sendmmsg"),
];
/// Those that only some processors have.
#[cfg(target_arch = "x86_64")]
const MORE: [(libc::c_long, &str); 2] =
    [(libc::SYS_rename, "rename"), (libc::SYS_unlink, "unlink")];
/// Those that only some processors have.
#[cfg(target_arch = "aarch64")]
const MORE: [(libc::c_long, &str); 2] =
    [(libc::SYS_renameat, "renameat"), (libc::SYS_unlinkat, "unlinkat")];

/// How a traced process came to its end.
#[derive(Debug)]
pub(super) struct Traced {
    /// How many calls of each name it began, the last of a killed one included.
    pub(super) calls: BTreeMap<&'static str, u64>,
    /// The call before which it was killed, and on what; none when it ended by itself.
    pub(super) killed: Option<String>,
    /// Its exit code, when it ended by itself.
    pub(super) code: Option<i32>,
}

impl Traced {
    pub(super) fn count(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// Whether this machine lets a process be traced; if not, why.
pub(super) fn is_allowed() -> Result<(), String> {
    let mut command = Command::new("true");
    trace(&mut command, u64::MAX).map(drop).map_err(|errno| errno.to_string())
}

/// Runs a command and kills it before its n-th call. All of it happens on this thread, because
/// the system lets one thread trace a process.
pub(super) fn trace(command: &mut Command, n: u64) -> Result<Traced, Errno> {
    let mut waiting = Command::new("sh");
    waiting.args(["-c", "read go && exec \"$0\" \"$@\" </dev/null"]);
    waiting.arg(command.get_program()).args(command.get_args()).stdin(Stdio::piped());
    if let Some(folder) = command.get_current_dir() {
        waiting.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => waiting.env(name, value),
            None => waiting.env_remove(name),
        };
    }
    let mut child = waiting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sh starts");
    let leader = Pid::from_raw(i32::try_from(child.id()).expect("an id of a process fits"));
    let options =
        Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE | Options::PTRACE_O_EXITKILL;
    if let Err(errno) = ptrace::seize(leader, options).and_then(|()| ptrace::interrupt(leader)) {
        child.kill().and_then(|()| child.wait()).expect("it can be ended");
        return Err(errno);
    }
    child.stdin.take().expect("it has an input").write_all(b"go\n").expect("it reads a line");
    let traced = Tracer { leader, n, inside: HashSet::new(), traced: Traced::new() }.follow();
    // It was waited for with its threads: this finds nothing left.
    child.wait().ok();
    traced
}

struct Tracer {
    leader: Pid,
    n: u64,
    /// Threads between the beginning and the end of a call.
    inside: HashSet<Pid>,
    traced: Traced,
}

impl Tracer {
    fn follow(mut self) -> Result<Traced, Errno> {
        // The children of other threads are other tests' own.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let (thread, signal) = match waitpid(None, Some(flags))? {
                WaitStatus::Exited(process, code) if process == self.leader => {
                    self.traced.code = Some(code);
                    return Ok(self.traced);
                }
                WaitStatus::Signaled(process, signal, _) if process == self.leader => {
                    assert_eq!(signal, Signal::SIGKILL, "the process failed by itself");
                    return Ok(self.traced);
                }
                WaitStatus::PtraceSyscall(thread) => {
                    if self.inside.remove(&thread) {
                        (thread, None)
                    } else {
                        self.inside.insert(thread);
                        self.begins(thread);
                        (thread, None)
                    }
                }
                WaitStatus::PtraceEvent(thread, ..) => (thread, None),
                WaitStatus::Stopped(thread, signal) => (thread, Some(signal)),
                _ => continue,
            };
            // It may be gone, with the process that was killed.
            match ptrace::syscall(thread, signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn begins(&mut self, thread: Pid) {
        if self.traced.killed.is_some() {
            return;
        }
        let Some((number, first)) = call(thread) else { return };
        let mut calls = CALLS.iter().chain(&MORE);
        let Some((_, name)) = calls.find(|(call, _)| *call == number) else { return };
        let on = std::fs::read_link(format!("/proc/{}/fd/{first}", self.leader));
        let on = on.unwrap_or_else(|_| PathBuf::from("a path"));
        // A thread wakes another one: nothing that outlives the process.
        if on.to_string_lossy().starts_with("anon_inode:") {
            return;
        }
        *self.traced.calls.entry(name).or_default() += 1;
        if self.traced.count() == self.n {
            kill(self.leader, Signal::SIGKILL).expect("a traced process can be killed");
            self.traced.killed = Some(format!("{name} on {}", on.display()));
        }
    }
}

impl Traced {
    fn new() -> Self {
        Self { calls: BTreeMap::new(), killed: None, code: None }
    }
}

/// The number of the call that a stopped thread is about to make, and its first argument.
#[cfg(target_arch = "x86_64")]
fn call(thread: Pid) -> Option<(libc::c_long, u64)> {
    let registers = ptrace::getregs(thread).ok()?;
    Some((i64::try_from(registers.orig_rax).ok()?, registers.rdi))
}

/// The number of the call that a stopped thread is about to make, and its first argument.
#[cfg(target_arch = "aarch64")]
fn call(thread: Pid) -> Option<(libc::c_long, u64)> {
    let registers = ptrace::getregs(thread).ok()?;
    Some((i64::try_from(registers.regs[8]).ok()?, registers.regs[0]))
}
