import { ApiError, type Api, type Kind, type KubeObject } from '#machinery';

/**
 * Deletes every object of a kind, all at the same time: the store makes durable together what comes together. Gives the
 * objects that it found. Every deletion is tried; rejects with the first that was refused, and when something is still
 * there because finalizers hold it.
 */
export async function deleteAll<T extends KubeObject>(api: Api, kind: Kind<T>): Promise<T[]> {
  const { items } = await api.list(kind);
  const outcomes = await Promise.allSettled(items.map((object) => deleteOne(api, kind, object)));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return items;
}

async function deleteOne<T extends KubeObject>(api: Api, kind: Kind<T>, { metadata }: T): Promise<void> {
  const name = metadata?.name ?? '';
  try {
    const left = await api.delete(kind, { name });
    if (left.metadata && 'deletionTimestamp' in left.metadata) throw new Error(`${kind.plural} ${name} is kept by its finalizers`);
  } catch (error) {
    // Somebody else was quicker.
    if (!(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
  }
}
