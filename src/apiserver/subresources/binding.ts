import { formatTime } from '#base';
import { badRequest, cloneObject, conflict, invalid, type KubeObject, type Status } from '#machinery';
import type { SubresourceHandler } from '../types.ts';

interface Binding extends KubeObject {
  target?: { kind?: string; name?: string };
}
interface Condition {
  type: string;
  status: string;
  lastProbeTime?: string | null;
  lastTransitionTime?: string;
}
interface Pod extends KubeObject {
  spec?: { nodeName?: string };
  status?: { conditions?: Condition[] };
}

/** pods/binding: gives a pod its node, once (kube's BindingREST). Annotations and labels of the Binding go to the pod. */
export function podBinding(): SubresourceHandler {
  return {
    name: 'binding',
    verbs: ['create'],
    handles: (kind) => kind.group === '' && kind.plural === 'pods',
    async handle({ kind, key, body, context, writer }) {
      const { target, metadata } = body as Binding;
      if (metadata?.name && metadata.name !== key.name)
        throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${key.name})`);
      if (!target?.name)
        throw invalid({ group: '', plural: 'bindings', kind: 'Binding' }, key.name, [
          { field: 'target.name', reason: 'FieldValueRequired', message: 'Required value' },
        ]);
      const node = target.name;
      await writer.modifyRaw(kind, key, context, (current) => bound(current, node, body as Binding, formatTime(writer.clock.now())));
      return success;
    },
  };
  function bound(current: Pod, node: string, binding: Binding, now: string): KubeObject {
    const pods = { group: '', plural: 'pods', kind: 'Pod' };
    const { metadata, spec } = current;
    const name = metadata?.name ?? '';
    if (metadata?.deletionTimestamp) throw conflict({ ...pods, plural: 'pods/binding' }, name, `pod ${name} is being deleted, cannot be assigned to a host`);
    if (spec?.nodeName) throw conflict({ ...pods, plural: 'pods/binding' }, name, `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
    if (binding.metadata?.uid && binding.metadata.uid !== metadata?.uid)
      throw conflict(pods, name, `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${metadata?.uid}`);
    const conditions = (current.status?.conditions ?? []).filter((condition) => condition.type !== 'PodScheduled').map((condition) => cloneObject(condition));
    const before = current.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    const since = before?.status === 'True' && before.lastTransitionTime ? before.lastTransitionTime : now;
    return {
      ...current,
      metadata: {
        ...metadata,
        ...(binding.metadata?.annotations ? { annotations: { ...metadata?.annotations, ...binding.metadata.annotations } } : {}),
        ...(binding.metadata?.labels ? { labels: { ...metadata?.labels, ...binding.metadata.labels } } : {}),
      },
      spec: { ...spec, nodeName: node },
      status: { ...current.status, conditions: [...conditions, { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: since }] },
    } as KubeObject;
  }
}

const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } satisfies Status as KubeObject;
