export * from './v2/batch.js';
export * from './v2/endpoint.js';
export * from './v2/event.js';
export * from './v2/event-codec.js';
export * from './v2/scheduler.js';
export * from './v2/session.js';
export * from './v2/stream-state.js';
