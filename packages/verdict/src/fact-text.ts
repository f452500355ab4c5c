import { describeFact, type Fact } from '@nexus-net/wire';

/** One line about a fact, for people: the kind and its values. */
export function factText(fact: Fact): string {
  const { kind, at: _at, ...details } = describeFact(fact);
  return `${kind} ${Object.entries(details)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')}`;
}
