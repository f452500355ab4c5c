import type { Result } from '@nexus-net/sansio';
import { err, ok } from '@nexus-net/sansio';

export type ElfError = 'not-elf64-little-endian' | 'truncated';

/** What a program or library asks of the loader. */
export interface ElfNeeds {
  /** The loader, as `/lib64/ld-linux-x86-64.so.2`; `undefined` for a library and for a static program. */
  readonly interpreter: string | undefined;
  /** The libraries by name, as `libc.so.6`. */
  readonly libraries: readonly string[];
}

/** Reads the program headers of an ELF file (System V ABI, 64 bit): the loader and the libraries that it names. */
export function elfNeeds(bytes: Uint8Array): Result<ElfNeeds, ElfError> {
  const segments = segmentsOf(bytes);
  if (!segments.ok) return segments;
  const view = viewOf(bytes);
  const text = (at: number): string => {
    const end = bytes.indexOf(0, at);
    return new TextDecoder().decode(bytes.subarray(at, end === -1 ? bytes.length : end));
  };
  const interpreter = segments.value.find(({ type }) => type === PT_INTERP);
  const dynamic = segments.value.find(({ type }) => type === PT_DYNAMIC);
  const names: number[] = [];
  let strings = 0;
  const end = dynamic === undefined ? 0 : dynamic.offset + dynamic.fileSize;
  for (let at = dynamic?.offset ?? 0; at + 16 <= end; at += 16) {
    const tag = Number(view.getBigInt64(at, true));
    const value = Number(view.getBigUint64(at + 8, true));
    if (tag === DT_NULL) break;
    if (tag === DT_NEEDED) names.push(value);
    if (tag === DT_STRTAB) strings = fileOffset(segments.value, value);
  }
  return ok({
    interpreter: interpreter === undefined ? undefined : text(interpreter.offset),
    libraries: names.map((name) => text(strings + name)),
  });
}

/**
 * The same file with all that the loader does not read cut off its end: section headers, symbols, debug information. As `strip`
 * does it, for files whose segments come first; a file that can't be read this way comes back as it is.
 */
export function withoutSections(bytes: Uint8Array): Uint8Array {
  const segments = segmentsOf(bytes);
  if (!segments.ok) return bytes;
  const end = Math.max(HEADER_LENGTH, ...segments.value.map(({ offset, fileSize }) => offset + fileSize));
  const cut = bytes.slice(0, end);
  const view = viewOf(cut);
  view.setBigUint64(E_SHOFF, 0n, true);
  view.setUint16(E_SHNUM, 0, true);
  view.setUint16(E_SHSTRNDX, 0, true);
  return cut;
}

interface Segment {
  readonly type: number;
  /** Where it stands in the file, in octets. */
  readonly offset: number;
  readonly fileSize: number;
  readonly address: number;
}

function segmentsOf(bytes: Uint8Array): Result<readonly Segment[], ElfError> {
  const isElf = bytes.length >= HEADER_LENGTH && IDENT.every((octet, at) => bytes[at] === octet);
  if (!isElf) return err('not-elf64-little-endian');
  const view = viewOf(bytes);
  const table = Number(view.getBigUint64(E_PHOFF, true));
  const count = view.getUint16(E_PHNUM, true);
  if (view.getUint16(E_PHENTSIZE, true) < PROGRAM_HEADER_LENGTH || table + count * PROGRAM_HEADER_LENGTH > bytes.length) {
    return err('truncated');
  }
  const segments: Segment[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * view.getUint16(E_PHENTSIZE, true);
    if (at + PROGRAM_HEADER_LENGTH > bytes.length) return err('truncated');
    const offset = Number(view.getBigUint64(at + 8, true));
    const fileSize = Number(view.getBigUint64(at + 32, true));
    if (offset + fileSize > bytes.length) return err('truncated');
    segments.push({ type: view.getUint32(at, true), offset, fileSize, address: Number(view.getBigUint64(at + 16, true)) });
  }
  return ok(segments);
}

/** Where a virtual address stands in the file; zero where no segment loads it. */
function fileOffset(segments: readonly Segment[], address: number): number {
  const holder = segments.find(
    (segment) => segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.fileSize,
  );
  return holder === undefined ? 0 : address - holder.address + holder.offset;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** 0x7f "ELF", 64 bit, little-endian. */
const IDENT = [0x7f, 0x45, 0x4c, 0x46, 2, 1] as const;
const HEADER_LENGTH = 64;
const PROGRAM_HEADER_LENGTH = 56;
const E_PHOFF = 0x20;
const E_SHOFF = 0x28;
const E_PHENTSIZE = 0x36;
const E_PHNUM = 0x38;
const E_SHNUM = 0x3c;
const E_SHSTRNDX = 0x3e;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT_NULL = 0;
const DT_NEEDED = 1;
const DT_STRTAB = 5;
