// Real guests that print a line of the contract and leave out what it speaks of.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contains, done, equal, testOs, testOs2vm } from './support.mjs';

const alone = await testOs({ args: ['--fault', 'forged-marker'], env: { REQUIRE_QEMU_DHCP: '1' } });
equal('exit code', alone.code, 3);
equal('phase', alone.verdict.failure.phase, 'listen');
equal('cause', alone.verdict.failure.cause, 'unproven-marker');
equal('the marker that is not believed', alone.verdict.failure.marker, 'SELFTEST: net tcp listen ok');
contains('the console', readFileSync(join(alone.folder, 'uart.log'), 'latin1'), 'SELFTEST: net tcp listen ok');
equal('markers that the wire backs', alone.verdict.markers.find(({ id }) => id === 'dhcp-bound').evidence, 'proven');

const pair = await testOs2vm({ args: ['--fault', 'forged-marker'] });
equal('exit code of two', pair.code, 3);
equal('phase of two', pair.verdict.failure.phase, 'remote');
equal('node', pair.verdict.failure.node, 'b');
equal('cause of two', pair.verdict.failure.cause, 'unproven-marker');
equal('the marker of two', pair.verdict.failure.marker, 'dsoftbusd: remote packagefs served');
done('forged marker: failed in phase listen, of two in phase remote, unproven-marker');
