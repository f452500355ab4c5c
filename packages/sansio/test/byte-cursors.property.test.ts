import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { ByteReader, ByteWriter, bytesEqual } from '../src/index.js';
import { octets } from './support/arbitraries.js';
import { property } from './support/law.js';

type Field =
  | { readonly type: 'u8' | 'u16' | 'u32'; readonly value: number }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'zeros'; readonly value: number };

const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat({ max: 0xff }) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat({ max: 0xffff }) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffffffff }) }),
  fc.record({ type: fc.constant('bytes' as const), value: octets }),
  fc.record({ type: fc.constant('zeros' as const), value: fc.nat({ max: 20 }) }),
);

/** The octets of a field, by other means than the writer's. */
function octetsOf({ type, value }: Field): Uint8Array {
  if (type === 'bytes') return value;
  if (type === 'zeros') return new Uint8Array(value);
  return Uint8Array.from(Buffer.from(value.toString(16).padStart({ u8: 2, u16: 4, u32: 8 }[type], '0'), 'hex'));
}

function write(writer: ByteWriter, { type, value }: Field): void {
  if (type === 'bytes') writer.bytes(value);
  else writer[type](value);
}

property('a writer holds the fields that fitted, in order, and knows whether one did not', {
  law: (create: (capacity: number) => ByteWriter) =>
    fc.property(fc.array(field, { maxLength: 12 }), fc.nat({ max: 80 }), (fields, capacity) => {
      const writer = create(capacity);
      const fitted: Uint8Array[] = [];
      let room = capacity;
      let missed = false;
      for (const each of fields) {
        write(writer, each);
        const part = octetsOf(each);
        if (part.length <= room) {
          fitted.push(part);
          room -= part.length;
        } else missed = true;
        if (writer.remaining !== room || writer.overflow !== missed || writer.offset !== capacity - room) return false;
      }
      return Buffer.concat(fitted).equals(writer.finish());
    }),
  real: (capacity) => new ByteWriter(capacity),
  planted: {
    'one octet more than there is room': (capacity) => new ByteWriter(capacity + 1),
    'overflow is forgotten by the next write': (capacity) => {
      let overflow = false;
      return new (class extends ByteWriter {
        override get overflow(): boolean {
          return overflow;
        }
        override u8(value: number): void {
          overflow = this.remaining < 1;
          super.u8(value);
        }
      })(capacity);
    },
    'u16 in the other order': (capacity) =>
      new (class extends ByteWriter {
        override u16(value: number): void {
          super.u16(((value & 0xff) << 8) | (value >>> 8));
        }
      })(capacity),
  },
});

type Read = { readonly type: 'u8' | 'u16' | 'u32' | 'rest' } | { readonly type: 'take' | 'skip'; readonly length: number };

const read: fc.Arbitrary<Read> = fc.oneof(
  fc.record({ type: fc.constantFrom('u8' as const, 'u16' as const, 'u32' as const) }),
  fc.record({ type: fc.constantFrom('take' as const, 'skip' as const), length: fc.integer({ min: -1, max: 30 }) }),
  { arbitrary: fc.record({ type: fc.constant('rest' as const) }), weight: 1 },
);

/** The same fields from a Buffer, with the rule of the reader: a read that doesn't fit gives nothing and moves nothing. */
class ModelReader {
  readonly #bytes: Buffer;
  offset = 0;
  overrun = false;
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }
  next(operation: Read): number | Uint8Array {
    const rest = this.#bytes.length - this.offset;
    const sized = { u8: 1, u16: 2, u32: 4, rest };
    const length = 'length' in operation ? operation.length : sized[operation.type];
    const fits = length >= 0 && length <= rest;
    const part = fits ? this.#bytes.subarray(this.offset, this.offset + length) : Buffer.alloc(0);
    this.offset += part.length;
    this.overrun ||= !fits;
    if (operation.type === 'skip') return 0;
    if (operation.type === 'take' || operation.type === 'rest') return part;
    return fits ? part.readUIntBE(0, length) : 0;
  }
}

function next(reader: ByteReader, operation: Read): number | Uint8Array {
  switch (operation.type) {
    case 'take':
      return reader.take(operation.length);
    case 'skip':
      reader.skip(operation.length);
      return 0;
    default:
      return reader[operation.type]();
  }
}

property('a reader gives what its model gives, for any reads of any bytes', {
  law: (create: (bytes: Uint8Array) => ByteReader) =>
    fc.property(octets, fc.array(read, { maxLength: 15 }), (bytes, operations) => {
      const reader = create(bytes);
      const model = new ModelReader(bytes);
      return operations.every((operation) => {
        const [actual, expected] = [next(reader, operation), model.next(operation)];
        const same =
          typeof actual === 'number' || typeof expected === 'number' ? actual === expected : bytesEqual(actual, expected);
        return (
          same &&
          reader.overrun === model.overrun &&
          reader.offset === model.offset &&
          reader.remaining === bytes.length - model.offset
        );
      });
    }),
  real: (bytes) => new ByteReader(bytes),
  planted: {
    'take gives what there is instead of nothing': (bytes) =>
      new (class extends ByteReader {
        override take(length: number): Uint8Array {
          return super.take(Math.min(length, this.remaining));
        }
      })(bytes),
    'a short u32 is padded and consumed': (bytes) =>
      new (class extends ByteReader {
        override u32(): number {
          if (this.remaining >= 4) return super.u32();
          super.skip(this.remaining);
          return super.u32();
        }
      })(bytes),
    'a negative length moves backwards': (bytes) => {
      let back = 0;
      return new (class extends ByteReader {
        override skip(length: number): void {
          if (length < 0) back += length;
          else super.skip(length);
        }
        override get offset(): number {
          return super.offset + back;
        }
      })(bytes);
    },
  },
});

property('what a writer wrote, a reader reads back', {
  law: (create: (capacity: number) => ByteWriter) =>
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const writer = create(600);
      for (const each of fields) write(writer, each);
      const reader = new ByteReader(writer.finish());
      const alike = fields.every(({ type, value }) => {
        if (type === 'bytes') return bytesEqual(reader.take(value.length), value);
        if (type === 'zeros') return reader.take(value).every((octet) => octet === 0);
        return reader[type]() === value;
      });
      return alike && reader.remaining === 0 && !reader.overrun;
    }),
  real: (capacity) => new ByteWriter(capacity),
  planted: {
    'zeros are left out': (capacity) =>
      new (class extends ByteWriter {
        override zeros(): void {}
      })(capacity),
    'the sign bit of u32 is lost': (capacity) =>
      new (class extends ByteWriter {
        override u32(value: number): void {
          super.u32(value & 0x7fffffff);
        }
      })(capacity),
  },
});
