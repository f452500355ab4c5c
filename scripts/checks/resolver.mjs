// A DNS server on 127.0.0.1:53 that knows ‘localhost’ and nothing else: what a machine's resolver is to QEMU's user network.
import { createSocket } from 'node:dgram';

const NAME = Buffer.from('\tlocalhost\0', 'latin1');
const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  const question = query.subarray(12);
  const isKnown = question.subarray(0, NAME.length).equals(NAME) && question.readUInt16BE(NAME.length) === 1;
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(isKnown ? 0x8580 : 0x8583, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(isKnown ? 1 : 0, 6);
  const answer = isKnown ? Buffer.from('c00c00010001000000000004' + '7f000001', 'hex') : Buffer.alloc(0);
  socket.send(Buffer.concat([head, question.subarray(0, NAME.length + 4), answer]), from.port, from.address);
});
socket.bind(53, '127.0.0.1', () => console.log('ready'));
