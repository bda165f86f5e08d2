import type { KubeObject } from '#machinery';
import type { ObjectReader } from '../../types.ts';
import { referencesOf, type Pod, type References } from './references.ts';

interface Claim extends KubeObject {
  spec?: { volumeName?: string };
}
type SecretRef = { name?: string; namespace?: string } | undefined;
interface Volume extends KubeObject {
  spec?: { csi?: { nodePublishSecretRef?: SecretRef; nodeStageSecretRef?: SecretRef; nodeExpandSecretRef?: SecretRef } };
}
const mirror = 'kubernetes.io/config.mirror';

/**
 * Which objects concern a node: those that the pods bound to it refer to, and what these lead to. Nothing is kept
 * but the pods of each node; a question walks over the pods of one node only.
 */
export class NodeGraph {
  readonly #pods = new Map<string, Map<string, Pod>>();
  #reader: ObjectReader | undefined;

  start(reader: ObjectReader): void {
    this.#reader = reader;
    reader.observe('', 'pods', (pod, old) => this.#follow(pod as Pod | undefined, old as Pod | undefined));
  }
  #follow(pod: Pod | undefined, old: Pod | undefined): void {
    const { namespace = '', name = '' } = (pod ?? old)?.metadata ?? {};
    const key = `${namespace}/${name}`;
    const before = old?.spec?.nodeName;
    const now = pod?.spec?.nodeName;
    if (before && before !== now) {
      const pods = this.#pods.get(before);
      pods?.delete(key);
      if (pods?.size === 0) this.#pods.delete(before);
    }
    if (!pod || !now) return;
    let pods = this.#pods.get(now);
    if (!pods) this.#pods.set(now, (pods = new Map<string, Pod>()));
    pods.set(key, pod);
  }

  runs(node: string, namespace: string, name: string): boolean {
    return this.#pods.get(node)?.has(`${namespace}/${name}`) ?? false;
  }
  /** Whether a pod of the node refers to the object. What mirror pods refer to does not count: nodes make those themselves. */
  refers(node: string, what: keyof References, namespace: string, name: string): boolean {
    for (const pod of this.#podsOf(node)) if (pod.metadata?.namespace === namespace && referencesOf(pod)[what].has(name)) return true;
    return what === 'secrets' && this.#volumeRefers(node, namespace, name);
  }
  uses(node: string, volume: string): boolean {
    for (const used of this.#volumes(node)) if (used.metadata?.name === volume) return true;
    return false;
  }
  *#podsOf(node: string): Iterable<Pod> {
    for (const pod of this.#pods.get(node)?.values() ?? []) if (pod.metadata?.annotations?.[mirror] === undefined) yield pod;
  }
  *#volumes(node: string): Iterable<Volume> {
    for (const pod of this.#podsOf(node))
      for (const name of referencesOf(pod).persistentvolumeclaims) {
        const claim: Claim | undefined = this.#reader?.get('', 'persistentvolumeclaims', pod.metadata?.namespace, name);
        const volume = claim?.spec?.volumeName ? this.#reader?.get('', 'persistentvolumes', undefined, claim.spec.volumeName) : undefined;
        if (volume) yield volume;
      }
  }
  #volumeRefers(node: string, namespace: string, name: string): boolean {
    for (const { spec } of this.#volumes(node)) {
      const refs = [spec?.csi?.nodePublishSecretRef, spec?.csi?.nodeStageSecretRef, spec?.csi?.nodeExpandSecretRef];
      if (refs.some((ref) => ref?.name === name && ref.namespace === namespace)) return true;
    }
    return false;
  }
  /** spec.nodeName of a cluster-wide object (VolumeAttachment, ResourceSlice). */
  belongs(node: string, group: string, plural: string, name: string): boolean {
    const object = this.#reader?.get(group, plural, undefined, name) as { spec?: { nodeName?: string } } | undefined;
    return object?.spec?.nodeName === node;
  }
}
