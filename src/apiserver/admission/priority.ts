import { ApiError, type KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, DeletionRule, ObjectReader } from '../types.ts';
import { isPods, type Pod, type PodSpec } from './pods.ts';
import { forbidden } from './refusals.ts';

interface PriorityClass extends KubeObject {
  value?: number;
  globalDefault?: boolean;
  preemptionPolicy?: string;
}
const group = 'scheduling.k8s.io';
const plural = 'priorityclasses';
/** Pods of these names have their priority even before the objects are there. */
const system: { readonly [name: string]: PriorityClass } = {
  'system-cluster-critical': { value: 2_000_000_000 },
  'system-node-critical': { value: 2_000_001_000 },
};

/** Gives pods the priority of their PriorityClass, or of the one that is everyone's default; there is one such at most. */
export function priority(): AdmissionPlugin {
  let reader: ObjectReader;
  const find = (name: string): PriorityClass | undefined => reader.get(group, plural, undefined, name) ?? system[name];
  /** Should there be several, the lowest. */
  const globalDefault = (): PriorityClass | undefined =>
    (reader.list(group, plural) as readonly PriorityClass[])
      .filter((one) => one.globalDefault)
      .reduce<PriorityClass | undefined>((low, one) => (low && (low.value ?? 0) <= (one.value ?? 0) ? low : one), undefined);
  return {
    name: 'Priority',
    handles: (kind) => isPods(kind) || (kind.group === group && kind.plural === plural),
    start: (given) => void (reader = given),
    mutate(request) {
      const { spec } = request.object as Pod;
      if (!isPods(request.kind) || !spec) return;
      if (request.operation === 'UPDATE') keep(spec, (request.old as Pod).spec);
      else prioritize(request, spec, spec.priorityClassName ? (find(spec.priorityClassName) ?? unknown(request, spec)) : globalDefault());
    },
    validate(request) {
      if (isPods(request.kind) || !(request.object as PriorityClass).globalDefault) return;
      const present = globalDefault()?.metadata?.name;
      if (present !== undefined && present !== request.object.metadata?.name)
        throw forbidden(request, `PriorityClass ${present} is already marked as default. Only one default can exist`);
    },
  };
}

function unknown(request: AdmissionRequest, { priorityClassName }: PodSpec): never {
  throw forbidden(request, `no PriorityClass with name ${priorityClassName} was found`);
}
function prioritize(request: AdmissionRequest, spec: PodSpec, found: PriorityClass | undefined): void {
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (spec.priority !== undefined && spec.priority !== value)
    throw forbidden(
      request,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
    throw forbidden(
      request,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  if (!spec.priorityClassName && found?.metadata?.name) spec.priorityClassName = found.metadata.name;
  spec.priority = value;
  spec.preemptionPolicy = policy;
}
/** What was decided at creation stays; a PUT may leave it out. */
function keep(spec: PodSpec, old: PodSpec | undefined): void {
  if (old?.priority !== undefined) spec.priority ??= old.priority;
  if (old?.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy;
}

/** The cluster's own classes cannot be deleted. */
export function priorityClassDeletion(): DeletionRule {
  return {
    handles: (kind) => kind.group === group && kind.plural === plural,
    check({ metadata }) {
      const name = metadata?.name ?? '';
      if (!(name in system)) return;
      throw new ApiError('Forbidden', `${plural}.${group} ${JSON.stringify(name)} is forbidden: this is a system priority class and cannot be deleted`, {
        name,
        group,
        kind: plural,
      });
    },
    holds: () => false,
    mark() {},
  };
}
