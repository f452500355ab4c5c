import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { formatMac, isMacGroup, type MacAddress, macToBytes, readMac, tryParseMac, writeMac } from '../src/index.js';
import { macAddress } from './support/arbitraries.js';
import { property } from './support/law.js';

property('parse(format(mac)) = mac, in any case and with either separator', {
  law: (format: typeof formatMac) =>
    fc.property(macAddress, (mac) => {
      const text = format(mac);
      return [text, text.toUpperCase(), text.replaceAll(':', '-')].every((form) => tryParseMac(form) === mac);
    }),
  real: formatMac,
  planted: {
    'no leading zeros': (mac) => (mac.toString(16).match(/../g) ?? []).join(':'),
    'bit operations cut to 32 bits': (mac) => formatMac((mac >>> 0) as MacAddress),
  },
});

interface Codec {
  readonly read: typeof readMac;
  readonly write: typeof writeMac;
}

property('octets are those of a 48-bit big-endian integer, at any offset', {
  law: ({ read, write }: Codec) =>
    fc.property(macAddress, fc.nat({ max: 4 }), (mac, offset) => {
      const expected = Buffer.alloc(12, 0xa5);
      const bytes = new Uint8Array(expected);
      expected.writeUIntBE(mac, offset, 6);
      write(bytes, offset, mac);
      return expected.equals(bytes) && read(bytes, offset) === mac;
    }),
  real: { read: readMac, write: writeMac },
  planted: {
    'signed low word': {
      read: (bytes, offset) => {
        const mac = readMac(bytes, offset);
        return (Math.floor(mac / 2 ** 32) * 2 ** 32 + (mac | 0)) as MacAddress;
      },
      write: writeMac,
    },
    'offset forgotten': { read: readMac, write: (bytes, _offset, mac) => writeMac(bytes, 0, mac) },
  },
});

property('the group bit is bit 0 of the first octet', {
  law: (isGroup: typeof isMacGroup) =>
    fc.property(macAddress, (mac) => isGroup(mac) === (((macToBytes(mac)[0] as number) & 1) === 1)),
  real: isMacGroup,
  planted: {
    'bit 0 of the last octet': (mac) => mac % 2 === 1,
    'the local bit instead': (mac) => ((Math.floor(mac / 2 ** 40) >>> 1) & 1) === 1,
  },
});
