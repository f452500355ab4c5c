export { SqliteLeaseStore, type SqliteLeaseStoreOptions } from './lease-store/sqlite-lease-store.js';
