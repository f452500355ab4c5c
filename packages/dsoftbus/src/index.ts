export * from './node/node-io.js';
