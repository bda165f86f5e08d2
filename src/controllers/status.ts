import { isApiError, type Api, type Kind, type KubeObject } from '#machinery';

/** Whether all numbers are the same; zero and absent are the same number. */
export function sameCounts(a: object, b: object): boolean {
  const counts = (status: object): Map<string, number> =>
    new Map(Object.entries(status).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  const [left, right] = [counts(a), counts(b)];
  return [...left.keys(), ...right.keys()].every((name) => (left.get(name) ?? 0) === (right.get(name) ?? 0));
}

/** Writes a status. Gives the object as it is then; undefined when it is gone. */
export async function writeStatus<T extends KubeObject & { status?: object }>(api: Api, kind: Kind<T>, object: T, status: T['status']): Promise<T | undefined> {
  try {
    return await api.update(kind, { ...object, status }, { subresource: 'status' });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
