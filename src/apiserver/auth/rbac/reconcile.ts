import { missing } from './covers.ts';
import type { Binding, Role, Subject } from './types.ts';

const autoupdate = 'rbac.authorization.kubernetes.io/autoupdate';

/**
 * The stored role with what it lacks of `wanted`; undefined when it lacks nothing, or when its annotation
 * autoupdate is "false". What was added to it stays ("Auto-reconciliation").
 */
export function reconciledRole(stored: Role, wanted: Role): Role | undefined {
  if (stored.metadata?.annotations?.[autoupdate] === 'false') return undefined;
  const selectors = wanted.aggregationRule?.clusterRoleSelectors ?? [];
  const present = stored.aggregationRule?.clusterRoleSelectors ?? [];
  const absent = selectors.filter((selector) => !present.some((other) => JSON.stringify(other) === JSON.stringify(selector)));
  // The rules of an aggregated role are the controller's.
  const lacking = wanted.aggregationRule ? [] : missing(stored.rules ?? [], wanted.rules ?? []);
  const metadata = withMissing(stored.metadata, wanted.metadata);
  if (!metadata && absent.length === 0 && lacking.length === 0) return undefined;
  return {
    ...stored,
    metadata: metadata ?? stored.metadata ?? {},
    rules: [...(stored.rules ?? []), ...lacking],
    ...(wanted.aggregationRule ? { aggregationRule: { clusterRoleSelectors: [...present, ...absent] } } : {}),
  };
}

/** The same for a binding. 'replace' when it refers to another role, which no update may change. */
export function reconciledBinding(stored: Binding, wanted: Binding): Binding | 'replace' | undefined {
  if (stored.metadata?.annotations?.[autoupdate] === 'false') return undefined;
  if (stored.roleRef.kind !== wanted.roleRef.kind || stored.roleRef.name !== wanted.roleRef.name) return 'replace';
  const same = (a: Subject, b: Subject): boolean => a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
  const lacking = (wanted.subjects ?? []).filter((subject) => !(stored.subjects ?? []).some((present) => same(present, subject)));
  const metadata = withMissing(stored.metadata, wanted.metadata);
  if (!metadata && lacking.length === 0) return undefined;
  return { ...stored, metadata: metadata ?? stored.metadata ?? {}, subjects: [...(stored.subjects ?? []), ...lacking] };
}

type Metadata = Role['metadata'];
/** Labels and annotations that are there keep their values. */
function withMissing(stored: Metadata, wanted: Metadata): NonNullable<Metadata> | undefined {
  const labels = { ...wanted?.labels, ...stored?.labels };
  const annotations = { ...wanted?.annotations, ...stored?.annotations };
  const count = (value: object | undefined): number => Object.keys(value ?? {}).length;
  if (count(labels) === count(stored?.labels) && count(annotations) === count(stored?.annotations)) return undefined;
  return { ...stored, labels, annotations };
}
