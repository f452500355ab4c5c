import {
  type Datagram,
  type Endpoint,
  type Entropy,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Address,
  type Millis,
  NEVER,
  SECOND,
  SeededEntropy,
} from '@nexus-net/sansio';
import fc from 'fast-check';
import { property } from '../../sansio/test/support/law.js';
import { DhcpClient, type DhcpClientEvent, type DhcpLease, type DhcpMessage } from '../src/index.js';
import { boundLab, MAC } from './support/client-lab.js';
import {
  encodeReply,
  INFORM_ADDRESS,
  type MakeClient,
  messageOf,
  type Outcome,
  play,
  type Reply,
  replies,
  type Script,
  scripts,
  trace,
  typeOf,
} from './support/client-script.js';

const real: MakeClient = (config) => new DhcpClient(config);

/** States a law about each outcome of a script; `check` is made anew for each script, so it may remember. */
function law(check: () => (outcome: Outcome, client: DhcpClient) => void): (make: MakeClient) => fc.IProperty<[Script]> {
  return (make) => fc.property(scripts, (script) => play(make, script, check()));
}

function must(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** The lease that the application believes to hold, from the events alone. */
class Application {
  lease: DhcpLease | undefined;

  see(event: DhcpClientEvent): void {
    if (event.type === 'bound') {
      must(this.lease === undefined || this.lease.address === event.lease.address, 'a second address without leaving the first');
      this.lease = event.lease;
    }
    if (event.type === 'unbound') {
      must(this.lease?.address === event.address, 'an address to leave that was not in use');
      this.lease = undefined;
    }
  }
}

// ---------------------------------------------------------------------------------------------- addresses before binding

/**
 * 68 → 67 always. 0.0.0.0 → 255.255.255.255 unless the source is the address of a lease that the application holds and
 * that has not ended, or the one that it has configured itself for INFORM.
 */
const addresses = law(() => {
  const application = new Application();
  return ({ now, sent, events }) => {
    const held: Ipv4Address[] = [];
    if (application.lease !== undefined && application.lease.expiresAt > now) held.push(application.lease.address);
    for (const event of events) {
      application.see(event);
      if (event.type === 'bound') held.push(event.lease.address);
    }
    for (const datagram of sent) {
      const { source, destination } = datagram;
      must(source.port === 68 && destination.port === 67, `ports ${source.port} → ${destination.port}`);
      if (source.address === IPV4_ANY) must(destination.address === IPV4_BROADCAST, 'unicast from 0.0.0.0');
      else if (typeOf(datagram) === 'inform') must(source.address === INFORM_ADDRESS, 'INFORM from another address');
      else must(held.includes(source.address), 'sent from an address that is not ours');
      const { ciaddr } = messageOf(datagram);
      must(ciaddr === source.address, 'ciaddr is not the source address');
    }
  };
});

/** Sends the REQUEST of SELECTING from the address that was only offered. */
class SendsFromOffer extends DhcpClient {
  override pollTransmit(): Datagram | undefined {
    const datagram = super.pollTransmit();
    if (datagram === undefined || typeOf(datagram) !== 'request') return datagram;
    const offered = messageOf(datagram).options.find(({ code }) => code === 50)?.value;
    if (offered === undefined) return datagram;
    const address = ((offered[0]! << 24) | (offered[1]! << 16) | (offered[2]! << 8) | offered[3]!) >>> 0;
    return { ...datagram, source: { address: address as Ipv4Address, port: 68 } };
  }
}

function redirected(change: (datagram: Datagram) => Partial<{ source: Endpoint; destination: Endpoint }>): MakeClient {
  return (config) =>
    new (class extends DhcpClient {
      override pollTransmit(): Datagram | undefined {
        const datagram = super.pollTransmit();
        return datagram === undefined ? undefined : { ...datagram, ...change(datagram) };
      }
    })(config);
}

property('before an address is bound everything goes 0.0.0.0:68 → 255.255.255.255:67', {
  law: addresses,
  real,
  count: 60,
  planted: {
    'REQUEST from the offered address': (config) => new SendsFromOffer(config),
    'DISCOVER straight to the server': redirected((d) =>
      typeOf(d) === 'discover' ? { destination: { address: 0x0a000202 as Ipv4Address, port: 67 } } : {},
    ),
    'an ephemeral source port': redirected((d) => ({ source: { ...d.source, port: 1068 } })),
    'DECLINE from the contested address': redirected((d) =>
      typeOf(d) === 'decline' ? { source: { address: 0x0a00020f as Ipv4Address, port: 68 } } : {},
    ),
  },
});

// ------------------------------------------------------------------------------------------------- never past the end

const neverPastEnd = law(() => {
  const application = new Application();
  return ({ now, events }, client) => {
    for (const event of events) application.see(event);
    const { lease } = application;
    must(client.lease === lease, 'the getter and the events disagree');
    if (lease === undefined) return;
    must(lease.expiresAt > now, 'in use after its end');
    must(client.nextTimeout() <= lease.expiresAt, 'nobody will notice the end');
    must(lease.renewAt <= lease.rebindAt && lease.rebindAt <= lease.expiresAt, 'T1 <= T2 <= end');
  };
});

function withoutEvents(unwanted: (event: DhcpClientEvent) => boolean): MakeClient {
  return (config) =>
    new (class extends DhcpClient {
      override pollEvent(): DhcpClientEvent | undefined {
        const event = super.pollEvent();
        return event !== undefined && unwanted(event) ? this.pollEvent() : event;
      }
    })(config);
}

property('no address is in use at or after the end of its lease, and none before the last one was left', {
  law: neverPastEnd,
  real,
  count: 40,
  planted: {
    'expiry is not told': withoutEvents((e) => e.type === 'unbound' && e.reason === 'expired'),
    'a new address in a renewal without leaving the old one': withoutEvents(
      (e) => e.type === 'unbound' && e.reason === 'address-changed',
    ),
    'the timer of the end is a second late': (config) =>
      new (class extends DhcpClient {
        override nextTimeout(): Millis {
          return super.nextTimeout() + SECOND;
        }
      })(config),
  },
});

// --------------------------------------------------------------------------------------------------- retransmission

/** A silent server; the driver is `lateMs` late with every call. */
const pacing = (make: MakeClient): fc.IProperty<[number, number]> =>
  fc.property(fc.nat(), fc.constantFrom(0, 0, 1, 300), (seed, lateMs) => {
    const client = make({ mac: MAC, entropy: new SeededEntropy(seed) });
    const sent = { discover: runSilent(client, { until: 500 * SECOND, lateMs, begin: () => client.start(0) }) };
    [4, 8, 16, 32, 64, 64, 64].forEach((base, i) => {
      const pause = (sent.discover[i + 1] as Millis) - (sent.discover[i] as Millis);
      must(pause >= (base - 1) * SECOND && pause <= (base + 1) * SECOND + lateMs, `pause ${i} of ${pause} ms`);
    });
    // A lease of an hour from 0 s, in RENEWING from 1800 s, in REBINDING from 3150 s.
    const holder = make({ mac: MAC, entropy: new SeededEntropy(seed), remembered: boundLab().lease, detectAttachment: true });
    holder.start(0);
    holder.attachmentResult(0, 'same');
    const asked = runSilent(holder, { until: 3600 * SECOND - 1, lateMs, begin: () => undefined });
    must(Math.abs((asked[0] as Millis) - 1800 * SECOND) <= lateMs, 'the first REQUEST at T1');
    asked.slice(1).forEach((at, i) => {
      const pause = at - (asked[i] as Millis);
      const isFirstRebind = Math.abs(at - 3150 * SECOND) <= lateMs;
      must(isFirstRebind || pause >= 60 * SECOND, `renewal again after ${pause} ms`);
    });
    must(asked.length <= 10, `${asked.length} renewals`);
  });

function runSilent(
  client: DhcpClient,
  { until, lateMs, begin }: { readonly until: Millis; readonly lateMs: Millis; readonly begin: () => void },
): readonly Millis[] {
  const times: Millis[] = [];
  begin();
  for (let now = 0; now <= until; now = client.nextTimeout() + lateMs) {
    client.handleTimeout(now);
    while (client.pollTransmit() !== undefined) times.push(now);
    while (client.pollEvent() !== undefined);
    must(times.length < 1000, 'no end of messages');
  }
  return times;
}

property('retransmissions come after 4, 8, 16, 32, 64 … s ± 1 s, renewals after 60 s or more', {
  law: pacing,
  real,
  count: 15,
  planted: {
    'every message twice': (config) =>
      new (class extends DhcpClient {
        #again: Datagram | undefined;
        override pollTransmit(): Datagram | undefined {
          const again = this.#again;
          this.#again = again === undefined ? super.pollTransmit() : undefined;
          return again ?? this.#again;
        }
      })(config),
    'a clock that runs a third too fast': (config) =>
      new (class extends DhcpClient {
        override handleTimeout(now: Millis): void {
          super.handleTimeout(now * 1.5);
        }
        override nextTimeout(): Millis {
          return super.nextTimeout() / 1.5;
        }
      })(config),
  },
});

// --------------------------------------------------------------------------------------------------- message budget

interface Behaviour {
  readonly seed: number;
  readonly conflictDetection: boolean;
  readonly probe: readonly ('free' | 'in-use')[];
  /** Answers to the n-th message: some replies at once. Repeated from the start when they run out. */
  readonly answers: readonly (readonly Reply[])[];
  readonly restarts: boolean;
}

const behaviours: fc.Arbitrary<Behaviour> = fc.record({
  seed: fc.nat(),
  conflictDetection: fc.boolean(),
  probe: fc.array(fc.constantFrom('free' as const, 'in-use' as const), { minLength: 1, maxLength: 3 }),
  answers: fc.array(fc.array(fc.oneof(replies, fc.constantFrom(...STORM())), { maxLength: 2 }), { minLength: 1, maxLength: 4 }),
  restarts: fc.boolean(),
});

/** The answers that made real clients flood: leases of no time at all, and refusals. */
function STORM(): readonly Reply[] {
  const good = { xid: undefined, server: '10.0.2.2', yiaddr: '10.0.2.15', mask: 0xffffff00, extra: [], damage: [] };
  return [0, 1, 2].flatMap((lease) =>
    [2, 5, 5, 6].map((type): Reply => ({ ...good, type, times: [lease, undefined, undefined] })),
  );
}

const LIMIT = 20;

/** Whatever a server answers, and whatever the application does, no minute sees more than LIMIT messages. */
const budget = (make: MakeClient): fc.IProperty<[Behaviour]> =>
  fc.property(behaviours, (behaviour) => {
    const { seed, conflictDetection } = behaviour;
    const client = make({ mac: MAC, entropy: new SeededEntropy(seed), conflictDetection });
    const times: Millis[] = [];
    let now = 0;
    let probes = 0;
    client.start(now);
    for (let rounds = 0; rounds < 150; rounds++) {
      let quiet = true;
      for (let e = client.pollEvent(); e !== undefined; e = client.pollEvent())
        if (e.type === 'probe') client.probeResult(now, behaviour.probe[probes++ % behaviour.probe.length]!);
      const sent: DhcpMessage[] = [];
      for (let d = client.pollTransmit(); d !== undefined; d = client.pollTransmit()) {
        times.push(now);
        sent.push(messageOf(d));
      }
      const blocking = times.at(-1 - LIMIT);
      must(blocking === undefined || now - blocking >= 60 * SECOND, `more than ${LIMIT} messages before ${now}`);
      for (const message of sent)
        for (const reply of behaviour.answers[times.length % behaviour.answers.length]!) {
          quiet = false;
          client.handleDatagram(now, {
            source: { address: 0x0a000202 as Ipv4Address, port: 67 },
            destination: { address: IPV4_BROADCAST, port: 68 },
            payload: encodeReply(reply, message),
          });
        }
      if (!quiet) continue; // what the answers brought goes out at this instant still
      if (behaviour.restarts && rounds % 5 === 0) {
        client.release(now);
        client.start(now);
      } else {
        now = client.nextTimeout() === NEVER ? now + SECOND : client.nextTimeout();
        client.handleTimeout(now);
      }
    }
  });

property('no server can make the client send more than its budget in any minute', {
  law: budget,
  real,
  count: 12,
  planted: {
    'no limiter': (config) => new DhcpClient({ ...config, messagesPerMinuteMax: 1_000_000 }),
    'two more than allowed': (config) => new DhcpClient({ ...config, messagesPerMinuteMax: LIMIT + 2 }),
  },
});

// ------------------------------------------------------------------------------------------------------- determinism

let drift = 0;

property('same seed, same trace', {
  law: (make: MakeClient) =>
    fc.property(scripts, (script) => {
      const first = trace(make, script);
      must(trace(make, script) === first, 'the second run differs');
    }),
  real,
  count: 20,
  planted: {
    'a draw from somewhere else': (config) => {
      const other: Entropy = { u32: () => (config.entropy.u32() + drift++) >>> 0, fill: (bytes) => config.entropy.fill(bytes) };
      return new DhcpClient({ ...config, entropy: other });
    },
  },
});

// ------------------------------------------------------------------------------------------------------------- time

const timeouts = law(() => ({ now, sent }, client) => {
  must(client.nextTimeout() > now, 'something stays due');
  must(sent.length <= 3, `${sent.length} messages of one call`);
  const before = client.inspect();
  // Early, late by nothing, twice, and back in time: nothing is due, so nothing happens.
  for (const at of [now, now - SECOND, Math.min((now + client.nextTimeout()) / 2, now + 1e6), now]) {
    if (at < client.nextTimeout()) client.handleTimeout(at);
    must(client.pollTransmit() === undefined && client.pollEvent() === undefined, 'a call before the deadline does something');
  }
  must(client.inspect().state === before.state, 'a call before the deadline changes the state');
});

property('handleTimeout is idempotent, and leaves nothing due', {
  law: timeouts,
  real,
  count: 30,
  planted: {
    'each call sends something': (config) =>
      new (class extends DhcpClient {
        #calls = 0;
        override handleTimeout(now: Millis): void {
          super.handleTimeout(now);
          if (++this.#calls % 7 === 0) super.start(now);
        }
      })(config),
    'a deadline that lies behind': (config) =>
      new (class extends DhcpClient {
        override nextTimeout(): Millis {
          return super.nextTimeout() - 5 * SECOND;
        }
      })(config),
  },
});

/** A driver that calls once, late, ends where one ends that calls at each deadline, by a shorter way in the same order. */
const late = (make: MakeClient): fc.IProperty<[number, number]> =>
  fc.property(fc.nat(), fc.integer({ min: 1, max: 4000 }), (seed, second) => {
    const end = second * SECOND;
    const wake = (next: (client: DhcpClient) => Millis): { readonly states: readonly string[]; readonly messages: number } => {
      const client = make({ mac: MAC, entropy: new SeededEntropy(seed), remembered: boundLab().lease, detectAttachment: true });
      client.start(0);
      client.attachmentResult(0, 'same');
      const states: string[] = [];
      let messages = 0;
      for (let now = 0, calls = 0; now < end && calls < 100; calls++) {
        now = Math.min(next(client), end);
        client.handleTimeout(now);
        while (client.pollTransmit() !== undefined) messages++;
        for (let e = client.pollEvent(); e !== undefined; e = client.pollEvent()) if (e.type === 'state') states.push(e.to);
      }
      return { states, messages };
    };
    const onTime = wake((client) => client.nextTimeout());
    const once = wake(() => end);
    must(once.messages <= 1, `one late call sends ${once.messages} messages`);
    must(once.states.at(-1) === onTime.states.at(-1), `late ends in ${once.states.at(-1)}, on time in ${onTime.states.at(-1)}`);
    const order = ['detecting', 'bound', 'renewing', 'rebinding', 'init', 'selecting'];
    const places = once.states.map((state) => order.indexOf(state));
    must(
      places.every((place, i) => i === 0 || place > (places[i - 1] as number)),
      once.states.join(' '),
    );
  });

property('a late call ends in the state of a timely one, with one message at most', {
  law: late,
  real,
  count: 20,
  planted: {
    'a call moves at most to the next deadline': (config) =>
      new (class extends DhcpClient {
        override handleTimeout(now: Millis): void {
          super.handleTimeout(Math.min(now, Math.max(0, super.nextTimeout())));
        }
      })(config),
  },
});
