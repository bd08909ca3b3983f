//! The memory store under the contract, and what only it says.

use std::sync::Arc;

use protean_core::memory::MemoryStore;
use protean_testing::contract::Subject;

async fn fresh() -> Subject {
    Subject::new(Arc::new(MemoryStore::new()))
}

protean_testing::contract_suite!(fresh);
