#!/usr/bin/env node
import { cli } from './cli.js';

const stop = new AbortController();
// Kept for good: Ctrl-C reaches this process twice where npm hands it on, and the second must not cut the first one's work off.
// It can't hang: the guest is ended by force where it doesn't end by itself.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());

process.exitCode = await cli({
  arguments: process.argv.slice(2),
  environment: process.env,
  print: (line) => console.log(line),
  printError: (line) => console.error(line),
  colour: process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '',
  signal: stop.signal,
});
