import type { Kind, KubeObject } from '#machinery';

/** An object of one version of a resource as another: by way of the version that is stored. */
export async function convertTo(object: KubeObject, from: Kind, to: Kind): Promise<KubeObject> {
  const stored = from.apiVersion === from.storageVersion ? object : await one(from, object, from.storageVersion);
  return to.apiVersion === to.storageVersion ? stored : one(to, stored, to.apiVersion);
}
async function one(kind: Kind, object: KubeObject, apiVersion: string): Promise<KubeObject> {
  const [converted] = (await kind.convert?.([object], apiVersion)) ?? [];
  if (!converted) throw new Error(`${kind.kind} of ${kind.apiVersion} cannot be converted to ${apiVersion}`);
  // Identity stays: conversions may leave metadata to the caller.
  return { ...converted, metadata: { ...object.metadata, ...converted.metadata } };
}
