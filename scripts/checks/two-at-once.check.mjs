// Two runs at once, each with its own wire, process and folder: both pass, and one's frames are not in the other's capture.
import { done, equal, testOs } from './support.mjs';

const results = await Promise.all([testOs({ env: { REQUIRE_QEMU_DHCP: '1' } }), testOs()]);
for (const { code, verdict } of results) {
  equal('exit code', code, 0);
  equal('outcome', verdict.outcome, 'passed');
}
const leases = results.map(({ verdict }) => verdict.facts.filter(({ kind }) => kind === 'dhcp.leased').length);
equal('leases in each', leases, [1, 1]); // each guest asks its own server
done('two runs at once both pass');
