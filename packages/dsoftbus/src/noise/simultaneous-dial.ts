import { requireArgument } from '@nexus-net/sansio';

/**
 * Two nodes dialled each other at the same time: whose connection survives. Both compute the same from the two device ids: the dial of
 * the lower id, compared octet by octet in UTF-8. To be asked only for a peer whose id is proven, or a stranger could take a
 * connection down by its name.
 */
export function survivingDial(ourId: string, theirId: string): 'ours' | 'theirs' {
  const [ours, theirs] = [new TextEncoder().encode(ourId), new TextEncoder().encode(theirId)];
  for (let i = 0; i < Math.min(ours.length, theirs.length); i++) {
    const difference = (ours[i] as number) - (theirs[i] as number);
    if (difference !== 0) return difference < 0 ? 'ours' : 'theirs';
  }
  requireArgument(ours.length !== theirs.length, 'a node has another id than its peer');
  return ours.length < theirs.length ? 'ours' : 'theirs';
}
