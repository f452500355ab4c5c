import type { ClientStateName } from './state.js';

/** What can make the client change its state. `timeout` stands for every timer of the state. */
export const CLIENT_TRIGGERS = [
  'start',
  'stop',
  'release',
  'decline',
  'inform',
  'linkDown',
  'linkUp',
  'probeFree',
  'probeInUse',
  'attachmentSame',
  'attachmentOther',
  'timeout',
  'offer',
  'ack',
  'nak',
  'forceRenew',
] as const;

export type ClientTrigger = (typeof CLIENT_TRIGGERS)[number];

/** The states that a trigger may lead to. An empty list: the trigger leaves the state as it is. */
export type TransitionRow = Readonly<Record<ClientTrigger, readonly ClientStateName[]>>;

const STAYS: TransitionRow = {
  start: [],
  stop: [],
  release: [],
  decline: [],
  inform: [],
  linkDown: [],
  linkUp: [],
  probeFree: [],
  probeInUse: [],
  attachmentSame: [],
  attachmentOther: [],
  timeout: [],
  offer: [],
  ack: [],
  nak: [],
  forceRenew: [],
};

/** In every state that wants an address. */
const RUNNING: TransitionRow = { ...STAYS, stop: ['stopped'], linkDown: ['halted'] };
/** In every state with an address in use. */
const HOLDING: TransitionRow = { ...RUNNING, release: ['stopped'], decline: ['waiting'] };

/**
 * Every change of state that the client can make: RFC 2131 figure 5 with the additions of {@link ClientStateName}. The
 * machine asserts each of its steps against this table; a test drives every cell; the diagram in the documentation is
 * generated from it.
 */
export const CLIENT_TRANSITIONS: Readonly<Record<ClientStateName, TransitionRow>> = {
  stopped: { ...STAYS, start: ['halted', 'init', 'init-reboot', 'detecting'], inform: ['informing'] },
  halted: { ...STAYS, stop: ['stopped'], linkUp: ['init', 'init-reboot', 'detecting'] },
  init: { ...RUNNING, timeout: ['selecting'] },
  selecting: {
    ...RUNNING,
    timeout: ['requesting'],
    offer: ['requesting', 'ipv6-only'],
    ack: ['bound', 'probing'], // RFC 4039, where asked for
  },
  requesting: { ...RUNNING, timeout: ['init'], ack: ['bound', 'probing'], nak: ['waiting'] },
  probing: {
    ...RUNNING,
    decline: ['waiting'],
    probeFree: ['bound'],
    probeInUse: ['waiting'],
    timeout: ['bound', 'init'],
  },
  bound: { ...HOLDING, timeout: ['renewing', 'rebinding', 'init'], forceRenew: ['renewing'] },
  renewing: { ...HOLDING, timeout: ['rebinding', 'init'], ack: ['bound', 'probing'], nak: ['init'] },
  rebinding: { ...HOLDING, timeout: ['init'], ack: ['bound', 'probing'], nak: ['init'] },
  'init-reboot': { ...RUNNING, timeout: ['rebooting', 'init'] },
  rebooting: {
    ...RUNNING,
    timeout: ['init', 'bound', 'probing'],
    ack: ['bound', 'probing', 'ipv6-only'],
    nak: ['init'],
  },
  waiting: { ...RUNNING, timeout: ['init'] },
  informing: { ...STAYS, stop: ['stopped'], linkDown: ['stopped'], timeout: ['stopped'], ack: ['stopped'] },
  detecting: { ...RUNNING, attachmentSame: ['bound'], attachmentOther: ['init-reboot'], timeout: ['init-reboot', 'init'] },
  'ipv6-only': { ...RUNNING, timeout: ['init'] },
};

/** The table as a Mermaid state diagram, one arrow for each pair of states, labelled with its triggers. */
export function transitionDiagram(): string {
  const arrows = new Map<string, ClientTrigger[]>();
  for (const [from, row] of Object.entries(CLIENT_TRANSITIONS) as [ClientStateName, TransitionRow][])
    for (const trigger of CLIENT_TRIGGERS)
      for (const to of row[trigger]) {
        const arrow = `${identifier(from)} --> ${identifier(to)}`;
        arrows.set(arrow, [...(arrows.get(arrow) ?? []), trigger]);
      }
  const lines = [...arrows].map(([arrow, triggers]) => `  ${arrow}: ${triggers.join(', ')}`);
  return ['stateDiagram-v2', '  [*] --> stopped', ...lines].join('\n');
}

/** Mermaid reads a hyphen as an operator. */
function identifier(state: ClientStateName): string {
  return state.replaceAll('-', '_');
}
