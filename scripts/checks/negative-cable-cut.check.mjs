// The cable of a real guest is pulled: what it says of itself is not believed, in the phase in which the wire stays dark.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contains, done, equal, testOs, testOs2vm } from './support.mjs';

const alone = await testOs({ args: ['--cut', 'boot'], env: { REQUIRE_QEMU_DHCP: '1' } });
equal('exit code', alone.code, 3);
equal('phase', alone.verdict.failure.phase, 'link');
equal('cause', alone.verdict.failure.cause, 'unproven-marker');
equal('the marker that is not believed', alone.verdict.failure.marker, 'net: virtio-net up');
equal('what was done to the run', alone.verdict.faults, { cut: { node: 'guest', from: { type: 'phase', phase: 'boot' } } });
contains('the console', readFileSync(join(alone.folder, 'uart.log'), 'latin1'), 'net: virtio-net up');

const pair = await testOs2vm({ args: ['--cut', 'b@boot'] });
equal('exit code of two', pair.code, 3);
equal('phase of two', pair.verdict.failure.phase, 'iface');
equal('node', pair.verdict.failure.node, 'b');
equal('cause of two', pair.verdict.failure.cause, 'unproven-marker');
equal('the marker of two', pair.verdict.failure.marker, 'net: smoltcp iface up 10.42.0.11');
equal(
  'sessions on the wire',
  pair.verdict.facts.filter(({ kind }) => kind === 'dsoftbus.session-opened'),
  [],
);
done('cable cut: failed in phase link, of two in phase iface, unproven-marker');
