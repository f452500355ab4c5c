import { err, ok, type Result, requireArgument } from '@nexus-net/sansio';
import type { DhcpMessage } from './message-fields.js';
import { type DhcpOption, type DhcpOptionList, optionValue } from './option-list.js';
import type { OptionError, Shape } from './options/shape.js';
import { SHAPES, type ShapeValue } from './options/shapes.js';
import { decodeSubOptions } from './options/sub-options.js';
import { OPTIONS, type OptionName, type OptionRow, RELAY_OPTIONS, type RelayOptionName } from './options/table.js';

/** The typed value of the option of that name. */
export type OptionValue<N extends OptionName> = ShapeValue<(typeof OPTIONS)[N]['shape']>;
export type RelayOptionValue<N extends RelayOptionName> = ShapeValue<(typeof RELAY_OPTIONS)[N]['shape']>;

/** A message, or the options of one. */
export type OptionSource = DhcpMessage | DhcpOptionList;

/** Reads one option. `undefined` where the message has none, and where it is malformed: then it counts as absent. */
export function readOption<N extends OptionName>(source: OptionSource, name: N): OptionValue<N> | undefined {
  const result = checkOption(source, name);
  return result.ok ? result.value : undefined;
}

/** The same, saying why there is no value. */
export function checkOption<N extends OptionName>(source: OptionSource, name: N): Result<OptionValue<N>, OptionError | 'absent'> {
  const octets = optionValue(listOf(source), OPTIONS[name].code);
  return octets === undefined ? err('absent') : decodeOption(name, octets);
}

/** Reads the octets of one option. Total. Views in the value are views of `octets`. */
export function decodeOption<N extends OptionName>(name: N, octets: Uint8Array): Result<OptionValue<N>, OptionError> {
  return shapeOf<OptionValue<N>>(OPTIONS[name]).decode(octets);
}

/** Makes one option. Throws `UsageError` for a value that it cannot hold, and for `overload`, which the encoder writes. */
export function option<N extends OptionName>(name: N, value: OptionValue<N>): DhcpOption {
  requireArgument(name !== 'overload', 'option 52 is written by the encoder');
  return { code: OPTIONS[name].code, value: shapeOf<OptionValue<N>>(OPTIONS[name]).encode(value) };
}

/** Reads one sub-option of option 82; `undefined` where it or the whole of option 82 is absent or malformed. */
export function readRelayOption<N extends RelayOptionName>(source: OptionSource, name: N): RelayOptionValue<N> | undefined {
  const result = checkRelayOption(source, name);
  return result.ok ? result.value : undefined;
}

/** The same, saying why there is no value. The first instance of a repeated sub-option counts. */
export function checkRelayOption<N extends RelayOptionName>(
  source: OptionSource,
  name: N,
): Result<RelayOptionValue<N>, OptionError | 'absent'> {
  const octets = optionValue(listOf(source), OPTIONS.relayAgent.code);
  if (octets === undefined) return err('absent');
  const list = decodeSubOptions(octets);
  if (!list.ok) return list;
  const value = optionValue(list.value, RELAY_OPTIONS[name].code);
  return value === undefined ? err('absent') : shapeOf<RelayOptionValue<N>>(RELAY_OPTIONS[name]).decode(value);
}

/** Makes one sub-option of option 82: `option('relayAgent', [relayOption('circuitId', …)])`. */
export function relayOption<N extends RelayOptionName>(name: N, value: RelayOptionValue<N>): DhcpOption {
  return { code: RELAY_OPTIONS[name].code, value: shapeOf<RelayOptionValue<N>>(RELAY_OPTIONS[name]).encode(value) };
}

/** `routers` for 3; `undefined` for a code without a typed value. */
export function optionName(code: number): OptionName | undefined {
  return NAMES.get(code);
}

/** An option of a message whose octets are not a value of its shape. */
export interface MalformedOption {
  readonly name: OptionName;
  readonly code: number;
  readonly error: OptionError;
}

/** All options of a message that count as absent because of their octets: for counters, witnesses and reports. */
export function malformedOptions(source: OptionSource): readonly MalformedOption[] {
  const list: MalformedOption[] = [];
  for (const { code, value } of listOf(source)) {
    const name = NAMES.get(code);
    const result = name === undefined ? ok(undefined) : decodeOption(name, value);
    if (name !== undefined && !result.ok) list.push({ name, code, error: result.error });
  }
  return list;
}

function listOf(source: OptionSource): DhcpOptionList {
  return 'options' in source ? source.options : source;
}

/** The compiler cannot follow a row to its shape for a name that is not known yet; the table's type has checked the pair. */
function shapeOf<V>(row: OptionRow): Shape<V> {
  return SHAPES[row.shape] as unknown as Shape<V>;
}

const NAMES: ReadonlyMap<number, OptionName> = new Map(
  (Object.keys(OPTIONS) as OptionName[]).map((name) => [OPTIONS[name].code, name]),
);
