export * from './dsoftbus-witness.js';
