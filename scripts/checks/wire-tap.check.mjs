// A TAP device with this host's kernel and dnsmasq behind it: the same facts from the same witnesses; and without the server, none.
import { existsSync } from 'node:fs';
import { CLI, done, equal, runCommand, testOs } from './support.mjs';

const TAP = ['--wire', 'tap'];
const reason =
  process.getuid?.() !== 0 ? 'it takes root' : existsSync('/dev/net/tun') ? undefined : 'this kernel has no /dev/net/tun';
if (reason !== undefined) {
  const { code, folder } = await testOs({ args: TAP });
  equal('exit code where it can’t be', code, 2);
  equal('run folder', folder, undefined);
  console.log(`- not checked: runs on the wire tap (${reason})`);
} else {
  const strict = await testOs({ args: TAP, env: { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' } });
  equal('exit code of the strict gate', strict.code, 0);
  equal('the wire that the verdict names', strict.verdict.wire, 'tap');
  equal('dnsmasq is among the versions', typeof strict.verdict.versions.dnsmasq, 'string');
  equal('troubles', strict.verdict.troubles, []);
  const unproven = strict.verdict.markers.filter(({ evidence }) => evidence !== 'proven').map(({ id }) => id);
  equal('unproven markers', unproven, ['netstackd-ready']);
  for (const kind of ['dhcp.leased', 'arp.resolved', 'icmp.echo-answered', 'dns.answered', 'tcp.echoed'])
    equal(
      `fact ${kind}`,
      strict.verdict.facts.some((fact) => fact.kind === kind),
      true,
    );
  equal('exit code of verify', (await runCommand(process.execPath, [CLI, 'verify', strict.folder])).code, 0);

  const without = await testOs({ args: [...TAP, '--no-dhcp-server'], env: { REQUIRE_QEMU_DHCP: '1' } });
  equal('exit code without DHCP', without.code, 1);
  equal('phase', without.verdict.failure.phase, 'dhcp');
  equal('cause', without.verdict.failure.cause, 'no-dhcp-offer');

  const fallback = await testOs({ args: [...TAP, '--no-dhcp-server', '--profile', 'dhcp-prefer'] });
  equal('exit code of the compatibility mode', fallback.code, 0);
  equal(
    'how the guest got its address',
    fallback.verdict.outcomes.map(({ marker }) => marker),
    ['dhcp-fallback'],
  );

  const { stdout } = await runCommand('ps', ['-eo', 'args']);
  const left = stdout.split('\n').filter((line) => line.includes('dnsmasq') && line.includes('nexus0'));
  equal('processes left', left, []);
}
done('the wire tap: the same facts with a real kernel at the other end');
