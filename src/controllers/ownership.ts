import type { Informer } from '#client';
import { sharedSelectorMatcher, type Api, type Kind, type KubeObject, type LabelSelector, type OwnerReference } from '#machinery';
import { keyFor } from './controller.ts';

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  const refs = object.metadata?.ownerReferences;
  if (refs) for (const ref of refs) if (ref.controller === true) return ref;
  return undefined;
}

/** The reference that makes `owner` the controller of what carries it. */
export function controllerReference(kind: Pick<Kind, 'apiVersion' | 'kind'>, owner: KubeObject): OwnerReference {
  return {
    apiVersion: kind.apiVersion,
    kind: kind.kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface Claims<T> {
  owned: T[];
  adopt: T[];
  release: T[];
}

/**
 * Who belongs to an owner: what refers to it and matches stays; what refers to it and no longer matches
 * is released; what matches and has no controller is adopted. Objects or owners that are being deleted
 * neither adopt nor release. (Kubernetes: PodControllerRefManager.)
 */
export function planClaims<T extends KubeObject>(owner: KubeObject, selector: LabelSelector | undefined, candidates: readonly T[]): Claims<T> {
  const matches = sharedSelectorMatcher(selector);
  const claims: Claims<T> = { owned: [], adopt: [], release: [] };
  const leaving = owner.metadata?.deletionTimestamp !== undefined;
  for (const object of candidates) {
    const ref = controllerOf(object);
    const fits = matches(object.metadata?.labels);
    if (ref) {
      if (ref.uid !== owner.metadata?.uid) continue;
      if (fits || leaving) claims.owned.push(object);
      else claims.release.push(object);
    } else if (fits && !leaving && object.metadata?.deletionTimestamp === undefined) claims.adopt.push(object);
  }
  return claims;
}

/** Carries the claims out and gives all that is owned then. The owner is read anew before anything is adopted. */
export async function applyClaims<O extends KubeObject, T extends KubeObject>(
  api: Api,
  ownerKind: Kind<O>,
  owner: O,
  kind: Kind<T>,
  claims: Claims<T>,
): Promise<T[]> {
  await Promise.all(claims.release.map((object) => release(api, kind, object, owner)));
  if (claims.adopt.length === 0) return claims.owned;
  const { namespace, name = '', uid } = owner.metadata ?? {};
  const fresh = await api.get(ownerKind, { namespace, name });
  if (fresh.metadata?.uid !== uid || fresh.metadata?.deletionTimestamp !== undefined) return claims.owned;
  const adopted = await Promise.all(claims.adopt.map((object) => adopt(api, kind, object, controllerReference(ownerKind, owner))));
  return [...claims.owned, ...adopted];
}

function adopt<T extends KubeObject>(api: Api, kind: Kind<T>, object: T, ref: OwnerReference): Promise<T> {
  return patchOwners(api, kind, object, [...(object.metadata?.ownerReferences ?? []), ref]);
}
function release<T extends KubeObject>(api: Api, kind: Kind<T>, object: T, owner: KubeObject): Promise<T> {
  const rest = (object.metadata?.ownerReferences ?? []).filter((ref) => ref.uid !== owner.metadata?.uid);
  return patchOwners(api, kind, object, rest);
}

/** Replaces the owner references, if the object is still the one that was seen. */
export function patchOwners<T extends KubeObject>(api: Api, kind: Kind<T>, object: T, ownerReferences: readonly OwnerReference[]): Promise<T> {
  const { namespace, name = '', resourceVersion } = object.metadata ?? {};
  const references = ownerReferences.map((ref) => ({ ...ref }));
  return api.patch(kind, { namespace, name }, 'application/merge-patch+json', {
    metadata: { ...(resourceVersion ? { resourceVersion } : {}), ownerReferences: references.length > 0 ? references : null },
  });
}

/**
 * For a change of a dependent: the keys of the owners that it concerns. One that has a controller concerns
 * that one only, if it is of the kind; an orphan concerns all that would adopt it.
 */
export function ownerKeys<O extends KubeObject>(
  owners: Informer<O>,
  selector: (owner: O) => LabelSelector | undefined,
  fits: (owner: O, object: KubeObject) => boolean = () => true,
): (object: KubeObject | undefined) => string[] {
  return (object) => {
    if (!object) return [];
    const ref = controllerOf(object);
    if (ref) return ref.kind === owners.kind.kind ? [`${object.metadata?.namespace ?? ''}/${ref.name}`] : [];
    const adopts = (owner: O): boolean => fits(owner, object) && sharedSelectorMatcher(selector(owner))(object.metadata?.labels);
    return owners.list(object.metadata?.namespace).filter(adopts).map(keyFor);
  };
}
