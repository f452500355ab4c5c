import { forgetful } from './toy.js';

export function target(bytes: Uint8Array): void {
  forgetful(bytes);
}
