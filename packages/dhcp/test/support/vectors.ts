import { bytesEqual, formatIpv4, fromHex, type Ipv4Address, prefixLength, prefixNetwork, toHex } from '@nexus-net/sansio';
import {
  type ClientIdentifier,
  checkOption,
  type DecodedDhcpMessage,
  type DhcpOption,
  type DhcpWireForm,
  type DhcpWireItem,
  decodeDhcpMessage,
  decodeDhcpWire,
  decodeSubOptions,
  dhcpMessageTypeName,
  duidType,
  encodeDhcpMessage,
  encodeDhcpWire,
  malformedOptions,
  messageType,
  OPTIONS,
  type OptionName,
  optionName,
} from '../../src/index.js';

export interface VectorReport {
  readonly passed: number;
  readonly failed: readonly { readonly id: string; readonly problem: string }[];
  /** Cases of the file that are not about the codec. */
  readonly notRun: readonly { readonly id: string; readonly why: string }[];
}

/** Checks the codec against one parsed vector file, whatever it is; a file of no known format is one failure. */
export function checkDhcpVectors(parsed: unknown): VectorReport {
  const file = parsed as { cases?: HostileCase[]; frames?: unknown; probes?: unknown; behaviours?: unknown };
  if (Array.isArray(file.cases) && file.cases.every((one) => typeof one.hex === 'string')) return checkHostile(file.cases);
  const failed: { id: string; problem: string }[] = [];
  let passed = 0;
  for (const [id, frame] of framesIn(parsed, '')) {
    const problem = checkFrame(frame);
    if (problem === undefined) passed++;
    else failed.push({ id, problem });
  }
  if (passed + failed.length === 0) failed.push({ id: '', problem: 'no DHCP frame and no case in this file' });
  return { passed, failed, notRun: [] };
}

/** Laws that hold for any octets: what is wrong, or `undefined`. */
export function checkDhcpOctets(octets: Uint8Array): string | undefined {
  const decoded = decodeDhcpMessage(octets);
  const wire = decodeDhcpWire(octets);
  if (decoded.ok !== wire.ok) return 'the two decoders disagree whether it is a message';
  if (!decoded.ok || !wire.ok) return undefined;
  if (!bytesEqual(encodeDhcpWire(wire.value.form), octets)) return 'the wire form does not give the octets back';
  const again = decodeDhcpMessage(encodeDhcpMessage(decoded.value));
  if (!again.ok) return `encoded again it is refused: ${again.error}`;
  const [a, b] = [summary(decoded.value), summary(again.value)];
  if (a !== b) return `encoded again it differs: ${a} ${b}`;
  malformedOptions(decoded.value);
  return undefined;
}

/** A message as text: equal text, equal message. */
export function summary(message: DecodedDhcpMessage): string {
  const { options, anomalies: _, chaddr, sname, file, ...fixed } = message;
  const octets = { chaddr: toHex(chaddr), sname: toHex(sname), file: toHex(file) };
  return JSON.stringify({ ...fixed, ...octets, options: options.map(({ code, value }) => [code, toHex(value)]) });
}

interface FrameVector {
  readonly payload: string;
  readonly bootp: Record<string, string | number | boolean | undefined>;
  readonly cookie: boolean;
  readonly overload?: number | null;
  readonly sections?: Record<string, { readonly end: number | null; readonly truncated: boolean }>;
  readonly wireOptions?: readonly (readonly [number, string, string])[];
  readonly aggregate?: Record<string, { readonly hex: string; readonly value?: unknown }>;
  readonly messageType?: string | null;
}

/** The parts of a decoded value that the catalogue has another opinion of. */
interface WantedValue {
  readonly u16?: number;
  readonly address?: string;
  readonly codes?: readonly number[];
  readonly routes?: unknown;
  readonly names?: unknown;
  readonly text?: string;
  readonly subOptions?: readonly unknown[] | null;
  readonly flags?: number;
  readonly name?: string;
}

interface HostileCase {
  readonly id: string;
  readonly role: string;
  readonly hex: string;
  readonly verdict: string;
}

function* framesIn(value: unknown, path: string): Generator<[string, FrameVector]> {
  if (typeof value !== 'object' || value === null) return;
  if ('payload' in value && 'bootp' in value) yield [path, value as FrameVector];
  else for (const [key, inner] of Object.entries(value)) yield* framesIn(inner, path === '' ? key : `${path}.${key}`);
}

function checkFrame(frame: FrameVector): string | undefined {
  const octets = fromHex(frame.payload);
  const law = checkDhcpOctets(octets);
  if (law !== undefined) return law;
  const decoded = decodeDhcpWire(octets);
  const expectedError = refusal(frame, octets);
  const error = decoded.ok ? undefined : decoded.error;
  if (error !== expectedError) return `refused with ${error}, expected ${expectedError}`;
  if (!decoded.ok) return undefined;
  const { form, message } = decoded.value;
  return (
    differs('fields', fieldsOf(form), frame.bootp, Object.keys(frame.bootp)) ??
    differs('wireOptions', { all: wireOptions(form) }, { all: frame.wireOptions }, ['all']) ??
    differs('sections', sectionsOf(form, octets), sectionsWanted(frame), ['options', 'file', 'sname']) ??
    differs('aggregate', { all: aggregateOf(message) }, { all: aggregateWanted(frame) }, ['all']) ??
    checkValues(frame, message) ??
    differs('messageType', { name: typeNameOf(message) }, { name: frame.messageType ?? undefined }, ['name'])
  );
}

/** The error that the catalogue demands, told from the vector's own fields. */
function refusal(frame: FrameVector, octets: Uint8Array): string | undefined {
  if (octets.length === 236) return 'bootp';
  if (octets.length < 240) return 'truncated';
  if (!frame.cookie) return 'bad-cookie';
  if (frame.bootp['op'] !== 1 && frame.bootp['op'] !== 2) return 'bad-op';
  if (Number(frame.bootp['hlen']) > 16) return 'bad-hlen';
  if ((frame.overload ?? 0) > 3) return 'bad-overload-value';
  const type = frame.aggregate?.['53'];
  return type !== undefined && type.hex.length !== 2 ? 'bad-message-type' : undefined;
}

function fieldsOf(form: DhcpWireForm): Record<string, unknown> {
  const address = { ciaddr: form.ciaddr, yiaddr: form.yiaddr, siaddr: form.siaddr, giaddr: form.giaddr };
  return {
    op: form.op,
    htype: form.htype,
    hlen: form.hlen,
    hops: form.hops,
    xid: form.xid.toString(16).padStart(8, '0'),
    secs: form.secs,
    flags: form.flags.toString(16).padStart(4, '0'),
    broadcast: form.flags >= 0x8000,
    ...Object.fromEntries(Object.entries(address).map(([name, value]) => [name, formatIpv4(value)])),
    chaddr: toHex(form.chaddr.subarray(0, form.hlen)),
    chaddrField: toHex(form.chaddr),
    sname: cString(form.sname),
    file: cString(form.file),
  };
}

function cString(field: Uint8Array): string {
  const end = field.indexOf(0);
  return new TextDecoder('latin1').decode(end < 0 ? field : field.subarray(0, end));
}

function areasOf(form: DhcpWireForm): readonly (readonly [string, readonly DhcpWireItem[]])[] {
  return [
    ['options', form.options],
    ['file', form.fileOptions ?? []],
    ['sname', form.snameOptions ?? []],
  ];
}

function wireOptions(form: DhcpWireForm): unknown {
  return areasOf(form).flatMap(([area, items]) =>
    items.flatMap((item) => (item.type === 'option' ? [[item.code, toHex(item.value), area]] : [])),
  );
}

function sectionsOf(form: DhcpWireForm, octets: Uint8Array): Record<string, unknown> {
  const lengths = { options: octets.length, file: 128, sname: 64 } as Record<string, number>;
  return Object.fromEntries(
    areasOf(form)
      .filter(([, items]) => items.length > 0)
      .map(([area, items]) => {
        let at = area === 'options' ? 240 : 0;
        let end: number | null = null;
        let truncated = false;
        for (const item of items) {
          if (item.type === 'end') end = at;
          if (item.type === 'unread' && end === null) truncated = true;
          at += {
            pad: item.type === 'pad' ? item.length : 0,
            end: 1,
            option: item.type === 'option' ? item.value.length + 2 : 0,
            unread: item.type === 'unread' ? item.octets.length : 0,
          }[item.type];
        }
        if (at !== lengths[area]) return [area, `covers ${at} octets`];
        return [area, { end, truncated }];
      }),
  );
}

function sectionsWanted(frame: FrameVector): Record<string, unknown> {
  const entries = Object.entries(frame.sections ?? {});
  return Object.fromEntries(entries.map(([area, { end, truncated }]) => [area, { end, truncated }]));
}

function aggregateOf(message: DecodedDhcpMessage): unknown {
  return message.options.map(({ code, value }) => [code, toHex(value)]).sort((a, b) => Number(a[0]) - Number(b[0]));
}

function aggregateWanted(frame: FrameVector): unknown {
  return Object.entries(frame.aggregate ?? {})
    .map(([code, { hex }]) => [Number(code), hex])
    .filter(([code]) => code !== 52)
    .sort((a, b) => Number(a[0]) - Number(b[0]));
}

function typeNameOf(message: DecodedDhcpMessage): string | undefined {
  const type = messageType(message);
  return type === undefined ? undefined : dhcpMessageTypeName(type)?.toUpperCase();
}

function checkValues(frame: FrameVector, message: DecodedDhcpMessage): string | undefined {
  for (const { code, value: octets } of message.options) {
    const name = optionName(code);
    if (name === undefined) continue;
    const wanted = wantedValue(name, frame.aggregate?.[code]?.value, octets);
    const result = checkOption(message, name);
    const got = result.ok ? vectorValue(name, result.value, octets) : undefined;
    const problem = differs(name, { value: got }, { value: wanted }, ['value']);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What the vectors say, except where the catalogue demands more than the decoder that wrote them. */
function wantedValue(name: OptionName, value: unknown, octets: Uint8Array): unknown {
  const wanted = value as WantedValue | undefined;
  if (name === 'interfaceMtu' && (wanted?.u16 ?? 0) < 68) return undefined; // C45
  if (name === 'clientIdentifier' && octets.length < 2) return undefined; // C13
  if (name === 'parameterRequestList' && octets.length === 0) return undefined; // C06
  if (name === 'parameterRequestList' && wanted?.codes) return { codes: [...new Set(wanted.codes)] }; // C07
  if (name === 'subnetMask' && wanted?.address === '0.0.0.0') return undefined; // K12
  if (name === 'classlessRoutes' && wanted?.routes === null) return undefined; // malformed, as the vector says it
  if (name === 'domainSearch' && wanted?.names === null) return undefined;
  if (name === 'domainSearch' && octets[0]! >= 0xc0) return undefined; // C23: nothing is prior to the first octet
  if (wanted?.text === '') return undefined; // A27
  if (OPTIONS[name].shape === 'hostName' && /[^\w.-]/.test(wanted?.text ?? '')) return undefined; // C42
  if (name === 'relayAgent' && (wanted?.subOptions ?? []).length === 0) return undefined; // C46: the octets stay
  if (name === 'clientFqdn' && wanted !== undefined) {
    if ((wanted.flags! & 9) === 9) return undefined; // C19
    if (octets[3]! === 64 || wanted.name!.startsWith('.')) return undefined; // C20
  }
  if (name === 'etherboot') return { subOptions: decoded(octets) }; // the vectors have no decoder for it
  return value;
}

function decoded(octets: Uint8Array): unknown {
  const list = decodeSubOptions(octets);
  return list.ok ? list.value.map(({ code, value }) => [code, toHex(value)]) : list.error;
}

/** Our typed value in the words of the vectors. */
function vectorValue(name: OptionName, value: unknown, octets: Uint8Array): unknown {
  switch (OPTIONS[name].shape) {
    case 'address':
    case 'mask':
      return { address: formatIpv4(value as Ipv4Address) };
    case 'addresses':
      return { addresses: (value as Ipv4Address[]).map(formatIpv4) };
    case 'text':
    case 'hostName':
      return { text: value };
    case 'mtu':
    case 'u16':
      return { u16: value };
    case 'seconds':
      return { u32: value === Number.POSITIVE_INFINITY ? 0xffffffff : value };
    case 'u32':
      return { u32: value };
    case 'flag':
      return { u8: value === true ? 1 : 0 };
    case 'presence':
      return { present: value };
    case 'codes':
      return { codes: value };
    case 'u8List':
      return { algorithms: value };
    case 'u16List':
      return { u16: (value as number[])[0] };
    case 'u8':
      return { messageType: dhcpMessageTypeName(value as number)?.toUpperCase() ?? value };
    case 'subOptions':
    case 'encapsulated':
      return { subOptions: (value as DhcpOption[]).map((one) => [one.code, toHex(one.value)]) };
    case 'searchList':
      return { names: value };
    case 'classlessRoutes':
      return {
        routes: (value as { prefix: never; router: Ipv4Address }[]).map(({ prefix, router }) => ({
          prefix: formatIpv4(prefixNetwork(prefix)),
          length: prefixLength(prefix),
          router: formatIpv4(router),
        })),
      };
    case 'networkInterfaceId':
      return { ...(value as object) };
    case 'machineId': {
      const { type, id } = value as { type: number; id: Uint8Array };
      return { type, uuid: toHex(id) };
    }
    case 'userClass': {
      const user = value as { form: 'raw'; data: Uint8Array } | { form: 'classes'; classes: Uint8Array[] };
      return user.form === 'raw'
        ? { raw: toHex(user.data) }
        : { userClasses: user.classes.map((one) => new TextDecoder().decode(one)) };
    }
    case 'clientIdentifier': {
      const id = value as ClientIdentifier;
      const rest = toHex(octets.subarray(1));
      if (id.form === 'typed') return { type: id.type, id: rest };
      const iaid = id.iaid.toString(16).padStart(8, '0');
      return { type: 255, id: rest, iaid, duid: toHex(id.duid), duidType: duidType(id.duid) };
    }
    case 'clientFqdn': {
      const fqdn = value as Record<string, never> & { name: string; resultCodes: number[] };
      const [S, O, N] = [fqdn['serverUpdates'], fqdn['overridden'], fqdn['noUpdates']].map(Number);
      const E = Number(fqdn['encoding'] === 'wire');
      const flags = S! | (O! << 1) | (E << 2) | (N! << 3);
      return {
        flags,
        S,
        O,
        E,
        N,
        rcode1: fqdn.resultCodes[0],
        rcode2: fqdn.resultCodes[1],
        name: E === 0 && fqdn['qualified'] ? `${fqdn.name}.` : fqdn.name,
      };
    }
    default:
      return value;
  }
}

/**
 * The verdict of the codec: it accepts a message with a known type whose options are all read and all well formed. A client
 * or server is more liberal where the catalogue says so: a malformed option counts as absent (A27, C01..), a truncated one
 * ends the message (A22).
 */
function checkHostile(cases: readonly HostileCase[]): VectorReport {
  const failed: { id: string; problem: string }[] = [];
  const notRun: { id: string; why: string }[] = [];
  let passed = 0;
  for (const { id, role, hex, verdict } of cases) {
    const octets = fromHex(hex);
    const law = checkDhcpOctets(octets);
    if (law !== undefined) failed.push({ id, problem: law });
    else if (role !== 'parse') notRun.push({ id, why: `for the ${role}` });
    else {
      const got = codecVerdict(octets);
      if (got === verdict) passed++;
      else failed.push({ id, problem: `${got}, expected ${verdict}` });
    }
  }
  return { passed, failed, notRun };
}

function codecVerdict(octets: Uint8Array): 'accept' | 'reject' {
  const decoded = decodeDhcpMessage(octets, {
    strict: ['truncated-option', 'truncated-option-in-field', 'missing-message-type'],
  });
  if (!decoded.ok) return 'reject';
  const type = messageType(decoded.value);
  if (type === undefined || dhcpMessageTypeName(type) === undefined) return 'reject';
  if (decoded.value.hlen === 0 && decoded.value.htype === 1) return 'reject'; // RFC 4390 is for InfiniBand
  // A name that is not one is not used, and the message is: the one malformed option that a codec lets pass (C42).
  const malformed = malformedOptions(decoded.value).filter(
    ({ name }) => OPTIONS[name].shape !== 'hostName' && OPTIONS[name].shape !== 'text',
  );
  return malformed.length > 0 ? 'reject' : 'accept';
}

function differs(
  what: string,
  got: Record<string, unknown>,
  wanted: Record<string, unknown>,
  keys: readonly string[],
): string | undefined {
  for (const key of keys) {
    const [a, b] = [canonical(got[key]), canonical(wanted[key])];
    if (a !== b) return `${what}.${key}: ${a}, expected ${b}`;
  }
  return undefined;
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
