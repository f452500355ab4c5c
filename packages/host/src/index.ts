export * from './clock.js';
export * from './driver.js';
export * from './entropy.js';
export * from './timers.js';
export * from './udp-driver.js';
