// The peer has another key than the one that is pinned: no session, and no marker that speaks of one.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, equal, testOs } from './support.mjs';

const { code, verdict, folder } = await testOs({ args: ['--fault', 'wrong-peer-key'], env: { REQUIRE_DSOFTBUS: '1' } });
equal('exit code', code, 1);
equal('phase', verdict.failure.phase, 'session');
equal('cause', verdict.failure.cause, 'failure-marker');
equal('missing marker', verdict.failure.marker, 'dsoftbusd: identity bound peer=node-b');
const console = readFileSync(join(folder, 'uart.log'), 'latin1');
for (const line of [
  'dsoftbusd: identity bound',
  'dsoftbusd: dual-node session ok',
  'dsoftbusd: auth ok',
  'SELFTEST: dsoftbus os connect ok',
]) {
  equal(`the console says ‘${line}’`, console.includes(line), false);
}
done('wrong peer key: failed in phase session, failure-marker');
