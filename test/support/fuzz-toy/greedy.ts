import { greedy } from './toy.js';

export function target(bytes: Uint8Array): void {
  greedy(bytes);
}
