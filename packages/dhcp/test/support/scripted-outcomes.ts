import { formatIpv4, type Ipv4Prefix, type Millis, NEVER, prefixLength, prefixNetwork } from '@nexus-net/sansio';
import { type ClientReject, type DhcpClientConfig, type DhcpLease, decodeOption, optionValue } from '../../src/index.js';
import type { ScriptedRun } from './scripted-replies.js';

/** `undefined` where the client did what it has to, else what it did instead. */
export type ScriptedCheck = (run: ScriptedRun) => string | undefined;

export interface ScriptedOutcome {
  /** Default: the client's own defaults. */
  readonly config?: Partial<DhcpClientConfig>;
  /** How long the client is watched. Default 150 s. */
  readonly horizonMs?: Millis;
  readonly check: ScriptedCheck;
}

/** A lease in words, for comparison. Times in seconds. */
interface LeaseText {
  readonly address: string;
  readonly leaseS: number;
  readonly renewS: number;
  readonly rebindS: number;
  readonly server: string;
  readonly routes: readonly string[];
  readonly dns: readonly string[];
  readonly domain: string | undefined;
  readonly mtu: number | undefined;
}

const GOOD: LeaseText = {
  address: '10.77.0.100/24',
  leaseS: 3600,
  renewS: 1800,
  rebindS: 3150,
  server: '10.77.0.1',
  routes: ['0.0.0.0/0 10.77.0.1'],
  dns: [],
  domain: undefined,
  mtu: undefined,
};

/** A lease time with T1 and T2 at their defaults (RFC 2131 §4.4.5). */
function leaseOf(leaseS: number): Partial<LeaseText> {
  return { leaseS, renewS: leaseS * 0.5, rebindS: leaseS * 0.875 };
}

function textOf(lease: DhcpLease): LeaseText {
  const route = (prefix: Ipv4Prefix): string => `${formatIpv4(prefixNetwork(prefix))}/${prefixLength(prefix)}`;
  return {
    address: `${formatIpv4(lease.address)}/${lease.prefixLength}`,
    leaseS: lease.leaseMs / 1000,
    renewS: lease.renewMs / 1000,
    rebindS: lease.rebindMs / 1000,
    server: formatIpv4(lease.server),
    routes: lease.routes.map(({ prefix, router }) => `${route(prefix)} ${formatIpv4(router)}`),
    dns: lease.dnsServers.map(formatIpv4),
    domain: lease.domainName,
    mtu: lease.mtu,
  };
}

/** The first lease is this one, and the client got it with one DISCOVER and one REQUEST. */
function binds(different: Partial<LeaseText> = {}, more: ScriptedCheck = () => undefined): ScriptedOutcome[] {
  return [{ check: all(firstLease(different), sentFirst('discover', 'request'), more) }];
}

function firstLease(different: Partial<LeaseText>): ScriptedCheck {
  return ({ leases: [lease] }) => {
    if (lease === undefined) return 'never bound';
    const [got, wanted] = [JSON.stringify(textOf(lease)), JSON.stringify({ ...GOOD, ...different })];
    return got === wanted ? undefined : `bound to ${got}, expected ${wanted}`;
  };
}

function sentFirst(...types: string[]): ScriptedCheck {
  return ({ lab }) => {
    const sent = lab.sent.slice(0, types.length).map(({ type }) => type);
    return sent.join() === types.join() ? undefined : `sent ${sent.join(', ')}`;
  };
}

function all(...checks: readonly ScriptedCheck[]): ScriptedCheck {
  return (run) => checks.map((check) => check(run)).find((problem) => problem !== undefined);
}

/** The offer counts for nothing: the client goes on with DISCOVER, for ever, at the pace of §4.1. */
function dropsOffer(label?: ClientReject, config: Partial<DhcpClientConfig> = {}): ScriptedOutcome[] {
  return [{ config, check: all(never('request'), never('decline'), noLease, stays('selecting'), rejects(label)) }];
}

/** The offer is taken, the ACK is not. */
function dropsAck(label: ClientReject): ScriptedOutcome[] {
  return [{ check: all(noLease, rejects(label), ({ lab }) => (lab.sent.some(is('request')) ? undefined : 'never requested')) }];
}

/** The transport keeps the frame back. */
function notDelivered(): ScriptedOutcome[] {
  const check = all(never('request'), noLease, ({ lab }) => {
    const got = lab.eventsOf('rejected').length;
    return got === 0 ? undefined : `${got} datagrams reached the client`;
  });
  return [{ check }];
}

function noLease({ leases: [lease] }: ScriptedRun): string | undefined {
  return lease === undefined ? undefined : `bound to ${JSON.stringify(textOf(lease))}`;
}

function is(type: string): (sent: { readonly type: string }) => boolean {
  return (sent) => sent.type === type;
}

function never(type: string): ScriptedCheck {
  return ({ lab }) => (lab.sent.some(is(type)) ? `sent ${type}` : undefined);
}

function stays(state: string): ScriptedCheck {
  return ({ lab }) => (lab.state === state ? undefined : `ends in ${lab.state}`);
}

function rejects(label: ClientReject | undefined): ScriptedCheck {
  return ({ lab }) => {
    const labels = [...new Set(lab.eventsOf('rejected').map((event) => event.label))];
    if (label === undefined || labels.includes(label)) return undefined;
    return `rejects ${labels.join(', ') || 'nothing'}, expected ${label}`;
  };
}

function count(type: string, wanted: number): ScriptedCheck {
  return ({ lab }) => {
    const got = lab.sent.filter(is(type)).length;
    return got === wanted ? undefined : `${got} messages ${type}, expected ${wanted}`;
  };
}

/** An option of the first lease as its typed value; `undefined` for one that counts as absent. */
function typed(name: 'domainSearch' | 'hostName', code: number, wanted: unknown): ScriptedCheck {
  return ({ leases: [lease] }) => {
    const octets = lease?.options.find((option) => option.code === code)?.value;
    if (octets === undefined) return `option ${code} is not kept`;
    const decoded = decodeOption(name, octets);
    const got = JSON.stringify(decoded.ok ? decoded.value : undefined);
    return got === JSON.stringify(wanted) ? undefined : `option ${code} is ${got}`;
  };
}

/** Seconds between messages of that type, each within a second of what is wanted. */
function paced(type: string, wanted: readonly number[]): ScriptedCheck {
  return ({ lab }) => {
    const times = lab.sent.filter(is(type)).map(({ at }) => at / 1000);
    const gaps = times.slice(1, wanted.length + 1).map((at, i) => at - (times[i] as number));
    const fits = gaps.length === wanted.length && gaps.every((gap, i) => Math.abs(gap - (wanted[i] as number)) <= 1);
    return fits ? undefined : `${type} after ${gaps.join(', ')} s, expected ${wanted.join(', ')} s`;
  };
}

/** Requests of every sort, to the second, in the first minute. */
function requestsAtMost(countMax: number, withinS: number): ScriptedCheck {
  return ({ lab }) => {
    const got = lab.sent.filter(({ at }) => at < withinS * 1000).length;
    return got <= countMax ? undefined : `${got} messages within ${withinS} s, at most ${countMax} expected`;
  };
}

/** Seven DISCOVERs without an answer, eight waits after a NAK, or the wait of a client that can do without IPv4. */
const LONG_MS: Millis = 450_000;
const NO_OPTION_3 = ['10.88.0.0/16 10.77.0.254'];

/**
 * What the catalogue of situations requires of the client for each scripted server. Where it leaves a choice, the choice is
 * that of the README's table of decisions.
 */
export const SCRIPTED_OUTCOMES: Readonly<Record<string, readonly ScriptedOutcome[]>> = {
  plain: binds(),
  'lease-infinite': binds({ leaseS: NEVER, renewS: NEVER, rebindS: NEVER }, ({ nextTimeout }) =>
    nextTimeout === NEVER ? undefined : `a deadline at ${nextTimeout} ms`,
  ),
  'lease-zero': dropsOffer('zero-lease-time'),
  'lease-two-noT': binds(leaseOf(2), requestsAtMost(20, 14)),
  'lease-missing': dropsOffer('no-lease-time'),
  'lease-missing-in-offer-only': dropsOffer('no-lease-time'),
  't1-gt-t2': binds(leaseOf(40)),
  't1-eq-t2': binds(leaseOf(40)),
  't2-gt-lease': binds(leaseOf(20)),
  't1-t2-zero': binds(leaseOf(40), requestsAtMost(4, 30)),
  't1-only': binds({ leaseS: 40, renewS: 8, rebindS: 35 }),
  't2-only': binds({ leaseS: 40, renewS: 15, rebindS: 15 }),
  'lease-0x7fffffff': binds(leaseOf(0x7fffffff)),
  'lease-0x80000000': binds(leaseOf(0x80000000)),
  'mask-missing': [
    ...dropsOffer('no-subnet-mask'),
    { config: { missingMask: 'classful' }, check: firstLease({ address: '10.77.0.100/8' }) },
    { config: { missingMask: 'host' }, check: firstLease({ address: '10.77.0.100/32' }) },
  ],
  'mask-zero': dropsOffer('no-subnet-mask'),
  'mask-32': binds({ address: '10.77.0.100/32' }),
  'mask-31': binds({ address: '10.77.0.100/31' }),
  'mask-len3': dropsOffer('no-subnet-mask'),
  'router-missing': binds({ routes: [] }),
  'router-len5': binds({ routes: [] }),
  'yiaddr-zero': dropsOffer('bad-address'),
  'yiaddr-broadcast': dropsOffer('bad-address'),
  'yiaddr-multicast': dropsOffer('bad-address'),
  'yiaddr-loopback': dropsOffer('bad-address'),
  'yiaddr-subnet-broadcast': dropsOffer('address-not-a-host'),
  'yiaddr-is-server': dropsOffer('address-of-server'),
  'ack-other-yiaddr': binds({ address: '10.77.0.150/24' }),
  'sid-missing': dropsOffer('no-server-id'),
  'sid-missing-in-ack': dropsAck('no-server-id'),
  'sid-zero': dropsOffer('bad-server-id'),
  'wrong-xid': dropsOffer('wrong-xid'),
  'wrong-chaddr': dropsOffer('wrong-chaddr'),
  'chaddr-padding-garbage': binds(),
  'hlen-0': dropsOffer('wrong-hlen'),
  'hlen-16': dropsOffer('wrong-hlen'),
  'op-request': dropsOffer('not-a-reply'),
  'bad-cookie': dropsOffer('bad-cookie'),
  'no-msgtype': dropsOffer('no-message-type'),
  'msgtype-last': binds(),
  'no-end': binds(),
  'no-end-padded': binds(),
  'garbage-after-end': binds(),
  'trunc-last-option': binds(),
  'trunc-code-only': binds(),
  'zero-len-unknown': binds({}, ({ leases: [lease] }) => {
    const kept = lease?.options.filter(({ code, value }) => code >= 224 && value.length === 0).map(({ code }) => code);
    return kept?.join() === '224,225' ? undefined : `kept are ${kept}`;
  }),
  'dup-lease-time': dropsOffer('no-lease-time'),
  'dup-dns-concat': binds({ dns: ['10.77.0.1', '10.77.0.2'] }),
  'long-121-split255': [
    {
      check: ({ leases: [lease] }) => {
        const routes = lease === undefined ? [] : textOf(lease).routes;
        const wanted = Array.from({ length: 48 }, (_, i) => `10.${Math.floor(i / 24)}.${i % 24}.0/24 10.77.0.254`);
        return routes.join() === wanted.join() ? undefined : `${routes.length} routes: ${routes.join()}`;
      },
    },
  ],
  '121-default-and-router': binds({ routes: ['0.0.0.0/0 10.77.0.1', ...NO_OPTION_3] }),
  '121-no-default-and-router': binds({ routes: NO_OPTION_3 }),
  '121-malformed-prefix33': binds(),
  '121-gw-zero-onlink': binds({ routes: ['10.90.0.0/24 0.0.0.0', '0.0.0.0/0 10.77.0.1'] }),
  '249-only': binds({ routes: NO_OPTION_3 }),
  'overload-file': binds({ domain: 'file.example' }),
  'overload-both': binds(),
  'overload-both-split-across': binds({ domain: 'aaabbbccc' }),
  'overload-noend-file': binds(),
  'overload-value-0': binds(),
  'overload-value-7': dropsOffer('bad-overload-value'),
  'overload-len0': binds(),
  '119-compressed': binds({}, typed('domainSearch', 119, ['lab.example', 'corp.lab.example'])),
  '119-loop': binds({}, typed('domainSearch', 119, undefined)),
  '119-forward-ptr': binds({}, typed('domainSearch', 119, undefined)),
  '15-nul-terminated': binds({ domain: 'lab.example' }, ({ leases: [lease] }) => {
    const raw = lease?.options.find(({ code }) => code === 15)?.value;
    return raw?.at(-1) === 0 ? undefined : 'the octets of the option are changed';
  }),
  '12-evil-shell': binds({ domain: undefined }, typed('hostName', 12, undefined)),
  'bad-udp-csum': notDelivered(),
  'zero-udp-csum': binds(),
  'bad-ip-csum': notDelivered(),
  'ip-options': binds(),
  'vlan0-tagged': binds(),
  'sport-1067': binds(),
  'eth-trailer': binds(),
  'always-broadcast': binds(),
  'wrong-dst-ip-right-mac': binds(),
  'min-length-no-pad': binds({ routes: [] }),
  'bootp-pad-548': binds(),
  'nak-request': [
    {
      horizonMs: LONG_MS,
      check: all(noLease, paced('discover', [1, 2, 4, 8, 16, 32, 64, 128]), ({ lab }) =>
        checkRefusals(lab.eventsOf('refused').length),
      ),
    },
  ],
  'nak-once-then-ok': [{ check: all(firstLease({}), sentFirst('discover', 'request', 'discover', 'request')) }],
  'nak-from-other-server-then-ack': binds({}, all(rejects('stranger-nak'), count('request', 1))),
  'nak-to-discover': [{ check: all(rejects('unexpected-type'), sentFirst('discover', 'discover', 'request'), firstLease({})) }],
  'ack-to-discover-no-rapid': dropsOffer('no-rapid-commit'),
  'ack-to-discover-rapid80': [
    ...dropsOffer('no-rapid-commit'),
    { config: { rapidCommit: true }, check: all(firstLease({}), never('request')) },
  ],
  'offer-without-mask-then-good': [
    {
      check: all(noLease, rejects('no-subnet-mask'), rejects('wrong-server'), ({ lab }) => {
        const requests = lab.sent.filter(is('request')).map(({ message }) => {
          return [50, 54].map((code) => optionValue(message.options, code)?.join('.')).join(' ');
        });
        return new Set(requests).size === 1 && requests[0] === '10.77.0.120 10.77.0.2' ? undefined : `asks for ${requests[0]}`;
      }),
    },
  ],
  'silent-discover': [{ horizonMs: LONG_MS, check: all(noLease, paced('discover', [4, 8, 16, 32, 64, 64, 64])) }],
  'silent-request': [
    {
      check: all(noLease, paced('request', [4, 8, 16, 32]), ({ lab }) => {
        return lab.eventsOf('gave-up').length > 0 ? undefined : 'nobody is told';
      }),
    },
  ],
  'dup-acks': binds({}, ({ leases }) => (leases.length === 1 ? undefined : `bound ${leases.length} times`)),
  'dup-offers': binds({}, count('request', 1)),
  'forcerenew-unauth': binds({}, all(rejects('force-renew-unauthenticated'), count('request', 1), stays('bound'))),
  'renew-new-address': [
    {
      check: all(firstLease({ ...SHORT(), address: '10.77.0.100/24' }), ({ lab, leases }) => {
        const unbound = lab.eventsOf('unbound').map(({ reason, address }) => `${reason} ${formatIpv4(address)}`);
        const second = leases[1] === undefined ? 'none' : textOf(leases[1]).address;
        return unbound[0] === 'address-changed 10.77.0.100' && second === '10.77.0.180/24'
          ? undefined
          : `${unbound}; then ${second}`;
      }),
    },
  ],
  'renew-new-mask-router': [
    {
      check: all(firstLease(SHORT()), ({ lab }) => {
        const changes = lab.eventsOf('bound')[1]?.changes.join();
        return changes === 'prefix,routes' ? undefined : `told of changes: ${changes}`;
      }),
    },
  ],
  'renew-other-server-answers': [
    {
      check: all(firstLease(SHORT()), rejects('wrong-server'), ({ lab, leases }) => {
        const cause = lab.eventsOf('bound')[1]?.cause;
        const server = leases[1] === undefined ? 'none' : formatIpv4(leases[1].server);
        return cause === 'rebound' && server === '10.77.0.2' ? undefined : `${cause} by ${server}`;
      }),
    },
  ],
  'v6only-108-60': [...binds(), { config: { ipv6OnlyPreferred: true }, horizonMs: LONG_MS, check: waitsForIpv6(300) }],
  'v6only-108-400': [...binds(), { config: { ipv6OnlyPreferred: true }, horizonMs: LONG_MS, check: waitsForIpv6(400) }],
  'autoconf-116-doauto0': dropsOffer('bad-address'),
  '61-echoed-other': dropsOffer('wrong-client-id'),
  '61-echoed-same': binds(),
  'mtu-67': binds({ mtu: undefined }),
  'flags-reply-garbage': binds(),
  'ack-lease-shorter-than-offer': binds(leaseOf(15)),
};

/** The lease of the servers that are asked for renewal. */
function SHORT(): Partial<LeaseText> {
  return { leaseS: 20, renewS: 5, rebindS: 10 };
}

function checkRefusals(refused: number): string | undefined {
  return refused >= 8 && refused <= 10 ? undefined : `${refused} times refused within the run`;
}

function waitsForIpv6(seconds: number): ScriptedCheck {
  return all(noLease, never('request'), paced('discover', [seconds]));
}
