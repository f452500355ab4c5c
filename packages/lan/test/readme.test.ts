import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as lan from '../src/index.js';
import { echoOverTcp } from './support/echo-example.js';
import { firstLease } from './support/example.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

test('the README shows the example that is tested, and what it prints', () => {
  const shown = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  expect(shown).toContain(read('test/support/example.ts'));
  const printed = [...readme.matchAll(/```text\n(.*?)\n```/gs)].map(([, text]) => text);
  expect(printed).toContain(firstLease(3));
  expect(shown).toContain(read('test/support/echo-example.ts'));
  expect(readme).toContain(`\`echoOverTcp(1, 'hello')\` gives \`${echoOverTcp(1, 'hello')}\``);
});

test('the README names every label by which something is refused or lost', () => {
  const source = [
    'switch',
    'channel',
    'gateway',
    'simulator',
    ...[
      'dns-service',
      'dns-responder',
      'simple-services',
      'stream-server',
      'http/http-request',
      'tftp/tftp-packet',
      'tftp/tftp-service',
      'tftp/tftp-transfer',
    ].map((name) => `services/${name}`),
  ]
    .map((file) => read(`src/${file}.ts`))
    .join('\n');
  const unions = [
    ...source.matchAll(
      /export type (?:SwitchReject|ChannelLoss|DnsServiceReject|GatewayUnsent|DnsQueryReject|EchoLabel|StreamEnd|HttpReject|TftpDecodeError|TftpLabel|TftpEnd) =(.*?);\n\n/gs,
    ),
  ];
  const labels = unions.flatMap(([, union]) => [...(union as string).replaceAll(/\/\*\*.*?\*\//gs, '').matchAll(/'([a-z-]+)'/g)]);
  expect(labels.length).toBeGreaterThan(45);
  for (const [, label] of labels) expect(readme).toContain(`\`${label}\``);
});

test('the README names every export that is a value', () => {
  for (const name of Object.keys(lan)) expect(readme).toContain(`\`${name}\``);
});
