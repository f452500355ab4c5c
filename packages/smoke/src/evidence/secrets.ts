/** What a secret in a run's files may be. Stable labels: `--allow KIND`. */
export const SECRET_KINDS = ['private-key', 'token', 'password', 'named-secret', 'run-secret'] as const;

export type SecretKind = (typeof SECRET_KINDS)[number];

/** For the documentation and the help text. */
export const SECRET_MEANINGS: Readonly<Record<SecretKind, string>> = {
  'private-key': 'a private key: PEM, OpenSSH, PuTTY, age, JWK, or PEM in base64',
  token: 'a token with a known form: GitHub, GitLab, AWS, Slack, npm, Google, Stripe, a JSON Web Token, or a bearer token',
  password: 'a password: `password=…` and the like, in an address, or in HTTP basic authentication',
  'named-secret': 'a value of at least 16 characters under a name such as `api_key`, `access_token`, `client_secret`',
  'run-secret': 'the seed that the guest was given at its prompt, from which its keys are drawn',
};

export interface SecretFinding {
  readonly kind: SecretKind;
  readonly file: string;
  /** Where, in the file's own terms: `line 4, column 97`, `frame 12`, `frames 12–13 (TCP stream)`. */
  readonly place: string;
}

/** A secret in octets. */
export interface SecretMatch {
  readonly kind: SecretKind;
  readonly offset: number;
  readonly length: number;
}

interface SecretRule {
  readonly kind: SecretKind;
  /** Global; begins where few things begin, and repeats nothing without a bound, so that no input takes longer than its length. */
  readonly pattern: RegExp;
}

/** A quotation mark in plain text, JSON, JSON in JSON, or HTML. */
const Q = String.raw`(?:\\{0,3}["']|&quot;|&#34;|&#39;)`;
const IS = String.raw`${Q}?[ \t]{0,4}[:=][ \t]{0,4}${Q}?`;

const RULES: readonly SecretRule[] = [
  { kind: 'private-key', pattern: /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g },
  // `-----BEGIN PRIVATE`, `OPENSSH`, `RSA PRI`, `EC PRIVA`, `ENCRYPTED` in base64
  { kind: 'private-key', pattern: /LS0tLS1CRUdJTi(?:BQUklWQVRF|BPUEVOU1NI|BSU0EgUFJJ|BFQyBQUklW|BFTkNSWVBURU)/g },
  { kind: 'private-key', pattern: /PuTTY-User-Key-File-[1-9]:/g },
  { kind: 'private-key', pattern: /(?<![A-Za-z0-9])AGE-SECRET-KEY-1[A-Z0-9]{40,80}/gi },
  { kind: 'private-key', pattern: new RegExp(String.raw`${Q}d${Q}[ \t]{0,4}:[ \t]{0,4}${Q}[A-Za-z0-9_-]{43}${Q}`, 'g') },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{36,255}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{50,255}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,64}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])xox[abeprs]-[A-Za-z0-9-]{10,250}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9])[sr]k_live_[A-Za-z0-9]{16,100}/g },
  { kind: 'token', pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}/g },
  { kind: 'token', pattern: new RegExp(`authorization${IS}bearer [A-Za-z0-9._~+/=-]{16,}`, 'gi') },
  { kind: 'password', pattern: new RegExp(`authorization${IS}basic [A-Za-z0-9+/]{8,}={0,2}`, 'gi') },
  {
    kind: 'password',
    pattern: /(?<![a-z0-9])[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@"'<>]{1,128}:(?<value>[^\s/@"'<>]{3,128})@[A-Za-z0-9[]/gi,
  },
  {
    kind: 'password',
    pattern: new RegExp(String.raw`(?:password|passwd|passphrase)${IS}(?<value>[^\s"'&<>\\,;\x00-\x1f]{4,256})`, 'gi'),
  },
  {
    kind: 'named-secret',
    pattern: new RegExp(
      `(?:secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[A-Za-z_]{0,20}${IS}(?<value>[A-Za-z0-9+/_=.~-]{16,512})`,
      'gi',
    ),
  },
  { kind: 'run-secret', pattern: new RegExp(String.raw`${Q}seed${Q}[ \t]{0,4}:[ \t]{0,4}${Q}[0-9a-f]{64}${Q}`, 'gi') },
];

/** What stands where a secret would: no secret. */
const PLACEHOLDER = /^(?:[*x.]+|[<${[].*|null|none|true|false|undefined|withheld.*|redacted.*)$/i;

/** Matches of one file that are listed. */
const MATCHES_MAX = 1_000;

/**
 * The secrets in octets, by their forms, in order. Octets are read one a character, so that text in any file is found, binary or not.
 * Total, in time linear in the length.
 */
export function findSecrets(bytes: Uint8Array): readonly SecretMatch[] {
  const matches: SecretMatch[] = [];
  for (let start = 0; start < bytes.length; start += WINDOW - OVERLAP) {
    const text = latin1(bytes.subarray(start, start + WINDOW));
    for (const { kind, pattern } of RULES) {
      for (const match of text.matchAll(pattern)) {
        const value = match.groups?.['value'];
        if (value !== undefined && PLACEHOLDER.test(value)) continue;
        matches.push({ kind, offset: start + match.index, length: match[0].length });
        if (matches.length >= MATCHES_MAX) break;
      }
    }
    if (start + WINDOW >= bytes.length || matches.length >= MATCHES_MAX) break;
  }
  const seen = new Set<string>();
  return matches
    .sort((a, b) => a.offset - b.offset)
    .filter(({ kind, offset }) => !seen.has(`${kind} ${offset}`) && seen.add(`${kind} ${offset}`));
}

/** Octets that become one string; a secret is found as long as it fits in the overlap of two. */
const WINDOW = 2 ** 18;
const OVERLAP = 8_192;

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
