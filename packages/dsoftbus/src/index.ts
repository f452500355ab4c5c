export * from './crypto/index.js';
export * from './discovery/index.js';
export * from './mux/index.js';
export * from './node/node-io.js';
export * from './noise/index.js';
export * from './os/index.js';
export * from './transport/index.js';
