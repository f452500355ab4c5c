import {
  type DhcpDecodeOptions,
  type DhcpEncodeOptions,
  type DhcpMessage,
  decodeDhcpMessage,
  encodeDhcpMessage,
  optionArray,
} from '@nexus-net/dhcp';
import { type Case, type Group, measureGroup } from '../harness.js';
import { SAMPLES, type Sample } from '../messages.js';
import type { Suite } from './suite.js';

export const CODEC: Suite = {
  name: 'codec',
  about: 'DHCP messages to values and back',
  run: async ({ progress }) => {
    progress('decode, encode');
    const groups: Group[] = [
      { title: 'Decode', unit: 'message', cases: SAMPLES.map(decodeCase) },
      { title: 'Decode, and make every option', unit: 'message', cases: SAMPLES.map((sample) => decodeAllCase(sample)) },
      { title: 'Encode, padded to at least 300 octets', unit: 'message', cases: SAMPLES.map((sample) => encodeCase(sample)) },
    ];
    const results = [];
    for (const group of groups) results.push(await measureGroup(group));
    return { groups: results };
  },
};

/** What a server or a client pays: the fixed fields, and where each option lies. */
export function decodeCase({ name, bytes }: Sample): Case {
  return {
    name,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const decoded = decodeDhcpMessage(bytes);
        if (decoded.ok) sum += decoded.value.xid + decoded.value.options.length;
      }
      return sum;
    },
  };
}

/** What a program pays that looks at everything: a view of each value besides. */
export function decodeAllCase({ name, bytes }: Sample, options?: DhcpDecodeOptions): Case {
  return {
    name,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const decoded = decodeDhcpMessage(bytes, options);
        if (decoded.ok) sum += decoded.value.xid + decoded.value.options.toArray().length;
      }
      return sum;
    },
  };
}

/** From a plain message, as an application makes it: its options are an array. */
export function encodeCase({ name, bytes }: Sample, options?: DhcpEncodeOptions): Case {
  const decoded = decodeDhcpMessage(bytes);
  if (!decoded.ok) throw new Error(`${name}: ${decoded.error}`);
  const message: DhcpMessage = {
    ...decoded.value,
    options: optionArray(decoded.value.options).map(({ code, value }) => ({ code, value: value.slice() })),
  };
  return {
    name,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += encodeDhcpMessage(message, options).length;
      return sum;
    },
  };
}
