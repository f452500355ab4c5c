import { requireArgument } from '@nexus-net/sansio';

export type Token = 'e' | 's' | 'ee' | 'es' | 'se' | 'ss' | 'psk';
export type Role = 'initiator' | 'responder';

export interface MessagePattern {
  readonly sender: Role;
  readonly tokens: readonly Token[];
}

export interface HandshakePattern {
  /** With its modifiers, as in the protocol's name: `XKpsk3`. */
  readonly name: string;
  /** Whose static key the other side knows beforehand. */
  readonly preMessages: readonly Role[];
  readonly messages: readonly MessagePattern[];
  /** Pre-shared keys that it takes. */
  readonly pskCount: number;
  /** Only the initiator sends (Noise §7.4). */
  readonly oneWay: boolean;
}

/**
 * The patterns of Noise §7.4 (one-way), §7.5 (fundamental) and §18.1 (deferred), as they are written there: what is known
 * beforehand before `...`, then one message an arrow.
 */
export const PATTERNS = {
  N: '<- s ... -> e es',
  K: '-> s <- s ... -> e es ss',
  X: '<- s ... -> e es s ss',
  NN: '-> e <- e ee',
  NK: '<- s ... -> e es <- e ee',
  NX: '-> e <- e ee s es',
  XN: '-> e <- e ee -> s se',
  XK: '<- s ... -> e es <- e ee -> s se',
  XX: '-> e <- e ee s es -> s se',
  KN: '-> s ... -> e <- e ee se',
  KK: '-> s <- s ... -> e es ss <- e ee se',
  KX: '-> s ... -> e <- e ee se s es',
  IN: '-> e s <- e ee se',
  IK: '<- s ... -> e es s ss <- e ee se',
  IX: '-> e s <- e ee se s es',
  NK1: '<- s ... -> e <- e ee es',
  NX1: '-> e <- e ee s -> es',
  X1N: '-> e <- e ee -> s <- se',
  X1K: '<- s ... -> e es <- e ee -> s <- se',
  XK1: '<- s ... -> e <- e ee es -> s se',
  X1K1: '<- s ... -> e <- e ee es -> s <- se',
  X1X: '-> e <- e ee s es -> s <- se',
  XX1: '-> e <- e ee s -> es s se',
  X1X1: '-> e <- e ee s -> es s <- se',
  K1N: '-> s ... -> e <- e ee -> se',
  K1K: '-> s <- s ... -> e es <- e ee -> se',
  KK1: '-> s <- s ... -> e <- e ee se es',
  K1K1: '-> s <- s ... -> e <- e ee es -> se',
  K1X: '-> s ... -> e <- e ee s es -> se',
  KX1: '-> s ... -> e <- e ee se s -> es',
  K1X1: '-> s ... -> e <- e ee s -> se es',
  I1N: '-> e s <- e ee -> se',
  I1K: '<- s ... -> e es s <- e ee -> se',
  IK1: '<- s ... -> e s <- e ee se es',
  I1K1: '<- s ... -> e s <- e ee es -> se',
  I1X: '-> e s <- e ee s es -> se',
  IX1: '-> e s <- e ee se s -> es',
  I1X1: '-> e s <- e ee s -> se es',
} as const;

/** A pattern by its name with modifiers: `XK`, `XKpsk3`, `NNpsk0+psk2`. Throws `UsageError` for one that isn't known. */
export function handshakePattern(name: string): HandshakePattern {
  const known = PARSED.get(name);
  if (known !== undefined) return known;
  const [, base = '', modifiers = ''] = /^([A-Z0-9]+)(.*)$/.exec(name) ?? [];
  requireArgument(Object.hasOwn(PATTERNS, base), `no handshake pattern has the name ${JSON.stringify(name)}`);
  const plain = parse(base, PATTERNS[base as keyof typeof PATTERNS]);
  const pattern = modifiers === '' ? plain : withPsks(name, plain, modifiers);
  PARSED.set(name, pattern); // bounded: names with modifiers that a pattern doesn't have are refused above
  return pattern;
}

const PARSED = new Map<string, HandshakePattern>();

function parse(name: string, text: string): HandshakePattern {
  const [before, after] = text.includes('...') ? (text.split('...') as [string, string]) : ['', text];
  const messages = arrows(after);
  return {
    name,
    preMessages: arrows(before).map(({ sender }) => sender),
    messages,
    pskCount: 0,
    oneWay: messages.every(({ sender }) => sender === 'initiator'),
  };
}

function arrows(text: string): MessagePattern[] {
  return [...text.matchAll(/(->|<-)([ a-z]*)/g)].map(([, arrow, tokens = '']) => ({
    sender: arrow === '->' ? 'initiator' : 'responder',
    tokens: tokens.trim().split(' ') as Token[],
  }));
}

/** `psk0` puts a key in front of the first message, `pskN` behind the N-th (Noise §9.4). */
function withPsks(name: string, pattern: HandshakePattern, modifiers: string): HandshakePattern {
  const messages = pattern.messages.map(({ sender, tokens }) => ({ sender, tokens: [...tokens] }));
  const places = modifiers.split('+').map((modifier) => {
    requireArgument(/^psk[0-9]$/.test(modifier), `${JSON.stringify(modifier)} is no modifier of a handshake pattern`);
    return Number(modifier.slice(3));
  });
  requireArgument(
    places.every((place, i) => place <= messages.length && (i === 0 || place > (places[i - 1] as number))),
    'psk modifiers name messages of the pattern, each once and in order',
  );
  for (const place of places) {
    if (place === 0) messages[0]?.tokens.unshift('psk');
    else messages[place - 1]?.tokens.push('psk');
  }
  return { ...pattern, name, messages, pskCount: places.length };
}
