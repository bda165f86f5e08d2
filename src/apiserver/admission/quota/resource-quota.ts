import { sleep } from '#base';
import type { AdmissionPlugin, AdmissionRequest, Writer } from '../../types.ts';
import type { Amounts } from '../pods.ts';
import { forbidden } from '../refusals.ts';
import { claimEvaluator } from './claims.ts';
import { deviceClaimEvaluator } from './device-claims.ts';
import { counter, type Evaluator } from './evaluator.ts';
import { Ledger, type Reservation } from './ledger.ts';
import { podEvaluator } from './pods.ts';
import { serviceEvaluator } from './services.ts';
import { StatusWriter } from './status-writer.ts';
import type { Tally } from './tally.ts';

/** What has more to limit than count/…: measured resources, and those with an older name for their count. */
export const evaluators: readonly Evaluator[] = [
  podEvaluator,
  serviceEvaluator,
  claimEvaluator,
  deviceClaimEvaluator,
  counter('', 'configmaps', 'configmaps'),
  counter('', 'secrets', 'secrets'),
  counter('', 'replicationcontrollers', 'replicationcontrollers'),
  counter('', 'resourcequotas', 'resourcequotas'),
];
/** How often everything is looked at again (--resource-quota-sync-period of kube-controller-manager): time alone frees what overdue pods hold. */
const recountMs = 5 * 60_000;

/**
 * Nothing is written that would take a namespace beyond its ResourceQuotas; docs/decisions/009-quota.md tells how. The
 * last of the validating steps: what it reserves is not given back for the objection of another.
 */
export function resourceQuota(): AdmissionPlugin {
  /** Undefined while the server starts: what is written then is its own. */
  let ledger: Ledger | undefined;
  let status: StatusWriter;
  const reservations = new WeakMap<AdmissionRequest, Reservation>();
  return {
    name: 'ResourceQuota',
    handles: (kind) => kind.namespaced,
    startWriting(writer) {
      status = new StatusWriter(writer, ({ quota }) => ledger?.tallies(quota.metadata?.namespace)?.get(quota.metadata?.name ?? ''));
      ledger = open(writer, status);
      recountAgain(writer, ledger);
    },
    validate(request) {
      const tallies = ledger?.tallies(request.namespace);
      if (!ledger || !tallies) return;
      const evaluator = ledger.evaluator(request.kind.group, request.kind.plural);
      if (request.operation === 'UPDATE' ? !evaluator.updates?.includes(request.subresource ?? '') : request.subresource) return;
      const concerned = [...tallies.values()].filter((tally) => tally.concerns(evaluator, request.object));
      if (concerned.length === 0) return;
      ledger.follow(evaluator);
      for (const tally of concerned) demand(request, evaluator, tally);
      check(request, concerned, evaluator, ledger);
      if (request.context.dryRun) return;
      const reservation = { namespace: request.namespace ?? '', uid: request.object.metadata?.uid ?? '', evaluator, object: request.object };
      const changed = ledger.reserve(reservation);
      reservations.set(request, reservation);
      // Who is told of the write reads a status that knows of it.
      return changed.length === 0 ? undefined : all(changed.map((tally) => status.write(tally)));
    },
    settled(request) {
      const reservation = reservations.get(request);
      if (!reservation) return;
      reservations.delete(request);
      ledger?.release(reservation);
    },
  };
}

function open(writer: Writer, status: StatusWriter): Ledger {
  return new Ledger({
    reader: writer,
    served: (group, plural) => writer.kindOf(group, plural),
    evaluators,
    now: () => writer.clock.now(),
    changed: (tally) => status.writeLater(tally),
    written: (tally) => status.heal(tally),
  });
}
function recountAgain(writer: Writer, ledger: Ledger): void {
  const again = (): void => recountAgain(writer, ledger);
  writer.clock.after(recountMs, () => void ledger.recount(() => sleep(writer.clock, 0)).then(again, again));
}
async function all(writes: readonly Promise<void>[]): Promise<void> {
  await Promise.all(writes);
}

function demand(request: AdmissionRequest, evaluator: Evaluator, tally: Tally): void {
  const missing = evaluator.missing?.(request.object, tally.limits(evaluator));
  if (missing) throw forbidden(request, `failed quota: ${tally.quota.metadata?.name}: ${missing}`);
}
/** Refuses what does not fit; of an update only what it takes more than before. */
function check(request: AdmissionRequest, tallies: readonly Tally[], evaluator: Evaluator, ledger: Ledger): void {
  const usage = ledger.usage(evaluator, request.object);
  const before: Amounts = request.old ? ledger.usage(evaluator, request.old) : new Map();
  for (const tally of tallies) {
    const need: Amounts = new Map();
    for (const [name, amount] of tally.part(evaluator, request.object, usage) ?? []) {
      const more = amount.nano - (before.get(name)?.nano ?? 0n);
      if (more > 0n) need.set(name, { nano: more, format: amount.format });
    }
    const excess = tally.excess(need);
    if (excess) throw forbidden(request, excess);
  }
}
