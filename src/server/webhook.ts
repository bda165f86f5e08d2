import type { Clock, Logger, Timer } from '#base';

export interface Webhook {
  /** Returns at once. */
  send(event: object): void;
  /** What waits is given up. */
  close(): void;
}
export interface WebhookOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
  fetch(
    url: string,
    init: { method: 'POST'; headers: Record<string, string>; body: string; signal: AbortSignal },
  ): Promise<{ readonly ok: boolean; readonly status: number }>;
}

/** Events that wait at most; the oldest go when there are more. */
const most = 10_000;
/** Waits before an event is sent again, ms; after the last it is given up. */
const waits = [1000, 5000, 30_000, 120_000];
/** How long an answer may take, ms. */
const patience = 10_000;

/** Posts events as JSON to a URL, one after the other in their order. Best effort: what is not taken after some tries is told in the log. */
export function openWebhook({ url, clock, log, fetch }: WebhookOptions): Webhook {
  const queue: string[] = [];
  let timer: Timer | undefined;
  let abort: AbortController | undefined;
  let closed = false;
  let dropped = 0;

  async function post(body: string): Promise<string | undefined> {
    abort = new AbortController();
    const late = clock.after(patience, () => abort?.abort(new Error('no answer')));
    try {
      const { ok, status } = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: abort.signal });
      return ok ? undefined : `it answered ${status}`;
    } catch (error) {
      return (error as Error).message;
    } finally {
      late.cancel();
      abort = undefined;
    }
  }
  async function next(tries: number): Promise<void> {
    const body = queue[0];
    if (body === undefined || closed) return;
    const problem = await post(body);
    const wait = waits[tries];
    if (problem === undefined || wait === undefined) {
      if (problem !== undefined) log.warn('an event could not be delivered', { url, problem, event: body });
      if (queue[0] === body) queue.shift();
      return next(0);
    }
    if (!closed) timer = clock.after(wait, () => void next(tries + 1));
  }
  return {
    send(event) {
      if (closed) return;
      queue.push(JSON.stringify(event));
      if (queue.length === 1) void next(0);
      if (queue.length <= most) return;
      // Not the first: it is being sent.
      queue.splice(1, 1);
      if (dropped++ % 1000 === 0) log.warn('events are lost: their receiver is too slow', { url, dropped });
    },
    close() {
      closed = true;
      timer?.cancel();
      abort?.abort(new Error('closing'));
    },
  };
}
