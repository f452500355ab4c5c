// The compatibility mode of ADR-0025: without a DHCP server the profile dhcp-prefer passes under 10.0.2.15/24, and the verdict says so.
import { done, equal, testOs } from './support.mjs';

const { code, verdict } = await testOs({ args: ['--no-dhcp-server', '--profile', 'dhcp-prefer'] });
equal('exit code', code, 0);
equal('outcome', verdict.outcome, 'passed');
equal(
  'how the guest got its address',
  verdict.outcomes.map(({ group, marker }) => [group, marker]),
  [['address', 'dhcp-fallback']],
);
equal(
  'the note of the verdict',
  verdict.notes.some((note) => note.includes('no proof that DHCP works')),
  true,
);
const lines = verdict.markers.map(({ line }) => line);
equal('the fallback', lines.includes('net: dhcp unavailable (fallback static 10.0.2.15/24)'), true);
equal('the interface', lines.includes('net: smoltcp iface up 10.0.2.15'), true);
const kinds = new Set(verdict.facts.map(({ kind }) => kind));
equal('leases', kinds.has('dhcp.leased'), false);
for (const kind of ['dhcp.discovered', 'arp.resolved', 'icmp.echo-answered']) equal(kind, kinds.has(kind), true);
done('no DHCP server and dhcp-prefer: passed with the static fallback, and the verdict says so');
