import { BlockList } from 'node:net';
import fc from 'fast-check';
import {
  formatIpv4,
  formatPrefix,
  type Ipv4Address,
  type Ipv4Prefix,
  ipv4FromU32,
  maskLength,
  prefixBroadcast,
  prefixContains,
  prefixLength,
  prefixMask,
  prefixNetwork,
  prefixOf,
  tryParsePrefix,
} from '../src/index.js';
import { ipv4Address } from './support/arbitraries.js';
import { property } from './support/law.js';

const length = fc.integer({ min: 0, max: 32 });
const prefix = fc.tuple(ipv4Address, length).map(([address, bits]) => prefixOf(address, bits));

property('parse(format(prefix)) = prefix', {
  law: (parse: typeof tryParsePrefix) => fc.property(prefix, (value) => parse(formatPrefix(value)) === value),
  real: tryParsePrefix,
  planted: {
    'one-digit lengths only': (text) => (/\/\d$/.test(text) ? tryParsePrefix(text) : undefined),
    'length is off by one above 30': (text) => {
      const value = tryParsePrefix(text);
      return value !== undefined && prefixLength(value) > 30 ? ((value - 1) as Ipv4Prefix) : value;
    },
  },
});

type Contains = typeof prefixContains;

property('contains what the block list of the runtime contains', {
  law: (contains: Contains) =>
    // An address at random is hardly ever inside: flip a bit at random of one that is.
    fc.property(ipv4Address, length, fc.integer({ min: 0, max: 32 }), (address, bits, flipped) => {
      const other = ipv4FromU32(flipped === 32 ? address : address ^ (1 << flipped));
      const list = new BlockList();
      if (bits > 0) list.addSubnet(formatIpv4(address), bits); // the runtime takes no length 0: it contains everything
      const expected = bits === 0 || list.check(formatIpv4(other));
      return contains(prefixOf(address, bits), other) === expected;
    }),
  real: prefixContains,
  planted: {
    '/0 contains nothing: a shift by 32 is a shift by 0': (value, address) =>
      (address & (~0 << (32 - prefixLength(value)))) >>> 0 === prefixNetwork(value),
    'signed comparison': (value, address) => (address & prefixMask(value)) === prefixNetwork(value),
    'the broadcast address is outside': (value, address) =>
      prefixContains(value, address) && (prefixLength(value) === 32 || address !== prefixBroadcast(value)),
  },
  count: 1_000,
});

interface Ends {
  readonly network: (value: Ipv4Prefix) => Ipv4Address;
  readonly broadcast: (value: Ipv4Prefix) => Ipv4Address;
  readonly mask: (value: Ipv4Prefix) => Ipv4Address;
}

property('network and broadcast are the first and last address, 2^(32-length) in all, and the mask says the length', {
  law: ({ network, broadcast, mask }: Ends) =>
    fc.property(prefix, (value) => {
      const [first, last] = [network(value), broadcast(value)];
      return (
        last - first + 1 === 2 ** (32 - prefixLength(value)) &&
        prefixContains(value, first) &&
        prefixContains(value, last) &&
        prefixOf(last, prefixLength(value)) === value &&
        maskLength(mask(value)) === prefixLength(value)
      );
    }),
  real: { network: prefixNetwork, broadcast: prefixBroadcast, mask: prefixMask },
  planted: {
    'signed broadcast': {
      network: prefixNetwork,
      broadcast: (value) => (prefixBroadcast(value) | 0) as Ipv4Address,
      mask: prefixMask,
    },
    'inverted mask': { network: prefixNetwork, broadcast: prefixBroadcast, mask: (value) => ipv4FromU32(~prefixMask(value)) },
  },
});
