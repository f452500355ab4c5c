// A scripted console in place of QEMU reports a lease that was never on the wire.
import { cli } from '../../packages/smoke/dist/index.js';
import { LYING_GUEST } from './lying-guest.mjs';
import { done, equal, readRun, runsFolder } from './support.mjs';

const runs = runsFolder();
const code = await cli({
  arguments: ['test-os', '--guest', LYING_GUEST.name, '--json', '--runs', runs],
  environment: { REQUIRE_QEMU_DHCP: '1' },
  print: () => {},
  printError: console.error,
  guests: { [LYING_GUEST.name]: LYING_GUEST },
});
const { verdict } = readRun(runs);
equal('exit code', code, 3);
equal('outcome', verdict.outcome, 'failed');
equal('phase', verdict.failure.phase, 'dhcp');
equal('cause', verdict.failure.cause, 'unproven-marker');
equal('the marker that is not believed', verdict.failure.marker, 'net: dhcp bound 10.0.2.15/24 gw=10.0.2.2');
equal(
  'leases on the wire',
  verdict.facts.filter(({ kind }) => kind === 'dhcp.leased'),
  [],
);
done('lying guest: failed in phase dhcp, unproven-marker');
