import { isApiError, type Api, type Kind, type KubeObject } from '#machinery';

/**
 * Keeps a finalizer on what is used, and takes it off what is being deleted and used no longer. Gives true when
 * the object waits for its users.
 */
export async function protect<T extends KubeObject>(api: Api, kind: Kind<T>, object: T, finalizer: string, used: () => boolean): Promise<boolean> {
  const present = object.metadata?.finalizers ?? [];
  const deleting = object.metadata?.deletionTimestamp !== undefined;
  if (deleting && present.includes(finalizer)) {
    if (used()) return true;
    await write(
      api,
      kind,
      object,
      present.filter((name) => name !== finalizer),
    );
  } else if (!deleting && !present.includes(finalizer)) await write(api, kind, object, [...present, finalizer]);
  return false;
}
async function write<T extends KubeObject>(api: Api, kind: Kind<T>, { metadata = {} }: T, finalizers: string[]): Promise<void> {
  const { namespace, name = '', resourceVersion } = metadata;
  const patch = { metadata: { ...(resourceVersion ? { resourceVersion } : {}), finalizers: finalizers.length > 0 ? finalizers : null } };
  try {
    await api.patch(kind, { namespace, name }, 'application/merge-patch+json', patch);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
