// The server is taken away: a run that demands a lease has to fail in its phase, for that reason.
import { done, equal, testOs } from './support.mjs';

const { code, verdict } = await testOs({ args: ['--no-dhcp-server'], env: { REQUIRE_QEMU_DHCP: '1' } });
equal('exit code', code, 1);
equal('outcome', verdict.outcome, 'failed');
equal('phase', verdict.failure.phase, 'dhcp');
equal('cause', verdict.failure.cause, 'no-dhcp-offer');
equal('missing marker', verdict.failure.marker, 'net: dhcp bound {address}/{prefix} gw={gateway}');
equal(
  'what was on the wire',
  verdict.facts.some(({ kind }) => kind === 'dhcp.discovered'),
  true,
);
done('DHCP server off: failed in phase dhcp, no-dhcp-offer');
