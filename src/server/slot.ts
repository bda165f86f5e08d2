import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from './errors.ts';
import { readRecord, resolvePaths, type Paths } from './paths.ts';
import { planNetwork, slots } from './plan.ts';

const claims = '/run/batuta/slots';

/** Claims an address slot that no other instance and no route of the host uses; the same one as last time when it can. */
export function claimSlot(paths: Paths, previous: number | undefined, routes: readonly string[] = hostRoutes()): number {
  mkdirSync(claims, { recursive: true, mode: 0o755 });
  const order = [...(previous === undefined ? [] : [previous]), ...Array.from({ length: slots }, (_, i) => i)];
  for (const slot of order) {
    const file = join(claims, String(slot));
    dropStaleClaim(file, slot);
    if (existsSync(file)) {
      if (readFileSync(file, 'utf8') === paths.data) return slot;
      continue;
    }
    const plan = planNetwork(slot, 0, 0);
    if (slot !== previous && routes.some((r) => sameSixteen(r, plan.podCIDR) || sameSixteen(r, plan.serviceCIDR))) continue;
    try {
      writeFileSync(file, paths.data, { flag: 'wx' });
      return slot;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new UserError(`all ${slots} address ranges are taken: stop another instance (bin/batuta down), or free a route in 10.64.0.0/10`);
}

export function releaseSlot(paths: Paths, slot: number): void {
  const file = join(claims, String(slot));
  if (existsSync(file) && readFileSync(file, 'utf8') === paths.data) rmSync(file, { force: true });
}

/** A claim is stale when its data directory is gone or names another slot. */
function dropStaleClaim(file: string, slot: number): void {
  if (!existsSync(file)) return;
  const owner = readFileSync(file, 'utf8');
  const record = owner ? readRecord(resolvePaths({ dataDir: owner })) : undefined;
  if (!existsSync(owner) || (record && record.slot !== slot)) rmSync(file, { force: true });
}

/** First two octets of every IPv4 destination in the main routing table, such as `10.64`. */
function hostRoutes(): string[] {
  const lines = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1);
  return lines
    .map((line) => line.split('\t')[1] ?? '')
    .filter((hex) => hex !== '00000000')
    .map((hex) => `${parseInt(hex.slice(6, 8), 16)}.${parseInt(hex.slice(4, 6), 16)}`);
}
const sameSixteen = (route: string, cidr: string): boolean => cidr.startsWith(route + '.');
