import type { Informer } from '#client';
import { ControllerRevision, type V1ControllerRevision, type V1PodTemplateSpec } from '#kinds';
import { isApiError, type Api, type Json, type Kind, type KubeObject, type LabelSelector } from '#machinery';
import type { ControllerContext } from './controller.ts';
import { canonical, nameHash } from './hash.ts';
import { applyClaims, controllerOf, controllerReference, planClaims } from './ownership.ts';
import { PendingWrites } from './pending.ts';
import { indexByController, indexOrphans } from './pods.ts';

/** Pods carry which revision they were made from. */
export const revisionLabel = 'controller-revision-hash';

/** An owner of revisions: a StatefulSet or a DaemonSet. */
export interface Revised extends KubeObject {
  spec?: { template: V1PodTemplateSpec; selector: LabelSelector };
  status?: { collisionCount?: number };
}

/** What a revision keeps: a patch that puts the template back, as `kubectl rollout undo` sends it. */
export const revisionData = (template: V1PodTemplateSpec): Json => ({ spec: { template: { ...template, $patch: 'replace' } } }) as unknown as Json;

export function templateOf(revision: V1ControllerRevision): V1PodTemplateSpec {
  const { spec } = revision.data as unknown as { spec: { template: V1PodTemplateSpec & { $patch?: string } } };
  const { $patch: _, ...template } = spec.template;
  return template;
}

const texts = new WeakMap<V1ControllerRevision, string>();
function dataText(revision: V1ControllerRevision): string {
  let text = texts.get(revision);
  if (text === undefined) texts.set(revision, (text = canonical(revision.data)));
  return text;
}
export const sameData = (a: V1ControllerRevision, b: V1ControllerRevision): boolean => dataText(a) === dataText(b);

/** Oldest first; of equal numbers the one created earlier. */
export const byRevision = (a: V1ControllerRevision, b: V1ControllerRevision): number =>
  a.revision - b.revision || compareText(a.metadata?.creationTimestamp, b.metadata?.creationTimestamp) || compareText(a.metadata?.name, b.metadata?.name);
/** By code units, as names and times of Kubernetes are ordered. */
export const compareText = (a = '', b = ''): number => (a === b ? 0 : a < b ? -1 : 1);

export const nextRevision = (revisions: readonly V1ControllerRevision[]): number => revisions.reduce((most, r) => Math.max(most, r.revision), 0) + 1;

/** The revision of the owner's present template. `hashLabel` is the label that carries the hash of its name. */
export function buildRevision(
  kind: Pick<Kind, 'apiVersion' | 'kind'>,
  owner: Revised,
  revision: number,
  collisionCount: number | undefined,
  hashLabel: string,
): V1ControllerRevision {
  const template = owner.spec?.template ?? ({} as V1PodTemplateSpec);
  const data = revisionData(template);
  const text = textOf(template, data);
  const hash = nameHash(text, collisionCount);
  const revisionOfTemplate: V1ControllerRevision = {
    apiVersion: ControllerRevision.apiVersion,
    kind: ControllerRevision.kind,
    metadata: {
      name: `${(owner.metadata?.name ?? '').slice(0, 223)}-${hash}`,
      namespace: owner.metadata?.namespace ?? '',
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(owner.metadata?.annotations ? { annotations: { ...owner.metadata.annotations } } : {}),
      ownerReferences: [controllerReference(kind, owner)],
    },
    data,
    revision,
  };
  texts.set(revisionOfTemplate, text);
  return revisionOfTemplate;
}
/** Owners are looked at again and again, and their templates are those of a cache: they never change. */
const templateTexts = new WeakMap<V1PodTemplateSpec, string>();
function textOf(template: V1PodTemplateSpec, data: Json): string {
  let text = templateTexts.get(template);
  if (text === undefined) templateTexts.set(template, (text = canonical(data)));
  return text;
}

/** The revisions of all owners of a kind: read through a cache that may lag, adopted, numbered and thrown away. */
export class RevisionHistory<T extends Revised> {
  readonly #api: Api;
  readonly #kind: Kind<T>;
  readonly #hashLabel: string;
  readonly #owned: (uid: string) => V1ControllerRevision[];
  readonly #orphans: (namespace: string) => V1ControllerRevision[];
  readonly #pending: PendingWrites<V1ControllerRevision>;

  constructor(context: ControllerContext, informer: Informer<V1ControllerRevision>, kind: Kind<T>, hashLabel: string) {
    this.#api = context.api;
    this.#kind = kind;
    this.#hashLabel = hashLabel;
    this.#owned = indexByController(informer);
    this.#orphans = indexOrphans(informer);
    this.#pending = new PendingWrites(informer);
  }
  /** What the owner has, oldest first; what matches and has no owner is adopted. */
  async list(owner: T): Promise<V1ControllerRevision[]> {
    const uid = owner.metadata?.uid ?? '';
    const known = this.#pending.merge(uid, this.#owned(uid));
    const names = new Set(known.map((r) => r.metadata?.name));
    const orphans = this.#orphans(owner.metadata?.namespace ?? '').filter((r) => !names.has(r.metadata?.name));
    const claims = planClaims(owner, owner.spec?.selector, [...known, ...orphans]);
    const all = await applyClaims(this.#api, this.#kind, owner, ControllerRevision, claims);
    for (const adopted of all) if (!known.includes(adopted)) this.#pending.wrote(uid, adopted);
    return all.filter((r) => r.metadata?.deletionTimestamp === undefined).sort(byRevision);
  }
  build(owner: T, revision: number, collisionCount: number | undefined): V1ControllerRevision {
    return buildRevision(this.#kind, owner, revision, collisionCount, this.#hashLabel);
  }
  /** Creates the revision of the present template; a name that is taken by another template is evaded. */
  async create(owner: T, revision: number): Promise<{ created: V1ControllerRevision; collisionCount: number }> {
    for (let collisionCount = owner.status?.collisionCount ?? 0; ; collisionCount++) {
      const wanted = this.build(owner, revision, collisionCount);
      const created = await this.#tryCreate(owner, wanted);
      if (created) return { created, collisionCount };
    }
  }
  async #tryCreate(owner: T, wanted: V1ControllerRevision): Promise<V1ControllerRevision | undefined> {
    const uid = owner.metadata?.uid ?? '';
    try {
      const created = await this.#api.create(ControllerRevision, wanted);
      this.#pending.wrote(uid, created);
      return created;
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const present = await this.#api.get(ControllerRevision, { namespace: wanted.metadata?.namespace, name: wanted.metadata?.name ?? '' });
      if (!sameData(present, wanted)) return undefined;
      // Left by an owner that had the same name and is being collected: it has to go first.
      if ((controllerOf(present)?.uid ?? uid) !== uid) throw error;
      this.#pending.wrote(uid, present);
      return present;
    }
  }
  /** Gives an old revision a new number: what rolling back is. */
  async renumber(owner: T, present: V1ControllerRevision, revision: number): Promise<V1ControllerRevision> {
    const written = await this.#api.update(ControllerRevision, { ...present, revision });
    this.#pending.wrote(owner.metadata?.uid ?? '', written);
    return written;
  }
  async delete(owner: T, revision: V1ControllerRevision): Promise<void> {
    const { namespace, name = '', uid } = revision.metadata ?? {};
    try {
      await this.#api.delete(ControllerRevision, { namespace, name }, uid ? { preconditions: { uid } } : {});
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    this.#pending.removed(owner.metadata?.uid ?? '', revision);
  }
}
