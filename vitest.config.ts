import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { bundled } from './test/support/bundle.js';

/** Packages import each other by name; this condition resolves the name to its sources, so tests need no build. */
const conditions = ['@nexus-net/source'];

/** A law with twenty times the cases takes twenty times as long; 30 s is for a machine that is busy with something else. */
const testTimeout = 30_000 * Math.max(1, Number(process.env['NEXUS_RUNS_FACTOR'] ?? '1'));

const report = process.env['NEXUS_REPORT'];

const LIVE = ['packages/*/test/**/*.live.test.ts'];
const PEERS = ['packages/*/test/**/*.peers.test.ts'];
const LONG = ['packages/*/test/**/*.long.test.ts'];

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // The CI script counts tests; NEXUS_REPORT names the file for its counts.
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    testTimeout,
    pool: 'threads',
    maxWorkers: '100%', // the default leaves one processor idle
    setupFiles: ['packages/sansio/test/support/seed.ts'],
    isolate: false, // machines share no state, so tests need no fresh module graph: it saves most of the start-up
    projects: [
      {
        extends: true,
        // `npm test` bundles first. One file alone starts sooner as it is, with watching, coverage and new snapshots.
        plugins: process.env['NEXUS_BUNDLE'] === undefined ? [] : [bundled(import.meta.dirname)],
        test: {
          name: 'host',
          include: ['test/fuzz-corpus.test.ts', 'packages/*/test/**/*.test.ts'],
          exclude: [...LIVE, ...LONG, ...PEERS],
        },
      },
      // The rules of the repository and its tools: no protocol is proven there, and their compilers cost seconds to load.
      { extends: true, test: { name: 'repository', include: ['test/**/*.test.ts'], exclude: ['test/fuzz-corpus.test.ts'] } },
      { extends: true, test: { name: 'long', include: LONG, testTimeout: 3_600_000 } },
      { extends: true, test: { name: 'live', include: LIVE, testTimeout: 300_000, fileParallelism: false } },
      // Real DHCP clients and servers, mostly waiting: several situations at once, each on a network of its own.
      { extends: true, test: { name: 'peers', include: PEERS, testTimeout: 120_000, hookTimeout: 60_000, maxConcurrency: 8 } },
    ],
  },
});

export default config;
