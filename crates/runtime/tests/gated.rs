//! A store that lets a test say when an append or a removal goes on, and others in while it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{
    Append, Condition, Error as StoreError, Expect, Journal, Record, RecordWrite, Records,
};
use linchpin_persistence::MemoryStore;
use tokio::sync::Semaphore;

/// A store whose appends and removals wait for a permit; appends fail when they are told to.
pub(crate) struct Gated {
    store: Arc<MemoryStore>,
    permits: Semaphore,
    is_broken: AtomicBool,
}

impl Gated {
    /// Nothing is appended before it is opened; the first append may fail.
    pub(crate) fn closed(is_broken: bool) -> Self {
        let is_broken = AtomicBool::new(is_broken);
        Self { is_broken, ..Self::over(Arc::new(MemoryStore::new())) }
    }

    /// Over a store that others use as it is.
    pub(crate) fn over(store: Arc<MemoryStore>) -> Self {
        Self { store, permits: Semaphore::new(0), is_broken: AtomicBool::new(false) }
    }

    pub(crate) fn open(&self) {
        self.permits.add_permits(100);
    }
}

#[async_trait]
impl Journal for Gated {
    async fn append(&self, batch: Append) -> Result<(), StoreError> {
        self.permits.acquire().await.unwrap().forget();
        if self.is_broken.swap(false, Ordering::SeqCst) {
            let source = std::io::Error::other("no room");
            return Err(StoreError::Io { action: "write", path: "store".into(), source });
        }
        self.store.append(batch).await
    }

    async fn read(&self, run: &RunId, from: u64, most: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        tokio::task::yield_now().await;
        self.store.read(run, from, most).await
    }

    async fn runs(&self, before: Option<&RunId>, limit: usize) -> Result<Vec<RunId>, StoreError> {
        self.store.runs(before, limit).await
    }

    async fn remove(
        &self,
        run: &RunId,
        only_if: Vec<Condition>,
        records: Vec<RecordWrite>,
    ) -> Result<(), StoreError> {
        self.permits.acquire().await.unwrap().forget();
        self.store.remove(run, only_if, records).await
    }
}

#[async_trait]
impl Records for Gated {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<Record>, StoreError> {
        self.store.get(collection, key).await
    }

    async fn put(
        &self,
        collection: &str,
        key: &str,
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<u64, StoreError> {
        self.store.put(collection, key, value, expect).await
    }

    async fn list(
        &self,
        collection: &str,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.list(collection, prefix, after, limit).await
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), StoreError> {
        self.store.delete(collection, key, expect).await
    }
}
