export * from './arguments.js';
export { type DeathGuard, detectDeathGuard } from './death-guard.js';
export * from './frame-link.js';
export * from './frame-stream.js';
export * from './owned-process.js';
export * from './probe.js';
export * from './qemu-machine.js';
export * from './qmp-client.js';
export * from './qmp-machine.js';
