export * from './mux/index.js';
export * from './node/node-io.js';
