import { isIPv4 } from 'node:net';
import fc from 'fast-check';
import { formatIpv4, type Ipv4Address, ipv4FromU32, tryParseIpv4 } from '../src/index.js';
import { ipv4Address } from './support/arbitraries.js';
import { property } from './support/law.js';

type Parse = typeof tryParseIpv4;

property('parse(format(address)) = address', {
  law: ({ parse, format }) => fc.property(ipv4Address, (address) => parse(format(address)) === address),
  real: { parse: tryParseIpv4, format: formatIpv4 },
  planted: {
    'signed: addresses from 128.0.0.0 on are negative': {
      parse: (text: string) => {
        const address = tryParseIpv4(text);
        return address === undefined ? undefined : ((address | 0) as Ipv4Address);
      },
      format: formatIpv4,
    },
    'format swaps the last two octets': {
      parse: tryParseIpv4,
      format: (address: Ipv4Address) =>
        formatIpv4(ipv4FromU32((address & 0xffff0000) | ((address & 0xff) << 8) | ((address >>> 8) & 0xff))),
    },
  },
});

/** Text that is an address or nearly one. */
const nearlyAddress = fc
  .array(
    fc.oneof(fc.integer({ min: 0, max: 300 }).map(String), fc.constantFrom('', '00', '01', '-1', ' 1', '1e1', '0x1', '1\n')),
    {
      minLength: 3,
      maxLength: 5,
    },
  )
  .map((parts) => parts.join('.'));

property('accepts just what the runtime takes for an IPv4 address', {
  law: (parse: Parse) => fc.property(nearlyAddress, (text) => (parse(text) !== undefined) === isIPv4(text)),
  real: tryParseIpv4,
  planted: {
    'leading zeros are accepted': (text) => tryParseIpv4(text.replaceAll(/\b0+(?=\d)/g, '')),
    'octets wrap at 256': (text) => tryParseIpv4(text.replaceAll(/\d{3,}/g, (digits) => String(Number(digits) & 0xff))),
    'white space is trimmed': (text) => tryParseIpv4(text.trim()),
  },
  count: 1_000,
});
