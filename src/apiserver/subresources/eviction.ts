import { badRequest, type KubeObject, type Status } from '#machinery';
import type { SubresourceHandler } from '../types.ts';

interface Eviction extends KubeObject {
  deleteOptions?: { gracePeriodSeconds?: number; preconditions?: { uid?: string; resourceVersion?: string } };
}

/** pods/eviction (policy/v1): a deletion that disruption budgets may refuse; there are no budgets among the kinds yet. */
export function podEviction(): SubresourceHandler {
  return {
    name: 'eviction',
    verbs: ['create'],
    handles: (kind) => kind.group === '' && kind.plural === 'pods',
    async handle({ kind, key, body, context, writer }) {
      const { metadata, deleteOptions = {} } = body as Eviction;
      if (metadata?.name && metadata.name !== key.name) throw badRequest(`name in URL does not match name in Eviction object`);
      await writer.remove(kind, key, context, deleteOptions);
      return success;
    },
  };
}
const success = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } satisfies Status as KubeObject;
