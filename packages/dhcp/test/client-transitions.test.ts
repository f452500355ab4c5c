import { describe, expect, test } from 'vitest';
import { transitionDiagram } from '../src/client/transitions.js';
import {
  CLIENT_TRANSITIONS,
  CLIENT_TRIGGERS,
  type ClientStateName,
  type ClientTrigger,
  type DhcpClientConfig,
} from '../src/index.js';
import { ADDRESS, boundLab, ClientLab, OTHER_ADDRESS, S, u32 } from './support/client-lab.js';
import { authenticate, forceRenew, NONCE } from './support/force-renew.js';

const STATES = Object.keys(CLIENT_TRANSITIONS) as ClientStateName[];

/** Ways into each state, with the configurations that change where it leads. */
const WAYS: Readonly<Record<ClientStateName, readonly (() => ClientLab)[]>> = {
  stopped: [
    () => new ClientLab(),
    () => new ClientLab().run((client) => client.linkDown(0)),
    () => new ClientLab({ remembered: boundLab().lease }),
    () => new ClientLab({ remembered: boundLab().lease, detectAttachment: true }),
  ],
  halted: [
    () => new ClientLab().start().run((client) => client.linkDown(0)),
    () => boundLab().run((client) => client.linkDown(0)),
    () => boundLab({ detectAttachment: true }).run((client) => client.linkDown(0)),
  ],
  init: [() => new ClientLab({ startDelayMs: { low: 5 * S, high: 5 * S } }).start()],
  selecting: [
    () => new ClientLab().start(),
    () => new ClientLab({ rapidCommit: true, ipv6OnlyPreferred: true }).start(),
    () => new ClientLab({ rapidCommit: true, conflictDetection: true, offerWindowMs: S }).start(),
    () => new ClientLab({ offerWindowMs: S }).start().receive('offer'),
  ],
  requesting: [
    () => new ClientLab().start().receive('offer'),
    () => new ClientLab({ conflictDetection: true }).start().receive('offer'),
  ],
  probing: [
    () => new ClientLab({ conflictDetection: true }).start().acquire(),
    () => new ClientLab({ conflictDetection: true }).start().acquire({ options: { 51: u32(5) } }),
  ],
  bound: [
    () => boundLab({ forceRenew: authenticate }, { options: { 90: NONCE } }),
    () => boundLab({}, { options: { 59: u32(60) } }), // T1 = T2: no RENEWING
    () => boundLab({ releaseOnStop: true }, { options: { 51: u32(0xffffffff) } }),
  ],
  renewing: [() => boundLab().jumpTo(1800 * S), () => changing().jumpTo(1800 * S)],
  rebinding: [() => boundLab().jumpTo(3150 * S), () => changing().jumpTo(3150 * S)],
  'init-reboot': [
    () => new ClientLab({ remembered: boundLab().lease, startDelayMs: { low: 5 * S, high: 5 * S } }).start(),
    () =>
      new ClientLab({
        remembered: boundLab({}, { options: { 51: u32(3) } }).lease,
        startDelayMs: { low: 5 * S, high: 5 * S },
      }).start(),
  ],
  rebooting: [
    {},
    { rebootUnanswered: 'keep-lease' as const },
    { rebootUnanswered: 'keep-lease' as const, conflictDetection: true },
    { ipv6OnlyPreferred: true },
  ].map((config: Partial<DhcpClientConfig>) => () => new ClientLab({ remembered: boundLab().lease, ...config }).start()),
  waiting: [() => new ClientLab().start().receive('offer').receive('nak')],
  informing: [() => new ClientLab().run((client) => client.inform(0, ADDRESS))],
  detecting: [
    () => new ClientLab({ remembered: boundLab().lease, detectAttachment: true }).start(),
    () =>
      new ClientLab({
        remembered: boundLab({}, { options: { 51: u32(1) } }).lease,
        detectAttachment: true,
        detectMsMax: 2 * S,
      }).start(),
  ],
  'ipv6-only': [() => new ClientLab({ ipv6OnlyPreferred: true }).start().receive('offer', { options: { 108: u32(0) } })],
};

function changing(): ClientLab {
  return new ClientLab({ conflictDetection: true })
    .start()
    .acquire()
    .run((client) => client.probeResult(0, 'free'));
}

/** Variants of each trigger. A timeout is every deadline from here until the state is left. */
const TRIGGERS: Readonly<Record<ClientTrigger, readonly ((lab: ClientLab) => void)[]>> = {
  start: [command((lab) => lab.client.start(lab.now))],
  stop: [command((lab) => lab.client.stop(lab.now))],
  release: [command((lab) => lab.client.release(lab.now))],
  decline: [command((lab) => lab.client.decline(lab.now))],
  inform: [command((lab) => lab.client.inform(lab.now, ADDRESS))],
  linkDown: [command((lab) => lab.client.linkDown(lab.now))],
  linkUp: [command((lab) => lab.client.linkUp(lab.now))],
  probeFree: [command((lab) => lab.client.probeResult(lab.now, 'free'))],
  probeInUse: [command((lab) => lab.client.probeResult(lab.now, 'in-use'))],
  attachmentSame: [command((lab) => lab.client.attachmentResult(lab.now, 'same'))],
  attachmentOther: [
    command((lab) => lab.client.attachmentResult(lab.now, 'other')),
    command((lab) => lab.client.attachmentResult(lab.now, 'unknown')),
  ],
  timeout: [
    (lab) => {
      const { state } = lab;
      for (let i = 0; i < 20 && lab.state === state && lab.client.nextTimeout() < Infinity; i++)
        lab.jumpTo(lab.client.nextTimeout());
    },
    (lab) => lab.jumpTo(3600 * S),
  ],
  offer: [
    (lab) => lab.receive('offer'),
    (lab) => lab.receive('offer', { options: { 108: u32(60) } }),
    (lab) => lab.receive('offer', { options: { 80: [] } }),
  ],
  ack: [
    (lab) => lab.receive('ack'),
    (lab) => lab.receive('ack', { yiaddr: OTHER_ADDRESS }),
    (lab) => lab.receive('ack', { options: { 80: [] } }),
    (lab) => lab.receive('ack', { options: { 108: u32(60) } }),
  ],
  nak: [(lab) => lab.receive('nak')],
  forceRenew: [(lab) => lab.receiveBytes(forceRenew(1))],
};

function command(run: (lab: ClientLab) => unknown): (lab: ClientLab) => void {
  return (lab) => {
    lab.run(() => {
      run(lab);
      return undefined;
    });
  };
}

/** The states that follow directly, by trigger variants; chains behind the first change belong to other cells. */
function reached(state: ClientStateName, trigger: ClientTrigger): Set<ClientStateName> {
  const targets = new Set<ClientStateName>();
  for (const way of WAYS[state])
    for (const pull of TRIGGERS[trigger]) {
      const lab = way();
      expect(lab.state).toBe(state);
      const before = lab.events.length;
      pull(lab);
      const change = lab.events.slice(before).find((event) => event.type === 'state');
      if (change?.type === 'state') targets.add(change.to);
    }
  return targets;
}

describe('the table of transitions', () => {
  test.each(STATES)('%s: each trigger leads where the table says, everywhere it says, and nowhere else', (state) => {
    for (const trigger of CLIENT_TRIGGERS)
      expect([trigger, ...[...reached(state, trigger)].sort()]).toEqual([
        trigger,
        ...[...CLIENT_TRANSITIONS[state][trigger]].sort(),
      ]);
  });

  test('every state can be reached, and left', () => {
    const targets = new Set(STATES.flatMap((state) => CLIENT_TRIGGERS.flatMap((trigger) => CLIENT_TRANSITIONS[state][trigger])));
    expect([...targets].sort()).toEqual([...STATES].sort());
    for (const state of STATES)
      expect(CLIENT_TRIGGERS.some((trigger) => CLIENT_TRANSITIONS[state][trigger].length > 0)).toBe(true);
  });

  test('the diagram in the documentation is the table', async () => {
    const text = [
      '# States of the DHCP client',
      '',
      'Generated from `CLIENT_TRANSITIONS` (packages/dhcp/src/client/transitions.ts); a test compares. `vitest -u` writes it anew.',
      'A trigger that a state does not name leaves it as it is. `timeout` stands for every timer of the state.',
      '',
      '```mermaid',
      transitionDiagram(),
      '```',
      '',
    ].join('\n');
    await expect(text).toMatchFileSnapshot('../../../docs/dhcp-client-states.md');
  });
});
