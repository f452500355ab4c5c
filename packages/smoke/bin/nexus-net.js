#!/usr/bin/env node
// The command, in the source tree and not in the build: npm links a workspace's command when it installs, and only if the file
// is there by then. In a fresh clone the build comes after.
import { existsSync } from 'node:fs';

const built = new URL('../dist/bin.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  console.error('nexus-net: not built yet; run npm run build');
  process.exitCode = 8; // the set-up's own code for a step that failed
}
