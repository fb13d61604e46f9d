//! A store that lets a test say when an append, a removal or a list goes on, and others in while it
//! reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use linchpin_engine::RunId;
use linchpin_engine::store::{
    Append, Condition, Error as StoreError, Expect, Journal, Record, RecordWrite, Records,
};
use linchpin_persistence::MemoryStore;
use tokio::sync::Semaphore;

/// A store whose appends and removals, or lists, wait for a permit; appends fail when they are told
/// to.
pub(crate) struct Gated {
    store: Arc<MemoryStore>,
    permits: Semaphore,
    is_broken: AtomicBool,
    /// The collection whose records are read and handed on when it is opened.
    held: Option<&'static str>,
}

impl Gated {
    /// Nothing is appended before it is opened; the first append may fail.
    pub(crate) fn closed(is_broken: bool) -> Self {
        let is_broken = AtomicBool::new(is_broken);
        Self { is_broken, ..Self::over(Arc::new(MemoryStore::new())) }
    }

    /// Over a store that others use as it is.
    pub(crate) fn over(store: Arc<MemoryStore>) -> Self {
        let (permits, is_broken) = (Semaphore::new(0), AtomicBool::new(false));
        Self { store, permits, is_broken, held: None }
    }

    /// Appends and removals go on; a list of this collection waits after it was read.
    pub(crate) fn list_of(collection: &'static str, store: Arc<MemoryStore>) -> Self {
        Self { held: Some(collection), ..Self::over(store) }
    }

    async fn pass(&self, is_list_of: Option<&str>) {
        if self.held == is_list_of {
            self.permits.acquire().await.unwrap().forget();
        }
    }

    pub(crate) fn open(&self) {
        self.permits.add_permits(100);
    }
}

#[async_trait]
impl Journal for Gated {
    async fn append(&self, batch: Append) -> Result<(), StoreError> {
        self.pass(None).await;
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
        self.pass(None).await;
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
        let page = self.store.list(collection, prefix, after, limit).await;
        self.pass(Some(collection)).await;
        page
    }

    async fn delete(&self, collection: &str, key: &str, expect: Expect) -> Result<(), StoreError> {
        self.store.delete(collection, key, expect).await
    }
}
