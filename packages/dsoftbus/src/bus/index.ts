export * from './identity.js';
export * from './pin.js';
export * from './session.js';
export * from './session-event.js';
export * from './session-options.js';
export { BUS_NOISE_PROTOCOL, BUS_PROLOGUE, BUS_VERSION, GOODBYE } from './wire.js';
