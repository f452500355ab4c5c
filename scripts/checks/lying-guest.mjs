/**
 * A guest that prints every marker of the ladder and does nothing of what they say. It sends one frame, so that only its lease is
 * a lie that the wire can tell.
 */
export const LYING_GUEST = {
  name: 'liar',
  description: 'a scripted console in place of QEMU',
  capabilities: new Set(['static-address', 'ping', 'dhcp']),
  lanes: { REQUIRE_QEMU_DHCP: 'dhcp-lease' },
  answers: 'always',
  script: () => [],
  rules: () => [],
  panics: [],
  start: async ({ sink }) => {
    const say = (line) => sink.console(new TextEncoder().encode(`${line}\r\n`));
    setImmediate(() => {
      say('netstackd: ready');
      say('net: virtio-net up');
      // A gratuitous ARP: Ethernet, ARP for IPv4, request, sender and target 10.0.2.15.
      const [mac, address] = ['525400123456', '0a00020f'];
      sink.frame(Buffer.from(`ffffffffffff${mac}0806${'0001080006040001'}${mac}${address}${'000000000000'}${address}`, 'hex'));
      say('net: dhcp bound 10.0.2.15/24 gw=10.0.2.2');
      say('net: smoltcp iface up 10.0.2.15');
      say('SELFTEST: net ping ok');
    });
    return { sendFrame: () => {}, sendConsole: () => {}, argv: ['liar'], versions: {}, stop: async () => {} };
  },
};
