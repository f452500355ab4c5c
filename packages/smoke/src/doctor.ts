import type { GuestDefinition } from './guest.js';
import { installCommand } from './missing.js';
import type { Print } from './report.js';

/** Says for each guest what it needs of this machine and has not got, and how to get it. True where nothing is missing. */
export async function doctor(guests: readonly GuestDefinition[], print: Print): Promise<boolean> {
  const packages = new Set<string>();
  let whole = true;
  for (const { name, description, probe } of guests) {
    const result = await probe?.();
    if (result === undefined || result.ok) {
      print(`✓ ${name}  ${description}${result === undefined ? '' : `  (${result.version.text})`}`);
      continue;
    }
    whole = false;
    print(`✗ ${name}  ${description}`);
    for (const { message } of result.missing) print(`    ${message}`);
    for (const each of result.packages) packages.add(each);
  }
  if (packages.size > 0) {
    print('To install what is missing, as root:');
    print(`  ${installCommand([...packages].sort())}`);
  }
  return whole;
}
