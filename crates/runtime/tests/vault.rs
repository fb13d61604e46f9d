//! Secrets at rest: only the right key opens them, and only in their own place.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use linchpin_engine::store::{Expect, Records as _};
use linchpin_persistence::MemoryStore;
use linchpin_runtime::vault::Error;
use linchpin_runtime::{MasterKey, Secret, Vault};

use crate::support::{CANARY, Disk, settled, vault};

#[tokio::test]
async fn a_secret_comes_back_and_the_store_does_not_show_it() {
    let store = Arc::new(MemoryStore::new());
    let vault = vault(store.clone());
    vault.put("lms", "api_key", &Secret::new("old")).await.unwrap();
    vault.put("lms", "api_key", &Secret::new(CANARY)).await.unwrap();
    vault.put("lms_emea", "api_key", &Secret::new("other")).await.unwrap();
    assert_eq!(vault.get("lms", "api_key").await.unwrap().unwrap().expose(), CANARY);
    assert_eq!(vault.list("lms").await.unwrap(), ["api_key"]);
    let record = store.get("vault", "lms/api_key").await.unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&record.value).contains("canary"));

    vault.delete("lms", "api_key").await.unwrap();
    assert!(vault.get("lms", "api_key").await.unwrap().is_none());
    assert!(vault.get("lms_emea", "api_key").await.unwrap().is_some());
}

#[tokio::test]
async fn another_key_is_refused_by_name() {
    let store = Arc::new(MemoryStore::new());
    vault(store.clone()).put("lms", "api_key", &Secret::new(CANARY)).await.unwrap();
    let other = Vault::new(store, MasterKey::from_bytes([8; 32]));
    let Err(error) = other.get("lms", "api_key").await else { panic!("it opened") };
    assert!(matches!(error, Error::OtherKey { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("canary"));
}

#[tokio::test]
async fn a_record_opens_only_where_it_was_put() {
    let store = Arc::new(MemoryStore::new());
    let vault = vault(store.clone());
    vault.put("lms", "api_key", &Secret::new(CANARY)).await.unwrap();
    let record = store.get("vault", "lms/api_key").await.unwrap().unwrap();
    for place in ["hr/api_key", "lms/other"] {
        store.put("vault", place, record.value.clone(), Expect::Anything).await.unwrap();
        let (alias, field) = place.split_once('/').unwrap();
        let Err(error) = vault.get(alias, field).await else { panic!("it opened at {place}") };
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_changed_record_is_refused() {
    let store = Arc::new(MemoryStore::new());
    let vault = vault(store.clone());
    vault.put("lms", "api_key", &Secret::new(CANARY)).await.unwrap();
    let record = store.get("vault", "lms/api_key").await.unwrap().unwrap();
    for cut in 0..record.value.len() {
        let mut value = record.value.clone();
        value[cut] ^= 1;
        store.put("vault", "lms/api_key", value, Expect::Anything).await.unwrap();
        match vault.get("lms", "api_key").await {
            // The last letter of base64 may hold bits that say nothing.
            Ok(found) => assert_eq!(found.unwrap().expose(), CANARY),
            Err(error) => {
                assert!(matches!(error, Error::Damaged { .. } | Error::OtherKey { .. }), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_file_is_made_once_and_only_for_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/vault.key");
    let made = MasterKey::load_or_create(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(MasterKey::load_or_create(&path).unwrap().id(), made.id());

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let Err(error) = MasterKey::load_or_create(&path) else { panic!("it was accepted") };
    assert!(matches!(error, Error::KeyExposed { mode: 0o640, .. }), "{error}");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "too short").unwrap();
    assert!(matches!(MasterKey::load_or_create(&path), Err(Error::NoKey { .. })));
}

#[tokio::test]
async fn a_key_can_come_from_a_command() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let hex = "07".repeat(32);
    let key = MasterKey::from_command(&words(&format!("echo {hex}"))).await.unwrap();
    assert_eq!(key.id(), MasterKey::from_bytes([7; 32]).id());
    assert!(matches!(
        MasterKey::from_command(&words("echo hello")).await,
        Err(Error::NoKey { .. })
    ));
    assert!(matches!(
        MasterKey::from_command(&words("false")).await,
        Err(Error::KeyCommand { .. })
    ));
}

async fn filled(vault: &Vault) {
    for n in 0..7 {
        vault.put("lms", &format!("field{n}"), &Secret::new(format!("secret {n}"))).await.unwrap();
    }
}

async fn assert_whole(vault: &Vault) {
    for n in 0..7 {
        let secret = vault.get("lms", &format!("field{n}")).await.unwrap().unwrap();
        assert_eq!(secret.expose(), format!("secret {n}"));
    }
    assert_eq!(vault.status().await.unwrap().broken, [""; 0]);
}

#[tokio::test]
async fn a_new_key_seals_everything_and_the_old_one_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.key");
    let store = Arc::new(MemoryStore::new());
    let vault = Vault::open_file(store.clone(), &file).unwrap();
    filled(&vault).await;
    let old = std::fs::read_to_string(&file).unwrap();
    let before = vault.status().await.unwrap();
    let rotated = vault.rotate().await.unwrap();
    assert_eq!((rotated.sealed, &rotated.before), (7, &before.key));
    assert_whole(&vault).await;
    let after = vault.status().await.unwrap();
    assert_eq!(after.sealed.keys().collect::<Vec<_>>(), [&rotated.key]);
    assert!(!after.is_rotating);
    // The file holds the new key, and whoever has the old one reads nothing.
    assert_whole(&Vault::open_file(store.clone(), &file).unwrap()).await;
    std::fs::write(&file, old).unwrap();
    let status = Vault::open_file(store, &file).unwrap().status().await.unwrap();
    assert_eq!(status.broken.len(), 7);
}

#[tokio::test]
async fn a_rotation_that_is_cut_at_any_write_loses_nothing_and_is_finished_by_the_next() {
    for room in 0..7 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vault.key");
        let disk = Arc::new(Disk::default());
        let vault = Vault::open_file(disk.clone(), &file).unwrap();
        filled(&vault).await;
        let before = vault.status().await.unwrap().key;
        disk.has_room_for(room);
        vault.rotate().await.unwrap_err();
        disk.has_room_for(usize::MAX);
        // In this process as well as in the next one, everything opens.
        assert_whole(&vault).await;
        vault.put("lms", "field0", &Secret::new("secret 0")).await.unwrap();
        let next = Vault::open_file(disk.clone(), &file).unwrap();
        assert!(next.status().await.unwrap().is_rotating);
        assert_whole(&next).await;
        next.put("lms", "field1", &Secret::new("secret 1")).await.unwrap();
        // Whoever tries again is told of the key that was replaced.
        let rotated = if room % 2 == 0 { next.rotate().await } else { vault.rotate().await };
        assert_eq!(rotated.unwrap().before, before);
        assert_whole(&Vault::open_file(disk, &file).unwrap()).await;
    }
}

/// A put that has its seal and not yet its place, while the key is replaced.
#[tokio::test]
async fn a_secret_that_is_put_while_the_key_is_replaced_is_sealed_under_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.key");
    let disk = Arc::new(Disk::default());
    let vault = Arc::new(Vault::open_file(disk.clone(), &file).unwrap());
    filled(&vault).await;
    disk.close();
    let putting = {
        let vault = vault.clone();
        tokio::spawn(async move { vault.put("lms", "a_late", &Secret::new("late")).await })
    };
    settled().await;
    let rotating = {
        let vault = vault.clone();
        tokio::spawn(async move { vault.rotate().await })
    };
    settled().await;
    disk.open();
    putting.await.unwrap().unwrap();
    rotating.await.unwrap().unwrap();
    let next = Vault::open_file(disk, &file).unwrap();
    assert_whole(&next).await;
    assert_eq!(next.get("lms", "a_late").await.unwrap().unwrap().expose(), "late");
}

#[tokio::test]
async fn a_key_that_was_written_by_half_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.key");
    let store = Arc::new(MemoryStore::new());
    let process = std::process::id();
    let leave = |name: &str, text: &str| {
        let path = folder.path().join(format!("{name}.new-{process}"));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    };
    leave("vault.key", "ab");
    let vault = Vault::open_file(store.clone(), &file).unwrap();
    filled(&vault).await;
    leave("vault.key.new", "");
    assert_whole(&Vault::open_file(store.clone(), &file).unwrap()).await;
    vault.rotate().await.unwrap();
    assert_whole(&Vault::open_file(store, &file).unwrap()).await;
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_key_that_is_not_in_a_file_of_ours_is_not_replaced() {
    let vault = vault(Arc::new(MemoryStore::new()));
    assert!(matches!(vault.rotate().await, Err(Error::NotOurs { .. })));
}
