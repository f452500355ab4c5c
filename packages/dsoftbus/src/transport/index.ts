export * from './quic-feasibility.js';
export * from './selection.js';
