//! Certificates: a private authority is trusted where a connection names it, and our own certificate is
//! shown where it has one.
//!
//! The certificates in `tests/tls` are for 127.0.0.1 and for these tests alone. The server needs Node;
//! where it is missing the test says so and passes, but in CI it fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::support::Project;
use crate::architecture::repository::root;

const SPOKE: &str = r"
spoke: guarded
title: Guarded
connection:
  fields: [{ name: url, label: URL, type: url }]
  credential: { kind: none }
  test: { get: /rows }
shapes:
  row: { keys: [id], fields: { id: { type: string, from: id } } }
";

/// The server, which ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_private_authority_and_a_certificate_of_our_own_are_used_where_a_connection_names_them() {
    let folder = root().join("tests/tls");
    let started = Command::new("node")
        .args([folder.join("server.mjs"), folder.clone()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut server) = started.map(Server) else {
        assert!(std::env::var_os("CI").is_none(), "there is no node: .ci/run installs it");
        // A skipped test must not look like one that passed.
        std::io::stderr().write_all(b"SKIPPED: no HTTPS server: node is not there\n").unwrap();
        return;
    };
    let mut port = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("url: \"https://127.0.0.1:{}\", allow_private: true", port.trim());
    let file = |name: &str| folder.join(name).display().to_string();
    let (ca, certificate, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let no_ca = file("server.mjs");
    let connections = format!(
        "nobody: {{ spoke: guarded, {url} }}\n\
         trusting: {{ spoke: guarded, {url}, tls: {{ ca: {ca} }} }}\n\
         known: {{ spoke: guarded, {url}, tls: {{ ca: {ca}, certificate: {certificate}, key: {{ file: {key} }} }} }}\n\
         broken: {{ spoke: guarded, {url}, tls: {{ ca: {no_ca} }} }}\n"
    );
    let project =
        Project::with(&[("spokes/guarded/spoke.yaml", SPOKE), ("connections.yaml", &connections)]);
    let test = |alias: &str| project.linchpin(&["connections", "test", alias]);
    let refused = test("nobody").ends_with(5);
    assert!(refused.stderr.contains("cannot connect to 127.0.0.1"), "{}", refused.stderr);
    let unknown = test("trusting").ends_with(5);
    assert!(unknown.stderr.contains("403"), "{}", unknown.stderr);
    test("known").ends_with(0);
    let broken = test("broken").ends_with(5);
    assert!(broken.stderr.contains("tls.ca holds no certificate"), "{}", broken.stderr);
}
