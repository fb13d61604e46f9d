//! Where the key of the vault comes from: a file, a credential of the service manager, a command. And
//! how the secrets move from one to another.

use std::process::Command;

use super::support::{Done, Project, answering};

const SECRET: &str = "vault-key-canary-77f0";

/// A project with one secret to seal, and `linchpin.yaml` with these lines.
fn project(settings: &str) -> Project {
    let url = answering(|_| (200, serde_json::json!([])));
    let connections =
        format!("odd: {{ spoke: http, url: \"{url}\", allow_private: true, token: vault }}\n");
    let project = Project::with(&[("connections.yaml", &connections)]);
    project.write("linchpin.yaml", settings);
    project
}

fn with<'c>(command: &'c mut Command, variable: &str, value: &str) -> &'c mut Command {
    command.env(variable, value)
}

fn configure(project: &Project, credentials: &str) -> Done {
    let arguments = ["connections", "configure", "odd", "--secret", "token=env:TOKEN"];
    let mut command = project.command(&arguments);
    with(with(&mut command, "TOKEN", SECRET), "CREDENTIALS_DIRECTORY", credentials);
    Done::of(&mut command)
}

fn status(project: &Project, credentials: &str) -> Done {
    let mut command = project.command(&["vault", "status"]);
    Done::of(with(&mut command, "CREDENTIALS_DIRECTORY", credentials))
}

#[test]
fn a_key_comes_from_a_command_or_a_credential_and_its_place_is_named_but_never_the_key() {
    let outside = tempfile::TempDir::new().unwrap();
    let folder = outside.path().display().to_string();
    let key = "5a".repeat(32);
    std::fs::write(outside.path().join("linchpin"), format!("{key}\n")).unwrap();
    for (place, named) in [
        (format!("{{ command: [cat, {folder}/linchpin] }}"), "from the command cat"),
        ("{ credential: linchpin }".to_owned(), "from the systemd credential linchpin"),
    ] {
        let project = project(&format!("vault: {{ key: {place} }}\n"));
        configure(&project, &folder).ends_with(0);
        let told = status(&project, &folder).ends_with(0);
        assert!(told.stdout.contains(named), "{}", told.stdout);
        assert!(!project.path().join(".linchpin/vault.key").exists(), "no file is made beside it");
        assert!(!told.all().contains(&key), "{}", told.all());
        let kept = project.files();
        assert!(!kept.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&key)));
        let backed_up = project.linchpin(&["store", "backup", "copy"]).ends_with(0);
        assert!(backed_up.stdout.contains("their key comes "), "{}", backed_up.stdout);
    }
}

#[test]
fn a_key_that_cannot_be_had_is_told_with_its_place_and_the_remedy() {
    let empty = tempfile::TempDir::new().unwrap();
    let folder = empty.path().display().to_string();
    for (place, words) in [
        ("{ credential: linchpin }", "the unit needs LoadCredential=linchpin:PATH"),
        ("{ command: [cat, /no/such/file] }", "the vault key command cat failed"),
        ("{ command: [echo, no-key-canary] }", "holds no vault key"),
        ("{ command: [no-such-program] }", "the vault key command no-such-program failed"),
    ] {
        let project = project(&format!("vault: {{ key: {place} }}\n"));
        let refused = status(&project, &folder).ends_with(5);
        assert!(refused.stderr.contains(words), "{place}: {}", refused.stderr);
        assert!(!refused.all().contains("no-key-canary"), "{}", refused.all());
    }
    let project = project("vault: { key: 5a5a }\n");
    let refused = status(&project, &folder).ends_with(1);
    assert!(
        refused.all().contains("key does not say where the vault's key is"),
        "{}",
        refused.all()
    );
}

#[test]
fn secrets_move_from_the_file_to_a_command_and_nothing_is_lost_on_the_way() {
    let project = project("");
    let nowhere = "/no/such/folder";
    configure(&project, nowhere).ends_with(0);
    assert!(status(&project, nowhere).ends_with(0).stdout.contains(".linchpin/vault.key"));

    let outside = tempfile::TempDir::new().unwrap();
    let key = outside.path().join("key");
    std::fs::write(&key, "6b".repeat(32)).unwrap();
    let settings = format!("vault: {{ key: {{ command: [cat, {}] }}", key.display());
    // Without the old key nothing opens, and it is told.
    project.write("linchpin.yaml", format!("{settings} }}\n"));
    let broken = status(&project, nowhere).ends_with(1);
    assert!(broken.stdout.contains("odd/token does not open"), "{}", broken.stdout);
    assert!(broken.stdout.contains("cannot be opened: put key "), "{}", broken.stdout);
    let mut daemon = project.start(&["daemon"]);
    daemon.until(|line| line.contains("of the vault cannot be opened").then_some(()));
    daemon.kill();
    let refused = project.linchpin(&["vault", "rotate-key"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("vault: { before: ... }"), "{}", refused.stderr);

    let moving = format!("{settings}, before: {{ file: .linchpin/vault.key }} }}\n");
    project.write("linchpin.yaml", moving);
    let told = status(&project, nowhere).ends_with(0);
    assert!(
        told.stdout.contains("`linchpin vault rotate-key` seals what is left"),
        "{}",
        told.stdout
    );
    project.linchpin(&["connections", "test", "odd"]).ends_with(0);
    project.linchpin(&["vault", "rotate-key"]).ends_with(0);
    let told = status(&project, nowhere).ends_with(0);
    assert!(told.stdout.contains("take `before` out of linchpin.yaml"), "{}", told.stdout);

    project.write("linchpin.yaml", format!("{settings} }}\n"));
    std::fs::remove_file(project.path().join(".linchpin/vault.key")).unwrap();
    assert!(status(&project, nowhere).ends_with(0).stdout.contains("from the command cat"));
    project.linchpin(&["connections", "test", "odd"]).ends_with(0);
}
