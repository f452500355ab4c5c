#!/usr/bin/env node
import { cli } from './cli.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());

process.exitCode = await cli({
  arguments: process.argv.slice(2),
  environment: process.env,
  print: (line) => console.log(line),
  printError: (line) => console.error(line),
  colour: process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '',
  signal: stop.signal,
});
