import type { Exchange, Request, Response } from './types.ts';

/** Listens to a request and its answer on their way. */
export interface Tap {
  /** The parsed body, which whoever reads it may change: keep nothing of it. */
  request(value: unknown): void;
  /** The answer begins. */
  head(code: number): void;
  /** The JSON of the answer, as it is before compression. */
  body(bytes: Buffer): void;
}

const tap = Symbol('tap');
type Tapped = { [tap]?: Tap };

export function listen({ request, response }: Exchange, listener: Tap): void {
  (request as Tapped)[tap] = listener;
  (response as Tapped)[tap] = listener;
}
export function tapOf(message: Request | Response): Tap | undefined {
  return (message as Tapped)[tap];
}
