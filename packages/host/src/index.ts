export * from './clock.js';
export * from './dhcp-server-driver.js';
export * from './dhcp-udp-server.js';
export * from './driver.js';
export * from './entropy.js';
export * from './lease-store/journal-lease-store.js';
export {
  type LeaseStore,
  LeaseStoreError,
  type LeaseStoreErrorCode,
  type LeaseStoreInspection,
  type Settled,
  type SyncPolicy,
} from './lease-store/lease-store.js';
export { type StoreFile, type StoreFiles, systemFiles } from './lease-store/store-files.js';
export * from './timers.js';
export * from './udp-driver.js';
