import { readFileSync } from 'node:fs';
import { formatIpv4 } from '@nexus-net/sansio';
import type { Dissection } from '@nexus-net/wire';
import { type CaseReport, notRun } from '../report.js';
import { jsonOf, type VectorFile } from '../vector-file.js';
import { type HostileFrames, type Reaction, react } from './ip-hostile.js';

interface LinuxReaction {
  readonly id: string;
  readonly replies?: number;
  /** The first four of them, in words. */
  readonly first?: readonly string[];
}

/** Where the differences are explained, one row for each id. */
const EXPLANATIONS = new URL('../../docs/ip-hostile.md', import.meta.url);

/**
 * What our host sends in answer to the hostile frames, beside what a Linux kernel sends. A difference is no failure; one that is not
 * explained in docs/ip-hostile.md is, and so is an explanation of a difference that is none.
 */
export function checkLinuxReactions({ bytes, folder, path, progress }: VectorFile): CaseReport {
  const { reactions } = jsonOf<{ readonly reactions?: readonly LinuxReaction[] }>({ bytes, folder, path, progress });
  if (reactions === undefined) return notRun('there are no reactions in it');
  const cases = readCases(`${folder}/cases.json`);
  const explained = explainedIds(readFileSync(EXPLANATIONS, 'utf8'));
  const failed: { id: string; problem: string }[] = [];
  let passed = 0;
  for (const { id, replies, first } of reactions) {
    if (replies === undefined || first === undefined) continue; // the kernel's driver refused the frame
    const one = cases.get(id);
    if (one === undefined) {
      failed.push({ id, problem: 'there is no such case' });
      continue;
    }
    const ours = describe(react(one));
    const same = ours.length === replies && first.every((text, i) => ours[i] === text);
    if (same === explained.has(id))
      failed.push({
        id,
        problem: same
          ? 'docs/ip-hostile.md explains a difference that is none'
          : `not explained: Linux sends ${replies}: ${first.join(', ')}; we send ${ours.length}: ${ours.slice(0, 4).join(', ')}`,
      });
    else passed++;
  }
  return { passed, failed, notRun: [] };
}

function readCases(file: string): ReadonlyMap<string, HostileFrames> {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { readonly cases: readonly HostileFrames[] };
  return new Map(cases.map((one) => [one.id, one]));
}

/** The ids of the rows of the table of differences. */
function explainedIds(markdown: string): ReadonlySet<string> {
  const [, table = ''] = markdown.split('## Differences');
  return new Set([...table.matchAll(/^\| (I\d{3}) /gm)].map(([, id]) => id as string));
}

/** Our packets in the words that the reactions of Linux are written in; ARP requests are none of them. */
function describe({ sent }: Reaction): string[] {
  return sent.map((layers) => describePacket(layers));
}

function describePacket({ arp, ipv4, icmp, tcp }: Dissection): string {
  if (arp !== undefined) return `ARP reply ${formatIpv4(arp.targetIp)}`;
  if (ipv4 === undefined) return 'something else';
  const { protocol, fragmentOffset, moreFragments, options, payload } = ipv4;
  const to = `to ${formatIpv4(ipv4.destination)}`;
  if (moreFragments || fragmentOffset > 0)
    return `IPv4 fragment proto ${protocol} off ${fragmentOffset} mf ${moreFragments ? 1 : 0} ${to}`;
  if (tcp !== undefined) {
    const flags = `${tcp.flags.syn ? 'S' : ''}${tcp.flags.rst ? 'R' : ''}${tcp.flags.fin ? 'F' : ''}${tcp.flags.ack ? 'A' : ''}`;
    const sequence = tcp.flags.syn ? 'isn' : `${tcp.sequence}`;
    return `TCP ${tcp.sourcePort}>${tcp.destinationPort} [${flags}] ack ${tcp.acknowledgment} seq ${sequence} ${to}`;
  }
  const length = 20 + options.length + payload.length;
  if (icmp === undefined) return `IPv4 proto ${protocol} len ${length} ${to}`;
  return `ICMP type ${payload[0]} code ${payload[1]} len ${length} ${to}`;
}
