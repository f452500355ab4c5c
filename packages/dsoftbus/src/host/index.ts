export * from './capnp.js';
export * from './host-session.js';
export * from './identity.js';
export * from './length-framing.js';
export * from './messages.js';
