export * from './channel.js';
export * from './impairment.js';
export * from './link.js';
export * from './switch.js';
