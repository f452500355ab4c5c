/**
 * What the options of an IPv4 header ask for. Walks them once; a length of 0, 1 or past the end is `bad`, never a
 * loop. `source-route`: options 3 and 9 let a sender steer a packet around filters (RFC 7126 §4.3, §4.4).
 */
export function judgeOptions(options: Uint8Array): 'fine' | 'bad' | 'source-route' {
  let at = 0;
  while (at < options.length) {
    const code = options[at] as number;
    if (code === OPTION_END) return 'fine';
    if (code === OPTION_NOP) {
      at += 1;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) return 'bad';
    if (code === OPTION_LOOSE_SOURCE_ROUTE || code === OPTION_STRICT_SOURCE_ROUTE) return 'source-route';
    at += length;
  }
  return 'fine';
}

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_LOOSE_SOURCE_ROUTE = 131;
const OPTION_STRICT_SOURCE_ROUTE = 137;
