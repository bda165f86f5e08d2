import { formatTime, WorkQueue, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client, type Recorder } from '#client';
import { Node, Pod, Stage, type V1Node, type V1Pod } from '#kinds';
import { isApiError, parseYaml, type Json, type Kind, type KubeObject } from '#machinery';
import type { Fleet } from '../fleet.ts';
import { compileStage, type CompiledPatch, type CompiledStage } from './compile.ts';
import { renderTemplate, show, type Functions } from './template/render.ts';

export interface StagesOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  fleet(): Fleet;
}
export interface Stages {
  /** Resolves when the Stages of before are known. */
  ready: Promise<void>;
  /** Whether a pod that comes to a simulated node lives by Stages, and not by its node agent. */
  governs(pod: V1Pod): boolean;
  stop(): Promise<void>;
}

interface Chosen {
  stage: CompiledStage;
  /** ms since the epoch */
  at: number;
}
const kinds = { Pod: Pod as Kind, Node: Node as Kind } as const;
/** How often it is seen whether a machine that is dead or silent came back, ms. */
const lookMs = 5000;

/** Plays kwok's Stages on simulated nodes and, as soon as one Stage is about pods, on the pods that come to them. */
export function startStages(options: StagesOptions): Stages {
  return new Player(options);
}

class Player implements Stages {
  readonly ready: Promise<void>;
  readonly #options: StagesOptions;
  readonly #queue: WorkQueue;
  readonly #recorder: Recorder;
  readonly #stages = new Map<string, CompiledStage>();
  readonly #chosen = new Map<string, Chosen>();
  /** Uids of those that Stages have. */
  readonly #pods = new Set<string>();
  readonly #subscriptions: { close(): void }[];
  readonly #startedAt: number;

  constructor(options: StagesOptions) {
    const { client, clock, random, log } = options;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#recorder = createRecorder({ api: client.api, clock, random, log }, 'stages');
    this.#queue = new WorkQueue({
      clock,
      handle: (key) => this.#look(key),
      onError: (key, error) => log.warn('stage', { key, error }),
      backoff: { firstMs: 500, capMs: 30_000 },
    });
    const stages = client.informer(Stage);
    this.ready = stages.ready();
    this.#subscriptions = [
      stages.onChange((stage, old) => this.#stageChanged(stage, old)),
      client.informer(Pod).onChange((pod, old) => this.#podChanged(pod, old)),
      client.informer(Node).onChange((node, old) => this.#stages.size > 0 && this.#queue.add(`Node//${(node ?? old)?.metadata?.name}`)),
    ];
  }
  governs(pod: V1Pod): boolean {
    const uid = pod.metadata?.uid ?? '';
    if (this.#pods.has(uid)) return true;
    if (![...this.#stages.values()].some((stage) => stage.kind === 'Pod')) return false;
    this.#pods.add(uid);
    this.#queue.add(keyOf('Pod', pod));
    return true;
  }
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.close();
    await this.#queue.close();
    await this.#recorder.flush();
  }

  #stageChanged(stage: Stage | undefined, old: Stage | undefined): void {
    const name = (stage ?? old)?.metadata?.name ?? '';
    if (stage && old && stage.spec === old.spec) return;
    if (stage && old && stage.metadata?.generation !== undefined && stage.metadata.generation === old.metadata?.generation) return;
    this.#stages.delete(name);
    for (const [key, chosen] of this.#chosen) if (chosen.stage.name === name) this.#chosen.delete(key);
    if (stage) {
      const compiled = compileStage(stage);
      if (!('unsupported' in compiled)) this.#stages.set(name, compiled);
      void this.#tell(stage, 'unsupported' in compiled ? compiled.unsupported : []).catch((error: unknown) =>
        this.#options.log.warn('cannot tell of a stage', { stage: name, error }),
      );
    }
    for (const node of this.#options.fleet().names()) this.#queue.add(`Node//${node}`);
    for (const pod of this.#options.client.informer(Pod).list()) if (this.#pods.has(pod.metadata?.uid ?? '')) this.#queue.add(keyOf('Pod', pod));
  }
  /** Whether it is understood, as a condition; what is not, as an event too. */
  async #tell(stage: Stage, unsupported: readonly string[]): Promise<void> {
    const status = unsupported.length > 0 ? 'False' : 'True';
    const message = unsupported.join('; ');
    const before = stage.status?.conditions?.find((c) => c.type === 'Understood');
    if (before?.status === status && (before.message ?? '') === message) return;
    if (message) this.#recorder.event(stage, 'Warning', 'NotUnderstood', message);
    const reason = message ? 'NotSupported' : 'Supported';
    const condition = { type: 'Understood', status, reason, message, lastTransitionTime: formatTime(this.#options.clock.now()) };
    await this.#quietly(Stage as Kind, stage, (kind, target) =>
      this.#options.client.api.patch(kind, target, 'application/merge-patch+json', { status: { conditions: [condition] } }, { subresource: 'status' }),
    );
  }
  #podChanged(pod: V1Pod | undefined, old: V1Pod | undefined): void {
    const uid = (pod ?? old)?.metadata?.uid ?? '';
    if (!this.#pods.has(uid)) return;
    if (pod) return this.#queue.add(keyOf('Pod', pod));
    this.#pods.delete(uid);
    this.#chosen.delete(keyOf('Pod', old as V1Pod));
    this.#options
      .fleet()
      .runtime(old?.spec?.nodeName ?? '')
      ?.giveBack(uid);
  }

  /** Chooses the next stage of an object, and plays it when its time has come. Gives the ms until then. */
  async #look(key: string): Promise<number | void> {
    const [kindName, namespace, name] = key.split('/') as ['Pod' | 'Node', string, string];
    const { client, clock } = this.#options;
    const object = client.informer(kinds[kindName]).get(namespace || undefined, name);
    const node = kindName === 'Node' ? name : ((object as V1Pod | undefined)?.spec?.nodeName ?? '');
    const state = this.#options.fleet().state(node);
    const isOurs = object && state !== undefined && (kindName === 'Node' || this.#pods.has(object.metadata?.uid ?? ''));
    if (!isOurs) return void this.#chosen.delete(key);
    if (state !== 'running') return lookMs;
    const chosen = this.#choose(key, kindName, object);
    if (!chosen) return undefined;
    const left = chosen.at - clock.now();
    if (left > 0) return left;
    this.#chosen.delete(key);
    await this.#play(chosen.stage, object, node);
    return undefined;
  }
  /** What was chosen stays, as long as it matches: its delay has begun. */
  #choose(key: string, kind: 'Pod' | 'Node', object: KubeObject): Chosen | undefined {
    const { random, clock } = this.#options;
    const before = this.#chosen.get(key);
    if (before?.stage.matches(object)) return before;
    const matching = [...this.#stages.values()].filter((stage) => stage.kind === kind && stage.matches(object));
    const stage = weighted(matching, object, random);
    if (!stage) return void this.#chosen.delete(key);
    const chosen = { stage, at: clock.now() + stage.delay(object, clock.now(), random) };
    this.#chosen.set(key, chosen);
    return chosen;
  }

  async #play(stage: CompiledStage, object: KubeObject, node: string): Promise<void> {
    const { event, finalizers, delete: deletes } = stage.next;
    const { api } = this.#options.client;
    const kind = kinds[stage.kind];
    if (event)
      this.#recorder.event(
        { ...object, apiVersion: 'v1', kind: stage.kind },
        event.type === 'Warning' ? 'Warning' : 'Normal',
        event.reason ?? stage.name,
        event.message ?? '',
      );
    const patches: CompiledPatch[] = [...stage.patches];
    if (finalizers) {
      const kept = finalizersAfter(object.metadata?.finalizers ?? [], finalizers);
      if (kept) {
        const resourceVersion = object.metadata?.resourceVersion;
        await this.#quietly(kind, object, (k, target) =>
          api.patch(k, target, 'application/merge-patch+json', { metadata: { resourceVersion, finalizers: kept } as never }),
        );
      }
    }
    if (deletes) {
      const uid = object.metadata?.uid;
      return this.#quietly(kind, object, (k, target) => api.delete(k, target, { gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) }));
    }
    for (const patch of patches) {
      const body = await this.#rendered(stage, patch, object, node);
      if (body === undefined) continue;
      const type = { merge: 'application/merge-patch+json', strategic: 'application/strategic-merge-patch+json', json: 'application/json-patch+json' } as const;
      const sub = patch.subresource ? { subresource: patch.subresource } : {};
      await this.#quietly(kind, object, (k, target) => api.patch(k, target, type[patch.type], body, sub));
    }
  }
  /** The body of a patch; undefined, and an event, when the template gives nothing that can be sent. */
  async #rendered(stage: CompiledStage, patch: CompiledPatch, object: KubeObject, node: string): Promise<Json | undefined> {
    try {
      const text = renderTemplate(patch.template, object, this.#functions(object, node));
      if (text.trim() === '') return undefined;
      const value = (await parseYaml(text)).value as Json;
      if (patch.type === 'json' || patch.root === '') return value;
      return patch.root.split('.').reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
    } catch (error) {
      this.#recorder.event({ apiVersion: Stage.apiVersion, kind: 'Stage', metadata: { name: stage.name } }, 'Warning', 'TemplateFailed', String(error));
      return undefined;
    }
  }
  #functions(object: KubeObject, node: string): Functions {
    const { clock } = this.#options;
    const fleet = this.#options.fleet();
    const hostIP = (name: unknown): string => fleet.config(String(name))?.internalIP ?? '';
    const podIP = (name: unknown, hostNetwork: unknown, uid: unknown): string =>
      hostNetwork ? hostIP(name) : (fleet.runtime(String(name))?.lend(String(uid), (object as V1Pod).status?.podIP) ?? '');
    return {
      Quote: (value) => JSON.stringify(show(value)),
      YAML: (value) => JSON.stringify(value),
      Now: () => formatTime(clock.now()),
      StartTime: () => formatTime(this.#startedAt),
      Version: () => (this.#options.client.informer(Node).get(undefined, node) as V1Node | undefined)?.status?.nodeInfo?.kubeletVersion ?? '',
      NodeName: () => node,
      NodePort: () => 10250,
      NodeIP: () => hostIP(node),
      NodeIPWith: hostIP,
      PodIP: () => podIP(node, (object as V1Pod).spec?.hostNetwork, object.metadata?.uid),
      PodIPWith: podIP,
    };
  }
  /** What is gone needs nothing more; what changed meanwhile is looked at again. */
  async #quietly(kind: Kind, { metadata }: KubeObject, write: (kind: Kind, target: { namespace?: string; name: string }) => Promise<unknown>): Promise<void> {
    const target = { ...(metadata?.namespace ? { namespace: metadata.namespace } : {}), name: metadata?.name ?? '' };
    try {
      await write(kind, target);
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  }
}

const keyOf = (kind: 'Pod' | 'Node', { metadata }: KubeObject): string => `${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`;

/** By chance, in proportion to the weights; when none has one, each alike. */
function weighted(stages: readonly CompiledStage[], object: object, random: Random): CompiledStage | undefined {
  if (stages.length < 2) return stages[0];
  const weights = stages.map((stage) => Math.max(0, stage.weight(object)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return stages[Math.floor(random.next() * stages.length)];
  let left = random.next() * total;
  return stages.find((_, i) => (left -= weights[i] as number) < 0) ?? stages.at(-1);
}
/** Undefined when nothing changes. */
function finalizersAfter(
  now: readonly string[],
  { add = [], remove = [], empty }: { add?: { value?: string }[]; remove?: { value?: string }[]; empty?: boolean },
): string[] | undefined {
  const gone = new Set(remove.map((one) => one.value));
  const kept = empty ? [] : now.filter((one) => !gone.has(one));
  for (const { value } of add) if (value && !kept.includes(value)) kept.push(value);
  return kept.length === now.length && kept.every((one, i) => one === now[i]) ? undefined : kept;
}
