import { ipv4 } from '@nexus-net/sansio';
import { type ConsoleRule, type MarkerReading, type PhaseName, readLine, SMOKE } from '@nexus-net/verdict';
import { describe, expect, test, vi } from 'vitest';
import { PacedTyping } from '../src/guests/paced-typing.js';
import { type Environment, GUEST_PLACE, GUESTS, type GuestDefinition, IPXE, LINUX, readRequest } from '../src/index.js';

const SEED = new Uint8Array(32);

/** What is typed on the guest's console, line by line. */
function typed(guest: GuestDefinition, environment: Environment, profile?: string): readonly string[] {
  const request = readRequest(environment, { guest, dhcpServer: true, ...(profile !== undefined && { profile }) });
  return guest.script(request.profile, GUEST_PLACE, SEED).map(({ type }) => type.trimEnd());
}

function reading(guest: GuestDefinition, line: string, phase?: PhaseName): MarkerReading | undefined {
  return readLine(line, { catalogue: SMOKE.catalogue, rules: guest.rules(GUEST_PLACE), phase });
}

const ADDRESS = ipv4(10, 0, 2, 15);
const LEASE = { address: ADDRESS, prefixLength: 24, gateway: ipv4(10, 0, 2, 2) };
const SUMMARY = '1 packets transmitted, 1 packets received, 0% packet loss';

describe('linux', () => {
  test.each<[string, PhaseName | undefined, string, MarkerReading['values']]>([
    ['linux> ip link set eth0 up; until', undefined, 'netstackd-ready', {}],
    ['2: eth0: <NO-CARRIER,BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel qlen 1000', undefined, 'virtio-net-up', {}],
    ['lease: 10.0.2.15/24 gw=10.0.2.2', undefined, 'dhcp-bound', LEASE],
    ['lease: none, static 10.0.2.15/24', undefined, 'dhcp-fallback', { address: ADDRESS, prefixLength: 24 }],
    ['    inet 10.0.2.15/24 scope global eth0', undefined, 'iface-up', { address: ADDRESS }],
    [SUMMARY, 'ping', 'net-ping-ok', {}],
    ['Address: 127.0.0.1', undefined, 'net-dns-ok', {}],
    ['nc: served a connection to port 41000', undefined, 'tcp-listen-ok', {}],
    [SUMMARY, 'icmp', 'icmp-ping-ok', {}],
  ])('%s', (line, phase, id, values) => {
    expect(reading(LINUX, line, phase)).toEqual({ id, origin: 'mapped', values });
  });

  test.each([
    '2: eth0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc fq_codel qlen 1000',
    'lease: 10.0.2.15/24 gw=10.0.2.2 and more',
    'lease: none, static 10.0.2.16/24',
    '    inet 10.0.2.15/24 scope host lo',
    SUMMARY,
    '1 packets transmitted, 0 packets received, 100% packet loss',
    'Address: 10.0.2.3:53',
    ' nc: served a connection to port 41000',
  ])('says nothing with: %s', (line) => {
    expect(reading(LINUX, line, 'iface')).toBeUndefined();
  });

  test('a profile decides which programs run', () => {
    const [up, isStatic, ping, show] = typed(LINUX, {}) as [string, string, string, string];
    expect([isStatic, ping, show]).toEqual([
      'ip address add 10.0.2.15/24 dev eth0 && ip route add default via 10.0.2.2',
      'ping -c 1 -W 3 10.0.2.2',
      'ip -4 address show dev eth0',
    ]);
    const dhcp = { REQUIRE_QEMU_DHCP: '1' };
    const whole = [
      up,
      'udhcpc -i eth0 -n -q -t 5 -T 1 -s /bin/lease',
      ping,
      show,
      ping,
      'nslookup -type=a localhost',
      'nc -l -p 41000 -e cat && echo "nc: served a connection to port 41000"',
    ];
    expect(typed(LINUX, dhcp)).toEqual(whole);
    expect(typed(LINUX, { ...dhcp, REQUIRE_QEMU_DHCP_STRICT: '1' })).toEqual([...whole, ping]);
  });

  test('a profile that is content with the static address gets it after the lease failed', () => {
    expect(typed(LINUX, {}, 'dhcp-prefer')[1]).toMatch(
      /^udhcpc .* \|\| \{ ip address add 10\.0\.2\.15\/24 .*static 10\.0\.2\.15\/24"; \}$/,
    );
  });
});

describe('ipxe', () => {
  test.each<[string, PhaseName | undefined, string, MarkerReading['values']]>([
    ['iPXE> ifopen', undefined, 'netstackd-ready', {}],
    ['  [Link:up, TX:0 TXE:0 RX:2 RXE:0]', undefined, 'virtio-net-up', {}],
    ['net0.dhcp/ip:ipv4 = 10.0.2.15', undefined, 'dhcp-bound', { address: ADDRESS }],
    ['net0: 10.0.2.15/255.255.255.0 gw 10.0.2.2', undefined, 'iface-reached', { address: ADDRESS }],
    ['http://gw.test/file... ok', undefined, 'net-dns-ok', {}],
    ['http://10.0.2.2/file... ok', 'fetch', 'http-fetched', {}],
  ])('%s', (line, phase, id, values) => {
    expect(reading(IPXE, line, phase)).toEqual({ id, origin: 'mapped', values });
  });

  test.each([
    '  [Link:down, TX:0 TXE:0 RX:0 RXE:0]',
    'http://10.0.2.2/file... ok',
    'http://gw.test/file... Connection timed out (http://ipxe.org/4c116035)',
    'iPXE> http://gw.test/file... ok',
    'net0: fe80::5054:ff:fe12:3456/64',
  ])('says nothing of a fetch, and no address, with: %s', (line) => {
    expect(['net-dns-ok', 'http-fetched', 'iface-reached', 'virtio-net-up']).not.toContain(reading(IPXE, line, 'iface')?.id);
  });

  test('is told an address, or asks for one, then fetches', () => {
    const fetches = ['imgfetch http://10.0.2.2/file', 'route', 'imgfetch http://gw.test/file', 'imgfetch http://10.0.2.2/file'];
    const settings = ['set net0/ip 10.0.2.15', 'set net0/netmask 255.255.255.0', 'set net0/gateway 10.0.2.2', 'set dns 10.0.2.3'];
    const start = ['\x02', 'ifopen', 'ifstat'];
    expect(typed(IPXE, {})).toEqual([...start, ...settings, ...fetches]);
    expect(typed(IPXE, { REQUIRE_QEMU_DHCP: '1' })).toEqual([...start, 'dhcp', 'show ip', ...fetches]);
  });
});

describe('a console that is slow to read', () => {
  test('gets an octet when it has answered to the one before, or when it says nothing for a while', () => {
    vi.useFakeTimers();
    try {
      let said = '';
      const typing = new PacedTyping((bytes) => (said += String.fromCharCode(...bytes)), { answerMs: 100 });
      typing.answered();
      typing.type(Uint8Array.from([0x61, 0x62]));
      typing.type(Uint8Array.from([0x63]));
      expect(said).toBe('a');
      typing.answered();
      expect(said).toBe('ab');
      vi.advanceTimersByTime(99);
      expect(said).toBe('ab');
      vi.advanceTimersByTime(1);
      expect(said).toBe('abc');
      vi.advanceTimersByTime(100);
      typing.type(Uint8Array.from([0x64, 0x65]));
      typing.stop();
      typing.answered();
      vi.advanceTimersByTime(1_000);
      expect(said).toBe('abcd');
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

/** What somebody types in front of a line, or behind it, must not make it another one. */
test.each(Object.values(GUESTS).map((guest) => [guest.name, guest.rules(GUEST_PLACE)] as const))(
  'every rule of %s holds on to the beginning of its line',
  (_name, rules: readonly ConsoleRule[]) => {
    expect(rules.filter(({ pattern }) => !pattern.source.startsWith('^')).map(({ pattern }) => pattern.source)).toEqual([]);
  },
);
