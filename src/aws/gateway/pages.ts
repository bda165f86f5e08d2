import type { CallRequest, CallResponse } from '../protocol/types.ts';
import type { Source } from './call.ts';

/** A path that is no call of a service: health, reset. */
export interface Page {
  readonly path: string;
  /** Takes what lies below its path, too. */
  readonly below?: true;
  readonly method: 'GET' | 'POST';
  answer(request: CallRequest, source: Source): Promise<CallResponse> | CallResponse;
}

export const jsonPage = (status: number, value: unknown): CallResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

/** Undefined when the path is none of these: underscores stand in no bucket's name. */
export function findPage(pages: readonly Page[], { method, path }: CallRequest): Page | undefined {
  return pages.find(
    (page) => (page.below ? path.startsWith(page.path) : page.path === path) && (page.method === method || (method === 'HEAD' && page.method === 'GET')),
  );
}
