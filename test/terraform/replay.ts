import assert from 'node:assert/strict';
import { test } from 'node:test';

/** What Terraform's AWS provider sends for one resource, in its order. */
export interface Replay {
  /** The resource's type and what is special. */
  readonly name: string;
  create(): Promise<unknown>;
  /** All that the provider reads, as it stands in the state. It must be the same at every plan. */
  read(): Promise<object>;
  /** What of it the configuration asks for. */
  readonly wanted: object;
  update?(): Promise<unknown>;
  readonly updated?: object;
  delete?(): Promise<unknown>;
  /** The code by which the provider sees that it is gone, or what it reads then. */
  readonly gone: string | object;
}

/** Applies, plans twice, changes, plans twice, destroys. */
export function replay({ name, create, read, wanted, update, updated, delete: remove, gone }: Replay): void {
  const plan = async (expected: object): Promise<void> => {
    const first = plain(await read());
    assert.partialDeepStrictEqual(first, expected);
    assert.deepEqual(plain(await read()), first, 'a second plan is empty');
  };
  test(name, async () => {
    await create();
    await plan(wanted);
    if (update) {
      await update();
      await plan(updated ?? wanted);
    }
    await remove?.();
    if (typeof gone === 'string') await refuses(gone, read());
    else assert.partialDeepStrictEqual(plain(await read()), gone);
  });
}

/** Answers without what differs at every call. */
function plain(value: unknown): object {
  return JSON.parse(JSON.stringify(value, (key, one: unknown) => (key === '$metadata' ? undefined : one))) as object;
}

/** The SDKs name an error by its shape or by its code. */
export async function refuses(code: string, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: { name?: string; Code?: string }) => {
    assert.ok(error.name === code || error.Code === code, `${error.name ?? ''}/${error.Code ?? ''} instead of ${code}`);
    return true;
  });
}
/** A part of a resource that need not be there: the codes by which the provider sees that it is not. */
export async function maybe<T>(work: Promise<T>, ...codes: readonly string[]): Promise<T | string> {
  try {
    return await work;
  } catch (error) {
    const code = (error as { name: string }).name;
    assert.ok(codes.includes(code), `${code} instead of ${codes.join(', ')}: ${String(error)}`);
    return code;
  }
}
