import { spawn } from 'node:child_process';
import { DEVICE, type Link } from './link.js';

export interface Load {
  /** Exchanges begun in a second; 0 is as many as it can. */
  readonly rate: number;
  /** Different clients. */
  readonly clients: number;
  readonly seconds: number;
}

export interface Served {
  /** Four-way exchanges that were completed in a second. */
  readonly perSecond: number;
  readonly begun: number;
  readonly completed: number;
  /** From REQUEST to ACK, milliseconds; `NaN` where none came. */
  readonly ackMs: number;
}

/** Runs Kea's load generator against whatever serves at the other end of the link. */
export async function perfdhcp(link: Link, { rate, clients, seconds }: Load): Promise<Served> {
  const pace = rate === 0 ? [] : ['-r', `${rate}`];
  const args = ['-4', '-l', DEVICE, ...pace, '-R', `${clients}`, '-p', `${seconds}`, '-W', '300000', 'all'];
  const child = spawn('ip', ['netns', 'exec', link.load.name, 'perfdhcp', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve); // it says with its exit code that something was dropped, which is no failure
  });
  return readReport(output, seconds);
}

function readReport(output: string, seconds: number): Served {
  const [, discover, request] = output.split('***Statistics for: ');
  const number = (text: string | undefined, pattern: RegExp): number => Number(pattern.exec(text ?? '')?.[1] ?? Number.NaN);
  const begun = number(discover, /sent packets: (\d+)/);
  const completed = number(request, /received packets: (\d+)/);
  if (Number.isNaN(begun) || Number.isNaN(completed)) throw new Error(`perfdhcp: ${output.trim().slice(-400)}`);
  return { perSecond: completed / seconds, begun, completed, ackMs: number(request, /avg delay: ([\d.]+) ms/) };
}
