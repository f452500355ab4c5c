import type { Dialect, SessionTeller } from '../session-teller.js';
import { BusContent } from './bus-content.js';
import type { Content, Devices } from './content.js';
import { HostContent } from './host-content.js';
import { OsContent } from './os-content.js';

export function contentOf(dialect: Exclude<Dialect, 'qd'>, teller: SessionTeller, devices: Devices): Content {
  if (dialect === 'bus') return new BusContent(teller, devices);
  return dialect === 'host' ? new HostContent(teller, devices) : new OsContent(teller, devices);
}
