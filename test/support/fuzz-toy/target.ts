import { readToy } from './toy.js';

export function target(bytes: Uint8Array): void {
  readToy(bytes);
}
