import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Packages import each other by name; this condition resolves the name to its sources, so tests need no build. */
const conditions = ['@nexus-net/source'];

const report = process.env['NEXUS_REPORT'];

const LIVE = ['packages/*/test/**/*.live.test.ts'];
const LONG = ['packages/*/test/**/*.long.test.ts'];

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // The CI script counts tests; NEXUS_REPORT names the file for its counts.
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    pool: 'threads',
    setupFiles: ['packages/sansio/test/support/seed.ts'],
    isolate: false, // machines share no state, so tests need no fresh module graph: it saves most of the start-up
    projects: [
      {
        extends: true,
        test: { name: 'host', include: ['test/**/*.test.ts', 'packages/*/test/**/*.test.ts'], exclude: [...LIVE, ...LONG] },
      },
      { extends: true, test: { name: 'long', include: LONG, testTimeout: 3_600_000 } },
      { extends: true, test: { name: 'live', include: LIVE, testTimeout: 300_000, fileParallelism: false } },
    ],
  },
});

export default config;
