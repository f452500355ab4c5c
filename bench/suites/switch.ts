import { Lan, type LanConfig, Switch } from '@nexus-net/lan';
import { SeededEntropy } from '@nexus-net/sansio';
import { udpFrame } from '../frames.js';
import type { GroupResult } from '../harness.js';
import { type Case, measureGroup } from '../harness.js';
import type { Suite } from './suite.js';

export const SWITCH: Suite = {
  name: 'switch',
  about: 'frames through the switch and through the whole segment',
  run: async ({ progress }) => {
    const groups: GroupResult[] = [];
    for (const octets of [60, 1514]) {
      progress(`${octets} octets`);
      groups.push(
        await measureGroup({
          title: `Frames of ${octets} octets between two stations that the switch knows, UDP`,
          unit: 'frame',
          cases: [
            switchCase('the switch alone, frame given away', octets, true),
            switchCase('the switch alone, frame borrowed: one copy', octets, false),
            lanCase('segment on perfect cables, nobody watches', octets, { frames: false, witnesses: [] }),
            lanCase('… with capture', octets, { witnesses: [] }),
            lanCase('… with five witnesses', octets, { frames: false }),
            lanCase('… with capture and five witnesses', octets, {}),
            lanCase('segment on cables with 1 ms delay, nobody watches', octets, { frames: false, witnesses: [] }, 1),
          ],
        }),
      );
    }
    return { groups };
  },
};

function switchCase(name: string, octets: number, owned: boolean): Case {
  const machine = new Switch();
  machine.addPort('a');
  machine.addPort('b');
  const there = udpFrame(octets);
  machine.handleFrame(0, 'a', there);
  machine.handleFrame(0, 'b', udpFrame(octets, { back: true }));
  while (machine.pollTransmit() !== undefined);
  while (machine.pollEvent() !== undefined);
  let now = 0;
  return {
    name,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        now += 0.001;
        if (owned) machine.handleOwnedFrame(now, 'a', there);
        else machine.handleFrame(now, 'a', there);
        sum += machine.pollTransmit()?.frame.length ?? 0;
      }
      if (sum !== count * octets) throw new Error('frames were lost');
      return sum;
    },
  };
}

function lanCase(name: string, octets: number, config: Partial<LanConfig>, delayMs = 0): Case {
  const lan = new Lan({ ...config, entropy: new SeededEntropy(name), ports: ['a', 'b'], gateway: 'off' });
  if (delayMs > 0) for (const port of ['a', 'b']) lan.setLink(0, port, { toSwitch: { delayMs }, toStation: { delayMs } });
  const there = udpFrame(octets);
  const back = udpFrame(octets, { back: true });
  let now = 0;
  const pass = (port: string, frame: Uint8Array): number => {
    let sum = 0;
    lan.handleFrame(now, port, frame);
    for (let at = lan.nextTimeout(); delayMs > 0 && at <= now; at = lan.nextTimeout()) lan.handleTimeout(now);
    for (let out = lan.pollTransmit(); out !== undefined; out = lan.pollTransmit()) sum += out.frame.length;
    while (lan.pollEvent() !== undefined);
    return sum;
  };
  pass('a', there);
  now += 10;
  lan.handleTimeout(now);
  pass('b', back);
  return {
    name,
    run: (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        now += 0.001;
        sum += pass('a', there);
      }
      // With a delay some thousand frames are under way when a round ends; the next round delivers them.
      if (delayMs === 0 && sum !== count * octets) throw new Error('frames were lost');
      return sum;
    },
  };
}
