//! The `files` spoke on real folders: what it reads and writes, and that nothing leads out.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use linchpin_connector::testing::{FakeTransport, perform};
use linchpin_connector::{Action, ActionError, Call, Connection, ErrorKind};
use linchpin_spokes::bundled;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

fn action(name: &str) -> std::sync::Arc<dyn Action> {
    let spokes = bundled().expect("the bundled spokes load");
    let files = spokes.into_iter().find(|spoke| spoke.name == "files").expect("there is files");
    files.action(name).expect("there is the action").clone()
}

async fn call(name: &str, folder: &Path, inputs: Value) -> Result<Value, ActionError> {
    let action = action(name);
    let inputs = action.spec().read_inputs(inputs).expect("the inputs fit");
    let values = Map::from_iter([("folder".to_owned(), json!(folder))]);
    let connection = Connection { alias: "hr".to_owned(), spoke: "files".to_owned(), values };
    let transport = FakeTransport::new(Vec::new());
    let now = "2026-02-01T12:00:00Z".parse().expect("an instant");
    let call = Call {
        inputs: &inputs,
        connection: &connection,
        transport: &transport,
        key: "k",
        now,
        overlay: None,
    };
    perform(action.as_ref(), &call).await
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

#[tokio::test]
async fn a_list_as_programs_write_it_is_read_cell_by_cell() {
    let folder = folder();
    let text = b"\xef\xbb\xbfname;mail;note\r\nAda;ada@example.test;\"one; \"\"two\"\"\r\nthree\"\r\nBo;;\r\n";
    fs::write(folder.path().join("a.csv"), text).unwrap();
    let read = call("csv.read", folder.path(), json!({ "path": "a.csv", "delimiter": ";" }))
        .await
        .unwrap();
    let expected = json!({ "count": 2, "rows": [
        { "name": "Ada", "mail": "ada@example.test", "note": "one; \"two\"\r\nthree" },
        { "name": "Bo", "mail": "", "note": "" },
    ] });
    assert_eq!(read, expected);
    fs::write(folder.path().join("l.csv"), b"name\nJos\xe9\n").unwrap();
    let latin = json!({ "path": "l.csv", "encoding": "latin-1" });
    let read = call("csv.read", folder.path(), latin).await.unwrap();
    assert_eq!(read["rows"][0]["name"], "José");
    let wrong = call("csv.read", folder.path(), json!({ "path": "l.csv" })).await.unwrap_err();
    assert!(wrong.message.contains("l.csv: row 2 is not written in utf-8"), "{}", wrong.message);
}

#[tokio::test]
async fn a_file_that_is_no_list_says_where() {
    let folder = folder();
    for (text, words) in [
        ("a,b\n1,2,3\n", "row 2 has 3 cells, more than the 2 columns"),
        ("a,a\n1,2\n", "`a` is none"),
    ] {
        fs::write(folder.path().join("a.csv"), text).unwrap();
        let wrong = call("csv.read", folder.path(), json!({ "path": "a.csv" })).await.unwrap_err();
        assert!(wrong.message.contains(words), "{}", wrong.message);
        assert_eq!(wrong.kind, ErrorKind::BadResponse);
    }
}

#[tokio::test]
async fn a_long_list_is_a_stream_and_never_half_a_read() {
    let folder = folder();
    let lines: String = (0..10_001).map(|n| format!("{n},\"x\ny\"\n")).collect();
    fs::write(folder.path().join("a.csv"), format!("n,t\n{lines}")).unwrap();
    let all = call("csv.stream", folder.path(), json!({ "path": "a.csv" })).await.unwrap();
    let all = all.as_array().unwrap();
    assert_eq!(all.len(), 10_001);
    for (at, row) in all.iter().enumerate() {
        assert_eq!(row, &json!({ "n": at.to_string(), "t": "x\ny" }));
    }
    let many = call("csv.read", folder.path(), json!({ "path": "a.csv" })).await.unwrap_err();
    assert_eq!(many.kind, ErrorKind::LimitExceeded);
    assert!(many.message.contains("csv.stream"), "{}", many.message);
}

#[tokio::test]
async fn a_row_without_an_end_is_refused_and_large_rows_are_read_page_by_page() {
    let folder = folder();
    let large = "x".repeat(9 * 1024 * 1024);
    fs::write(folder.path().join("a.csv"), format!("n,t\n1,{large}\n2,{large}\n3,z\n")).unwrap();
    let all = call("csv.read", folder.path(), json!({ "path": "a.csv" })).await.unwrap();
    let rows = all["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["n"].as_str().unwrap()).collect();
    assert_eq!(names, ["1", "2", "3"]);
    assert!(rows[1]["t"] == large.as_str() && rows[2]["t"] == "z");
    fs::write(folder.path().join("b.csv"), format!("n\n1\n\"{large}\n{large}")).unwrap();
    let wrong = call("csv.read", folder.path(), json!({ "path": "b.csv" })).await.unwrap_err();
    assert_eq!(wrong.kind, ErrorKind::LimitExceeded);
    assert!(wrong.message.contains("b.csv: row 3 is longer than 16 MB"), "{}", wrong.message);
}

#[tokio::test]
async fn two_who_write_one_file_at_once_leave_one_of_them_whole() {
    let folder = folder();
    let write = |letter: &str| {
        let (path, text) = (folder.path().to_owned(), letter.repeat(4 * 1024 * 1024));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let inputs = json!({ "path": "out.csv", "rows": [{ "t": text }] });
            runtime.block_on(call("csv.write", &path, inputs)).map(drop)
        })
    };
    for _ in 0..4 {
        let both = [write("a"), write("b")];
        for one in both {
            one.join().unwrap().unwrap();
        }
        let text = fs::read_to_string(folder.path().join("out.csv")).unwrap();
        let row = text.lines().nth(1).unwrap();
        assert_eq!(row.len(), 4 * 1024 * 1024);
        assert!(row.chars().all(|letter| row.starts_with(letter)), "a mixture");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left");
}

#[tokio::test]
async fn what_is_written_is_read_back_and_written_once() {
    let folder = folder();
    let rows = json!([{ "name": "Ada, \"A\"", "n": 1 }, { "name": null, "more": true }]);
    let write = json!({ "path": "out.csv", "rows": rows });
    let wrote = call("csv.write", folder.path(), write.clone()).await.unwrap();
    let file = folder.path().join("out.csv");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, "name,n,more\r\n\"Ada, \"\"A\"\"\",1,\r\n,,true\r\n");
    assert_eq!(wrote["bytes"], text.len());
    // The same content is not written again: the file keeps its time.
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    call("csv.write", folder.path(), write).await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
    let value = json!({ "a": [1, "ü"] });
    call("json.write", folder.path(), json!({ "path": "v.json", "value": value })).await.unwrap();
    let read = call("json.read", folder.path(), json!({ "path": "v.json" })).await.unwrap();
    assert_eq!(read["value"], value);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left beside them: {names:?}");
}

#[tokio::test]
async fn no_path_and_no_link_leads_out_of_the_folder() {
    let outside = folder();
    fs::write(outside.path().join("secret.json"), "\"canary\"").unwrap();
    let folder = folder();
    let root = folder.path().join("in");
    fs::create_dir(&root).unwrap();
    symlink(outside.path().join("secret.json"), root.join("link.json")).unwrap();
    symlink(outside.path(), root.join("away")).unwrap();
    symlink(outside.path().join("new.json"), root.join("dangling.json")).unwrap();
    let absolute = outside.path().join("secret.json").display().to_string();
    let paths = [
        "../in/../x.json",
        "..",
        "/etc/passwd",
        &absolute,
        "a/../../x.json",
        "",
        ".",
        "link.json",
        "away/secret.json",
        "a\\b",
        "dangling.json",
    ];
    for path in paths {
        for (name, inputs) in [
            ("json.read", json!({ "path": path })),
            ("json.write", json!({ "path": path, "value": 1 })),
            ("csv.stream", json!({ "path": path })),
        ] {
            let refused = call(name, &root, inputs).await.unwrap_err();
            let kinds = [ErrorKind::InvalidInput, ErrorKind::NotFound];
            assert!(kinds.contains(&refused.kind), "{name} {path}: {refused:?}");
            assert!(!format!("{refused:?}").contains("canary"), "{name} {path}");
        }
    }
    assert_eq!(fs::read_to_string(outside.path().join("secret.json")).unwrap(), "\"canary\"");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    let relative =
        call("json.read", Path::new("in"), json!({ "path": "a.json" })).await.unwrap_err();
    assert!(relative.message.contains("must be an absolute path"), "{}", relative.message);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_no_mixture() {
    let folder = folder();
    let lines: String = (0..600).map(|n| format!("{n}\n")).collect();
    let file = folder.path().join("a.csv");
    fs::write(&file, format!("n\n{lines}")).unwrap();
    let action = action("csv.stream");
    let inputs = action.spec().read_inputs(json!({ "path": "a.csv" })).unwrap();
    let values = Map::from_iter([("folder".to_owned(), json!(folder.path()))]);
    let connection = Connection { alias: "hr".to_owned(), spoke: "files".to_owned(), values };
    let transport = FakeTransport::new(Vec::new());
    let now = "2026-02-01T12:00:00Z".parse().unwrap();
    let call = Call {
        inputs: &inputs,
        connection: &connection,
        transport: &transport,
        key: "k",
        now,
        overlay: None,
    };
    let first = action.page(&call, None).await.unwrap();
    assert_eq!((first.rows.len(), first.keys.last().map(String::as_str)), (500, Some("499")));
    fs::write(&file, "n\n1\n").unwrap();
    let changed = action.page(&call, first.cursor.as_ref()).await.unwrap_err();
    assert_eq!(changed.kind, ErrorKind::Conflict);
}
