import { cloneObject, type KubeObject } from '#machinery';
import type { SubresourceHandler } from '../types.ts';

interface Namespace extends KubeObject {
  spec?: { finalizers?: string[] };
}

/** namespaces/finalize: the only way to change spec.finalizers. The namespace goes when none are left. */
export function namespaceFinalize(): SubresourceHandler {
  return {
    name: 'finalize',
    verbs: ['update'],
    handles: (kind) => kind.group === '' && kind.plural === 'namespaces',
    handle({ kind, key, body, context, writer }) {
      const { spec, metadata } = body as Namespace;
      return writer.modifyRaw(kind, key, context, (current) => {
        const next = cloneObject(current) as Namespace;
        next.spec = { ...next.spec, finalizers: [...(spec?.finalizers ?? [])] };
        next.metadata = { ...next.metadata, ...(metadata?.uid ? { uid: metadata.uid } : {}), resourceVersion: metadata?.resourceVersion ?? '' };
        return next;
      });
    },
  };
}
