// Two guests restored from one saved state: the network comes up after the restore, and what is drawn at random differs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, equal, testOs } from './support.mjs';

const runs = [];
for (const _ of [1, 2]) runs.push(await testOs({ args: ['--boot', 'restored'], env: { REQUIRE_QEMU_DHCP: '1' } }));
const drawn = runs.map(({ code, verdict, folder }) => {
  equal('exit code', code, 0);
  equal('outcome', verdict.outcome, 'passed');
  equal('restored, not booted', verdict.argv.includes('-incoming'), true);
  // The state holds nothing of the network: every fact is of frames that came after it was restored.
  const kinds = new Set(verdict.facts.map(({ kind }) => kind));
  for (const kind of ['dhcp.discovered', 'dhcp.leased', 'arp.resolved', 'tcp.echoed']) equal(kind, kinds.has(kind), true);
  const xid = verdict.facts.find(({ kind }) => kind === 'dhcp.leased').xid;
  const echo = verdict.facts.find(({ kind, asker }) => kind === 'icmp.echo-answered' && asker === '10.0.2.15').identifier;
  const dns = verdict.facts.find(({ kind }) => kind === 'dns.answered').id;
  return { xid, echo, dns, console: readFileSync(join(folder, 'uart.log'), 'latin1') };
});
const [first, second] = drawn;
equal('the transaction id of DHCP is another', first.xid !== second.xid, true);
equal('so are the identifiers of echo and DNS', first.echo !== second.echo || first.dns !== second.dns, true);
done('restored twice: each brings its network up anew, with ids of its own');
