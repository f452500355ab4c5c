export * from './image/bz-image.js';
export * from './image/debian-files.js';
export * from './image/elf.js';
export * from './image/kernel-modules.js';
export * from './image/linux-image.js';
export * from './image/newc.js';
export * from './image/nexus-image.js';
