// The codec of npm `dhcp`: what its server and its client call for each datagram.
import protocol from 'dhcp/lib/protocol.js';
import { serve } from './serve.mjs';

await serve({
  decode: ({ hex }) => {
    const bytes = Buffer.from(hex, 'hex');
    return (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += protocol.parse(bytes).xid;
      return sum;
    };
  },
  encode: ({ hex }) => {
    const message = protocol.parse(Buffer.from(hex, 'hex'));
    return (count) => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += protocol.format(message)._w;
      return sum;
    };
  },
});
