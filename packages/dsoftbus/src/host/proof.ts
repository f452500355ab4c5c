/** The fields of a proof as they are written: `{"device_id":"…","verifying_key":[…],"signature":[…]}`. */
export interface Proof {
  readonly deviceId: string;
  readonly verifyingKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** Without white space, fields in the order of the upstream code. */
export function encodeProof({ deviceId, verifyingKey, signature }: Proof): Uint8Array {
  const text = JSON.stringify({ device_id: deviceId, verifying_key: [...verifyingKey], signature: [...signature] });
  return new TextEncoder().encode(text);
}

/** Total: `undefined` for whatever is no proof. As upstream, other fields are ignored, the order is free, a field twice is an error. */
export function decodeProof(bytes: Uint8Array): Proof | undefined {
  let text: string;
  let value: unknown;
  try {
    text = UTF8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || hasFieldTwice(text)) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  const deviceId = fields.get('device_id');
  const verifyingKey = octetsOf(fields.get('verifying_key'));
  const signature = octetsOf(fields.get('signature'));
  if (typeof deviceId !== 'string' || verifyingKey === undefined || signature === undefined) return undefined;
  return { deviceId, verifyingKey, signature };
}

function octetsOf(value: unknown): Uint8Array | undefined {
  if (!Array.isArray(value)) return undefined;
  const isOctet = (each: unknown): boolean => Number.isInteger(each) && (each as number) >= 0 && (each as number) <= 255;
  return value.every(isOctet) ? Uint8Array.from(value as number[]) : undefined;
}

/** `JSON.parse` takes the last of two fields with one name. The text is known to be an object, so its own keys are easy to find. */
function hasFieldTwice(text: string): boolean {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && key !== undefined) {
      const name = JSON.parse(key) as string;
      if (FIELDS.has(name) && seen.has(name)) return true;
      seen.add(name);
    }
  }
  return false;
}

const FIELDS: ReadonlySet<string> = new Set(['device_id', 'verifying_key', 'signature']);
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
