/** store: a versioned key-value store with watch, behind five verbs. Knows bytes and revisions; knows nothing of what they mean. */
export * from './store.ts';
export { MAX_COMMIT_BYTES, type EmbeddedStore, type StoreFigures } from './core/embedded.ts';
export { createMemoryStore } from './memory/memory.ts';
export { openSqliteStore, type SqliteStoreOptions } from './sqlite/sqlite.ts';
export { StoreThread } from './sqlite/thread.ts';
export { startCompactor, type Compactor, type CompactorOptions } from './compactor.ts';
export { encryptedStore, type EncryptedStore, type EncryptionRule } from './encryption/encrypted.ts';
export { loadSecretbox } from './encryption/secretbox.ts';
export { aesCbc, aesGcm, identity, type Transformer, type TransformerKey } from './encryption/transformers.ts';
