export * from './cipher-state.js';
export * from './handshake-admission.js';
export * from './handshake-state.js';
export * from './noise-error.js';
export * from './patterns.js';
export * from './protocol-name.js';
export * from './simultaneous-dial.js';
export * from './symmetric-state.js';
