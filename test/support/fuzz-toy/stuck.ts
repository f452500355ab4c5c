import { stuck } from './toy.js';

export function target(bytes: Uint8Array): void {
  stuck(bytes);
}
