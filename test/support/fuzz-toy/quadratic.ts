import { quadratic } from './toy.js';

export function target(bytes: Uint8Array): void {
  quadratic(bytes);
}

export const limits = { costBase: 1000, costPerOctet: 200 } as const;
