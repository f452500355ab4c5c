import { ipv4 } from '@nexus-net/sansio';
import { CAPABILITIES } from '@nexus-net/verdict';
import { describe, expect, test } from 'vitest';
import { type Environment, Refusal, readRequest, U_BOOT } from '../src/index.js';

const read = (environment: Environment): ReturnType<typeof readRequest> =>
  readRequest(environment, { guest: U_BOOT, dhcpServer: true });

describe('what the environment asks for', () => {
  test.each<[Environment, object]>([
    [{}, { profile: { name: 'smoke' }, until: { type: 'satisfied' }, runMs: 90_000, environment: {} }],
    [{ REQUIRE_QEMU_DHCP: '' }, { profile: { name: 'smoke' } }],
    [{ REQUIRE_QEMU_DHCP: '0' }, { profile: { name: 'smoke' } }],
    [{ REQUIRE_QEMU_DHCP: '1' }, { profile: { name: 'dhcp-lease' }, environment: { REQUIRE_QEMU_DHCP: '1' } }],
    [{ RUN_UNTIL_MARKER: '1' }, { until: { type: 'satisfied' } }],
    [{ RUN_UNTIL_MARKER: 'net: smoltcp iface up' }, { until: { type: 'marker', marker: 'iface-up' } }],
    [{ RUN_UNTIL_MARKER: 'net: smoltcp iface up {address}' }, { until: { type: 'marker', marker: 'iface-up', values: {} } }],
    [
      { RUN_UNTIL_MARKER: 'net: smoltcp iface up 10.0.2.15' },
      { until: { type: 'marker', marker: 'iface-up', values: { address: ipv4(10, 0, 2, 15) } } },
    ],
    [{ RUN_PHASE: 'link' }, { until: { type: 'phase', phase: 'link' } }],
    [{ RUN_TIMEOUT: '45' }, { runMs: 45_000 }],
    [{ RUN_TIMEOUT: '1.5s' }, { runMs: 1_500 }],
    [{ RUN_TIMEOUT: '2m' }, { runMs: 120_000 }],
    [{ RUN_TIMEOUT: '0' }, { runMs: Number.POSITIVE_INFINITY }],
    [{ HOME: '/', RUNNER_OS: 'Linux', RUN_ID: '7' }, { environment: {} }],
  ])('%o', (environment, expected) => {
    expect(read(environment)).toMatchObject(expected);
  });
});

describe('a guest that can do all of a gate', () => {
  const able = { ...U_BOOT, name: 'able', capabilities: new Set(CAPABILITIES), lanes: {} };
  const profileOf = (environment: Environment, profile?: string): string =>
    readRequest(environment, { guest: able, dhcpServer: true, ...(profile !== undefined && { profile }) }).profile.name;

  test('gets the gate’s own profile', () => {
    expect(profileOf({ REQUIRE_QEMU_DHCP: '1' })).toBe('dhcp');
    expect(profileOf({ REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' })).toBe('dhcp-strict');
    expect(profileOf({}, 'dhcp-prefer')).toBe('dhcp-prefer');
  });

  test('a profile by name and a gate contradict each other', () => {
    expect(() => profileOf({ REQUIRE_QEMU_DHCP: '1' }, 'smoke')).toThrow(
      'REQUIRE_QEMU_DHCP=1 and --profile smoke both say what is demanded: set one of them.',
    );
  });

  test('an unknown profile is refused with those that there are', () => {
    expect(() => profileOf({}, 'nobody')).toThrow(/^There is no profile "nobody": smoke, dhcp-lease, dhcp/);
  });
});

describe('what is refused, in one sentence', () => {
  test.each<[Environment, RegExp]>([
    [{ REQUIRE_QEMU_DHCP: '2' }, /REQUIRE_QEMU_DHCP is 1 or 0, not ‘2’/],
    [{ REQUIRE_DSOFTBUS: '1' }, /REQUIRE_DSOFTBUS=1 needs a guest with the capability ‘dsoftbus’, and u-boot has/],
    [{ REQUIRE_QEMU_DHCP_STRICT: '1' }, /goes with REQUIRE_QEMU_DHCP=1/],
    [
      { REQUIRE_QEMU_DHCP: '1', REQUIRE_QEMU_DHCP_STRICT: '1' },
      /REQUIRE_QEMU_DHCP_STRICT=1 needs a guest with the capability ‘dns’, and u-boot has/,
    ],
    [{ REQUIRE_SUPPLY_CHAIN: '1' }, /REQUIRE_SUPPLY_CHAIN is set, and nothing here reads it/],
    [{ RUN_UNTIL_MARKER: 'SELFTEST: net ping ok' }, /neither 1 nor a marker of the profile smoke/],
    [{ RUN_UNTIL_MARKER: '0' }, /neither 1 nor a marker/],
    [{ RUN_PHASE: 'vfs' }, /no phase of the profile smoke: boot, link, iface/],
    [{ RUN_PHASE: 'link', RUN_UNTIL_MARKER: 'net: virtio-net up' }, /set one of them/],
    [{ RUN_TIMEOUT: '-1' }, /RUN_TIMEOUT ‘-1’ is no time/],
    [{ RUN_OS2VM: '1' }, /RUN_OS2VM is set/],
  ])('%o', (environment, sentence) => {
    expect(() => read(environment)).toThrow(Refusal);
    expect(() => read(environment)).toThrow(sentence);
  });
});
