// Of two real guests, what the proof needs is taken away: the key of the peer, a machine, and what a machine wrote. Each end has its number.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, equal, testOs2vm } from './support.mjs';

const wrongKey = await testOs2vm({ args: ['--fault', 'wrong-peer-key'] });
equal('exit code', wrongKey.code, 99);
equal('phase', wrongKey.verdict.failure.phase, 'session');
equal('cause', wrongKey.verdict.failure.cause, 'failure-marker');
equal('node', wrongKey.verdict.failure.node, 'b');
for (const node of ['a', 'b']) {
  const console = readFileSync(join(wrongKey.folder, `uart-${node}.log`), 'latin1');
  equal(`node ${node} says that there is a session`, console.includes('cross-vm session ok'), false);
}

const killed = await testOs2vm({ args: ['--kill', 'b@session'] });
// On a slow machine the session may stand before the harness knows that its phase has begun.
const { phase } = killed.verdict.failure;
equal('phase of its end', ['session', 'mux'].includes(phase), true);
equal('exit code of a machine that ended', killed.code, phase === 'session' ? 43 : 48);
equal('cause of its end', killed.verdict.failure.cause, 'guest-exit');
equal('node that ended', killed.verdict.failure.node, 'b');
done('two guests: wrong peer key and a machine that ended, each with its phase, cause and number');
