import type { KubeObject } from '#machinery';
import type { AdmissionPlugin } from '../types.ts';

interface Toleration {
  key?: string;
  operator?: string;
  effect?: string;
  tolerationSeconds?: number;
}
const keys = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Pods stay 300 s on a node that is not ready or unreachable, unless they say otherwise (kube's DefaultTolerationSeconds). */
export function defaultTolerations(seconds = 300): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    handles: (kind) => kind.group === '' && kind.plural === 'pods',
    mutate({ operation, object }) {
      if (operation !== 'CREATE') return;
      const { spec } = object as KubeObject & { spec?: { tolerations?: Toleration[] } };
      if (!spec) return;
      const present = spec.tolerations ?? [];
      const missing = keys.filter(
        (key) => !present.some((t) => (t.key === key || (!t.key && t.operator === 'Exists')) && (t.effect === 'NoExecute' || !t.effect)),
      );
      if (missing.length > 0)
        spec.tolerations = [...present, ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }))];
    },
  };
}
