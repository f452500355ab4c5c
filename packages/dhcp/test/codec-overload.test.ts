import { concatBytes, fromHex, parseIpv4, toHex } from '@nexus-net/sansio';
import { describe, expect, test } from 'vitest';
import {
  type DhcpOption,
  decodeDhcpMessage,
  decodeDhcpWire,
  encodeDhcpMessage,
  type FittedDhcpMessage,
  fitDhcpMessage,
  messageType,
  option,
  optionValue,
  readOption,
  readRelayOption,
  replyLengthMax,
} from '../src/index.js';
import { check, decode, filled, hexOf, list, raw, refusal, withOptions } from './support/codec.js';

describe('option 52 read', () => {
  test('dhcp/B01 options in file; the file name is absent then', () => {
    const message = decode(raw({ options: '350105340101ff', file: '03040a0000010f0161ff' }));
    expect(hexOf(message, 3)).toBe('0a000001');
    expect(hexOf(message, 15)).toBe('61');
    expect(message.file).toEqual(new Uint8Array(128));
    expect(hexOf(message, 52)).toBeUndefined();
    expect(message.anomalies).toEqual([]);
  });

  test('dhcp/B02 options in sname', () => {
    const message = decode(raw({ options: '350105340102ff', sname: '330400000e10ff', file: '61' }));
    expect(readOption(message, 'leaseTime')).toBe(3600);
    expect(message.sname).toEqual(new Uint8Array(64));
    expect(message.file[0]).toBe(0x61);
  });

  test('dhcp/B03 mask only in file, router only in sname', () => {
    const message = decode(raw({ options: '350105340103ff', file: '0104ffffff00ff', sname: '03040a000001ff' }));
    expect(readOption(message, 'subnetMask')).toBe(0xffffff00);
    expect(readOption(message, 'routers')).toEqual([0x0a000001]);
  });

  test('dhcp/B04 one option in all three areas: options, file, sname in that order', () => {
    const message = decode(raw({ options: '3501053401030f03616161ff', file: '0f03626262ff', sname: '0f03636363ff' }));
    expect(readOption(message, 'domainName')).toBe('aaabbbccc');
  });

  test('fault/D08 dhcp/B05 file without END is read to its end, and sname after it', () => {
    const message = decode(raw({ options: '350105340103ff', file: '0f0161', sname: '0c0162ff' }));
    expect(list(message)).toEqual([
      [53, '05'],
      [15, '61'],
      [12, '62'],
    ]);
    expect(message.anomalies).toEqual(['missing-end-in-field']);
  });

  test('fault/D08 dhcp/B06 option 52 inside file is not obeyed', () => {
    const message = decode(raw({ options: '350105340101ff', file: '3401030f0161ff', sname: '0c0162ff' }));
    expect(list(message)).toEqual([
      [53, '05'],
      [15, '61'],
    ]);
    expect(message.sname[0]).toBe(12);
    expect(message.anomalies).toEqual(['nested-overload']);
  });

  test('dhcp/B07 a value of 0 lends nothing', () => {
    const message = decode(raw({ options: '350105340100ff', file: '0f0161ff' }));
    expect(list(message)).toEqual([[53, '05']]);
    expect(message.anomalies).toEqual(['bad-overload']);
  });

  test('dhcp/B08 a value above 3 says nothing that can be trusted: refused', () => {
    for (const value of ['04', '07', 'ff']) expect(refusal(raw({ options: `3501053401${value}ff` }))).toBe('bad-overload-value');
  });

  test('dhcp/B09 a length of 0 or 2 is ignored, the message is not', () => {
    for (const options of ['3501053400ff', '35010534020101ff']) {
      const message = decode(raw({ options, file: '0f0161ff' }));
      expect(list(message)).toEqual([[53, '05']]);
      expect(message.anomalies).toEqual(['bad-overload']);
    }
  });

  test('two of them: the first counts', () => {
    const message = decode(raw({ options: '350105340101340102ff', file: '0f0161ff', sname: '0c0162ff' }));
    expect(list(message)).toEqual([
      [53, '05'],
      [15, '61'],
    ]);
    expect(message.anomalies).toEqual(['repeated-overload']);
  });

  test('dhcp/B10 dhcp/B11 dhcp/B12 type and request list only in a field', () => {
    expect(messageType(decode(raw({ options: '340101ff', file: '3501023702060fff' })))).toBe(2);
    const message = decode(raw({ options: '340103ff', file: '3702060fff', sname: '350101ff', set: { 0: 1 } }));
    expect(messageType(message)).toBe(1);
    expect(readOption(message, 'parameterRequestList')).toEqual([6, 15]);
  });

  test('dhcp/B13 encoding what was lent puts each option once', () => {
    const message = decode(raw({ options: '350105340103ff', file: '0f0161ff', sname: '0c0162ff' }));
    const again = decode(encodeDhcpMessage(message));
    expect(list(again)).toEqual([
      [53, '05'],
      [15, '61'],
      [12, '62'],
    ]);
    expect(again.file).toEqual(new Uint8Array(128));
    expect(encodeDhcpMessage(again)).toEqual(encodeDhcpMessage(message));
  });
});

describe('RFC 3396', () => {
  const routes = Array.from({ length: 48 }, (_, i) => `180a00${i.toString(16).padStart(2, '0')}0a4d00fe`).join('');

  test.each([
    ['dhcp/B14 255 and the rest', 255],
    ['dhcp/B15 every 97 octets, inside a route', 97],
    ['dhcp/C28 octet by octet', 1],
  ])('%s: one value of 48 routes', (_, size) => {
    const octets = fromHex(routes);
    let options = '350105';
    for (let at = 0; at < octets.length; at += size) {
      const chunk = octets.subarray(at, at + size);
      options += `79${chunk.length.toString(16).padStart(2, '0')}${toHex(chunk)}`;
    }
    const message = decode(raw({ options: `${options}ff` }));
    expect(hexOf(message, 121)).toBe(routes);
    expect(readOption(message, 'classlessRoutes')?.length).toBe(48);
  });

  test('dhcp/B16 parts in options and in file', () => {
    const message = decode(raw({ options: '35010534010179040a1402030f0161ff', file: '7905040a000001ff' }));
    expect(list(message)).toEqual([
      [53, '05'],
      [121, '0a140203040a000001'],
      [15, '61'],
    ]);
  });

  test('dhcp/B17 a list given twice is one list', () => {
    const message = decode(raw({ options: '35010506040a00000106040a000002ff' }));
    expect(readOption(message, 'dnsServers')).toEqual([parseIpv4('10.0.0.1'), parseIpv4('10.0.0.2')]);
  });

  test('dhcp/B18 a lease time given twice is malformed, and counts as absent', () => {
    const message = decode(raw({ options: '350105330400000e10330400000064ff' }));
    expect(hexOf(message, 51)).toBe('00000e1000000064');
    expect(readOption(message, 'leaseTime')).toBeUndefined();
    expect(check(message, 'leaseTime')).toBe('bad-length');
  });

  test('dhcp/B19 a request list in two parts', () => {
    expect(readOption(decode(raw({ options: '35010137020103370206 0fff' })), 'parameterRequestList')).toEqual([1, 3, 6, 15]);
  });

  test('dhcp/B20 option 82 in two parts, a sub-option across them', () => {
    const message = decode(raw({ options: '3501015204010661625204636465665203020178ff' }));
    expect(readRelayOption(message, 'circuitId')).toEqual(fromHex('616263646566'));
    expect(readRelayOption(message, 'remoteId')).toEqual(fromHex('78'));
  });

  test('dhcp/B21 option 43: END ends, PAD is skipped, the octets are there', () => {
    const message = decode(raw({ options: '3501052b0901016100020162ff99ff' }));
    expect(readOption(message, 'vendorSpecific')).toEqual([
      { code: 1, value: fromHex('61') },
      { code: 2, value: fromHex('62') },
    ]);
    expect(hexOf(message, 43)).toBe('01016100020162ff99');
  });

  test('fault/D09 thousands of parts of one option cost time linear in their octets', () => {
    const parts = (count: number) =>
      concatBytes([raw({ options: '350105' }), ...Array.from({ length: count }, () => fromHex('0c0141'))]);
    expect(optionValue(decode(parts(21_000)).options, 12)?.length).toBe(21_000);
    const cost = (octets: Uint8Array) => {
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 7; i++) {
        const start = process.cpuUsage();
        for (let k = 0; k < 4; k++) decodeDhcpMessage(octets);
        const spent = process.cpuUsage(start);
        least = Math.min(least, spent.user + spent.system);
      }
      return least;
    };
    const [small, large] = [parts(2000), parts(20_000)];
    cost(small);
    // Ten times the octets: quadratic work would cost a hundred times as much.
    expect(cost(large)).toBeLessThan(40 * Math.max(cost(small), 100));
  });
});

describe('fitting', () => {
  const essential = [option('messageType', 5), option('serverIdentifier', parseIpv4('10.0.0.1'))];
  const opaque = (code: number, length: number): DhcpOption => ({ code, value: filled(length, code) });
  const sorted = (options: Iterable<DhcpOption>) =>
    [...options].map(({ code, value }) => [code, toHex(value)] as const).sort((a, b) => a[0] - b[0]);

  /** Nothing lost without a word: what was fitted and what was dropped is the message. */
  function balance(fitted: FittedDhcpMessage): readonly (readonly [number, string])[] {
    return sorted([...decode(fitted.bytes).options, ...fitted.dropped]);
  }

  test('what fits is encoded as ever', () => {
    const message = withOptions([...essential, opaque(43, 20)]);
    expect(fitDhcpMessage(message, { lengthMax: 548 })).toEqual({ bytes: encodeDhcpMessage(message), dropped: [], overload: 0 });
  });

  test('dhcp/A36 what does not fit, and may not go to a field, is named', () => {
    const options = [...essential, opaque(43, 200), opaque(17, 100), opaque(12, 20)];
    const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 480, overload: 'never' });
    expect(fitted.dropped.map(({ code }) => code)).toEqual([17]);
    expect(fitted.overload).toBe(0);
    expect(fitted.bytes.length).toBeLessThanOrEqual(480);
    expect(list(decode(fitted.bytes)).map(([code]) => code)).toEqual([53, 54, 43, 12]);
    expect(balance(fitted)).toEqual(sorted(options));
  });

  test('options that fit nowhere else go to file, then to sname, and 52 says so', () => {
    const options = [...essential, opaque(43, 200), opaque(17, 100), opaque(12, 60)];
    const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 460 });
    expect(fitted).toMatchObject({ dropped: [], overload: 3 });
    expect(fitted.bytes.length).toBeLessThanOrEqual(460);
    const message = decode(fitted.bytes);
    expect(message.anomalies).toEqual([]);
    expect(list(message).map(([code]) => code)).toEqual([53, 54, 43, 17, 12]);
    expect(balance(fitted)).toEqual(sorted(options));
    const wire = decodeDhcpWire(fitted.bytes);
    expect(wire.ok && wire.value.form.options.find((item) => item.type === 'option' && item.code === 52)).toEqual({
      type: 'option',
      code: 52,
      value: fromHex('03'),
    });
  });

  test('only a field that is free is lent', () => {
    const options = [...essential, opaque(43, 100), opaque(17, 60)];
    const message = { ...withOptions(options), file: filled(128) };
    const fitted = fitDhcpMessage(message, { lengthMax: 370 });
    expect(fitted.overload).toBe(2);
    expect(decode(fitted.bytes).file).toEqual(filled(128));
    expect(fitDhcpMessage({ ...message, sname: filled(64) }, { lengthMax: 370 })).toMatchObject({ overload: 0 });
    expect(fitDhcpMessage({ ...withOptions(options), sname: filled(64) }, { lengthMax: 370 })).toMatchObject({ overload: 1 });
  });

  test('an option larger than any room left is split over the areas', () => {
    const options = [...essential, opaque(121, 400)];
    const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 500 });
    expect(fitted).toMatchObject({ dropped: [], overload: 3 });
    expect(balance(fitted)).toEqual(sorted(options));
    expect(decode(fitted.bytes).anomalies).toEqual([]);
  });

  test('fault/D15 what is too large for all areas is dropped whole, and takes no room', () => {
    const options = [...essential, opaque(121, 900), opaque(12, 30)];
    const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 300 });
    expect(fitted.dropped).toEqual([options[2]]);
    expect(list(decode(fitted.bytes)).map(([code]) => code)).toEqual([53, 54, 12]);
  });

  test('option 82 is never split, and has its place before others', () => {
    const relay = { code: 82, value: fromHex(`01c8${'61'.repeat(200)}`) };
    const fitted = fitDhcpMessage(withOptions([...essential, opaque(43, 200), relay]), { lengthMax: 480 });
    expect(fitted.overload).toBe(3);
    const wire = decodeDhcpWire(fitted.bytes);
    const parts = wire.ok ? wire.value.form.options.filter((item) => item.type === 'option' && item.code === 82) : [];
    expect(parts).toEqual([{ type: 'option', ...relay }]);
    const none = fitDhcpMessage(withOptions([...essential, relay]), { lengthMax: 400 });
    expect(none.dropped).toEqual([relay]);
  });

  test('dhcp/C08 the order of those in the options field is that of the message', () => {
    const options = [opaque(12, 10), ...essential, opaque(43, 120), opaque(1, 4), opaque(3, 4)];
    const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 300, overload: 'never' });
    expect(list(decode(fitted.bytes)).map(([code]) => code)).toEqual([12, 53, 54, 1, 3]);
  });

  test('an option without octets needs two, and is named where they are missing', () => {
    const empty = { code: 80, value: new Uint8Array(0) };
    const dropped = [];
    for (let length = 225; length <= 232; length++) {
      const options = [...essential, opaque(17, length), empty];
      const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 300 });
      expect([length, balance(fitted)]).toEqual([length, sorted(options)]);
      dropped.push(fitted.dropped.map(({ code }) => code));
    }
    expect(dropped).toEqual([[], [], [], [], [], [80], [80], [17]]);
  });

  test('the caller says what must stay', () => {
    const options = [opaque(12, 30), opaque(43, 30)];
    const fitted = fitDhcpMessage(withOptions(options), { lengthMax: 275, overload: 'never', keep: [43] });
    expect(fitted.dropped.map(({ code }) => code)).toEqual([12]);
  });

  test('an impossible limit is refused, and padding stays below it', () => {
    expect(() => fitDhcpMessage(withOptions([]), { lengthMax: 240 })).toThrow('241');
    expect(() => fitDhcpMessage(withOptions([]), { lengthMax: 65_508 })).toThrow('65507');
    expect(fitDhcpMessage(withOptions([]), { lengthMax: 241 }).bytes.length).toBe(241);
  });

  test('dhcp/C10 dhcp/C11 the limit that option 57 sets, with the headers taken off', () => {
    const ask = (size: number | undefined, mtu = 1500) =>
      replyLengthMax(withOptions(size === undefined ? [] : [option('maxMessageSize', size)]), mtu);
    expect(ask(undefined)).toBe(548);
    expect(ask(64)).toBe(548);
    expect(ask(300)).toBe(548);
    expect(ask(576)).toBe(548);
    expect(ask(1400)).toBe(1372);
    expect(ask(65_535)).toBe(1472);
    expect(ask(65_535, 65_535)).toBe(65_507);
  });
});
