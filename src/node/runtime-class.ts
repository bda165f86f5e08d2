import type { V1Pod } from '#kinds';
import type { ObjectSource } from './objects.ts';
import type { Runtime } from './runtime.ts';

/**
 * Rejects, with the words of kubelet and containerd, when the node has not what the pod's RuntimeClass asks for. A
 * handler that the node has is what it runs every pod with, so there is nothing to choose.
 */
export async function checkRuntimeClass(pod: V1Pod, objects: Pick<ObjectSource, 'runtimeClass'>, { handlers }: Pick<Runtime, 'handlers'>): Promise<void> {
  const name = pod.spec?.runtimeClassName;
  if (!name) return;
  const found = await objects.runtimeClass(name);
  if (!found) throw new Error(`failed to get sandbox runtime: RuntimeClass.node.k8s.io "${name}" not found`);
  if (handlers && !handlers.includes(found.handler)) throw new Error(`failed to get sandbox runtime: no runtime for "${found.handler}" is configured`);
}
