export * from './equal.js';
export * from './provider.js';
