import { invalid, type Kind, type KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, ObjectReader } from '../../types.ts';
import { isPods } from '../pods.ts';
import { forbidden } from '../refusals.ts';
import { detailsOf, freePolicy, policyOf, prefix, reasonsOf, sameStandard, strictness, textOf, violations, type Policy, type Standard } from './policy.ts';
import type { Container, PodTemplate } from './types.ts';

type Pod = KubeObject & PodTemplate;
type Find = (object: KubeObject) => PodTemplate | undefined;
interface Workload extends KubeObject {
  template?: PodTemplate;
  spec?: { template?: PodTemplate; jobTemplate?: { spec?: { template?: PodTemplate } } };
}
const inSpec: Find = (object) => (object as Workload).spec?.template;
/** Where the objects that make pods keep their template. */
const templates: { readonly [resource: string]: Find } = {
  '/replicationcontrollers': inSpec,
  '/podtemplates': (object) => (object as Workload).template,
  'apps/deployments': inSpec,
  'apps/daemonsets': inSpec,
  'apps/replicasets': inSpec,
  'apps/statefulsets': inSpec,
  'batch/jobs': inSpec,
  'batch/cronjobs': (object) => (object as Workload).spec?.jobTemplate?.spec?.template,
};
const templateOf = ({ group, plural }: Kind): Find | undefined => templates[`${group}/${plural}`];
const isNamespaces = ({ group, plural }: Kind): boolean => group === '' && plural === 'namespaces';
/** How many pods of a namespace are looked at when its labels change. */
const mostPods = 3000;

/**
 * The Pod Security Standards, as the labels pod-security.kubernetes.io/* of a namespace ask for them: pods are refused
 * (enforce) or warned of (warn), the templates of workloads are warned of, and so are pods that a stricter label finds.
 */
export function podSecurity(): AdmissionPlugin {
  let reader: ObjectReader;
  /** By the labels of namespaces: they are shared and never changed in place. */
  const policies = new WeakMap<object, Policy>();
  function policyIn(namespace: string | undefined): Policy {
    const labels = reader.get('', 'namespaces', undefined, namespace ?? '')?.metadata?.labels;
    if (!labels) return freePolicy;
    let policy = policies.get(labels);
    if (!policy) policies.set(labels, (policy = policyOf(labels).policy));
    return policy;
  }
  return {
    name: 'PodSecurity',
    handles: (kind) => isPods(kind) || isNamespaces(kind) || templateOf(kind) !== undefined,
    start: (given) => void (reader = given),
    validate(request) {
      const { kind, object, old, subresource, namespace } = request;
      if (isNamespaces(kind)) return subresource ? undefined : checkNamespace(request, reader);
      if (!isPods(kind)) {
        const template = subresource ? undefined : templateOf(kind)?.(object);
        if (template) tell(request, template, policyIn(namespace));
        return;
      }
      if (old && !isSignificant(object as Pod, old as Pod)) return;
      const policy = policyIn(namespace);
      const found = violations(policy.enforce, object as Pod);
      request.context.annotate?.(`${prefix}enforce-policy`, textOf(policy.enforce));
      if (found.length > 0) {
        noteAudit(request, object as Pod, policy.audit);
        throw forbidden(request, `violates PodSecurity ${JSON.stringify(textOf(policy.enforce))}: ${detailsOf(found)}`);
      }
      tell(request, object as Pod, policy);
    },
  };
}

/** Warns the client, and notes for the audit log, what would be refused. */
function tell(request: AdmissionRequest, template: PodTemplate, { warn, audit }: Policy): void {
  const text = objection(template, warn);
  if (text) request.context.warnings.push(text);
  noteAudit(request, template, audit);
}
function noteAudit({ context }: AdmissionRequest, template: PodTemplate, audit: Standard): void {
  const text = context.annotate && objection(template, audit);
  if (text) context.annotate?.(`${prefix}audit-violations`, text);
}
function objection(template: PodTemplate, standard: Standard): string | undefined {
  const found = violations(standard, template);
  return found.length > 0 ? `would violate PodSecurity ${JSON.stringify(textOf(standard))}: ${detailsOf(found)}` : undefined;
}

/** Of an update of a pod only new images and new containers are looked at: all else that may change is harmless. */
function isSignificant({ spec = {} }: Pod, { spec: old = {} }: Pod): boolean {
  const changed = (now: readonly Container[] = [], before: readonly Container[] = []): boolean =>
    now.length !== before.length || now.some((container, i) => container.name !== before[i]?.name || container.image !== before[i]?.image);
  return (
    changed(spec.containers, old.containers) || changed(spec.initContainers, old.initContainers) || changed(spec.ephemeralContainers, old.ephemeralContainers)
  );
}

function checkNamespace({ kind, object, old, context }: AdmissionRequest, reader: ObjectReader): void {
  const name = object.metadata?.name ?? '';
  const { policy, errors } = policyOf(object.metadata?.labels);
  const before = old && policyOf(old.metadata?.labels);
  // What was wrong before may stay so: other changes must remain possible.
  if (errors.length > 0 && JSON.stringify(errors) !== JSON.stringify(before?.errors)) throw invalid(kind, name, errors);
  if (!before || sameStandard(policy.enforce, before.policy.enforce) || policy.enforce.level === 'privileged') return;
  const relaxed = strictness(policy.enforce.level) <= strictness(before.policy.enforce.level);
  if (relaxed && policy.enforce.version === before.policy.enforce.version) return;
  context.warnings.push(...warningsOf(name, policy.enforce, reader.list('', 'pods', name)));
}
/** What of the pods that are there would be refused now. */
function warningsOf(namespace: string, standard: Standard, pods: readonly KubeObject[]): string[] {
  const found = new Map<string, string[]>();
  for (const pod of pods.slice(0, mostPods)) {
    const reasons = reasonsOf(violations(standard, pod as Pod));
    if (reasons !== '') found.set(reasons, [...(found.get(reasons) ?? []), pod.metadata?.name ?? '']);
  }
  if (found.size === 0) return [];
  const level = JSON.stringify(textOf(standard));
  return [
    `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${level}`,
    ...[...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([reasons, names]) => `${podsNamed(names)}: ${reasons}`),
    ...(pods.length > mostPods ? [`new PodSecurity enforce level only checked against the first ${mostPods} of ${pods.length} existing pods`] : []),
  ];
}
function podsNamed([first = '', ...others]: readonly string[]): string {
  if (others.length === 0) return first;
  return `${first} (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
}
