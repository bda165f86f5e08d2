import { Metrics, type Clock } from '#base';
import { ApiError, type Status, type UserInfo } from '#machinery';
import { statusOf } from '../http/respond.ts';
import { listen, type Tap } from '../http/taps.ts';
import type { Exchange } from '../http/types.ts';
import type { Filter } from '../types.ts';
import { eventLine, shownBody, type Draft } from './event.ts';
import { decider, metadataPolicy, type Decision, type Policy, type Stage } from './policy.ts';
import type { Sink } from './sink.ts';

export interface AuditOptions {
  readonly clock: Clock;
  readonly sink: Sink;
  /** Without one, who did what is written of everything, and nothing of what was said. */
  readonly policy?: Policy | undefined;
  readonly metrics?: Metrics;
}

/** Writes down who asked what and how it ended, as an audit.k8s.io/v1 Policy says (Auditing). */
export class Audit implements Filter {
  readonly name = 'audit';
  readonly #clock: Clock;
  readonly #sink: Sink;
  readonly #decide: (user: UserInfo | undefined, info: Exchange['info']) => Decision;
  readonly #events;
  readonly #levels;

  constructor({ clock, sink, policy = metadataPolicy, metrics = new Metrics() }: AuditOptions) {
    this.#clock = clock;
    this.#sink = sink;
    this.#decide = decider(policy);
    const events = metrics.counter({
      name: 'apiserver_audit_event_total',
      help: 'Counter of audit events generated and sent to the audit backend.',
      stability: 'ALPHA',
    });
    this.#events = events.with();
    this.#levels = metrics.counter({
      name: 'apiserver_audit_level_total',
      help: 'Counter of policy levels for audit events (1 per request).',
      labels: ['level'],
      stability: 'ALPHA',
    });
  }
  handle(exchange: Exchange, next: () => number | Promise<number>): number | Promise<number> {
    const draft = this.#begin(exchange, exchange.user);
    if (!draft) return next();
    this.#write(draft, 'RequestReceived', undefined);
    listen(exchange, this.#tap(draft));
    exchange.annotate = (key, value) => void (draft.annotations.has(key) || draft.annotations.set(key, value));
    const over = (code: number): number => {
      this.#write(draft, 'ResponseComplete', { code });
      return code;
    };
    const failed = (error: unknown): never => {
      this.#fail(draft, error);
      throw error;
    };
    let code: number | Promise<number>;
    try {
      code = next();
    } catch (error) {
      return failed(error);
    }
    return typeof code === 'number' ? over(code) : code.then(over, failed);
  }
  /** A request of someone who could not be authenticated. */
  refused(exchange: Exchange, error: unknown): void {
    const draft = this.#begin(exchange, undefined);
    if (!draft) return;
    const kind = exchange.request.headers.authorization === undefined ? 'x509' : 'bearer';
    const { status, code } = statusOf(error);
    this.#write(draft, 'ResponseStarted', { status: 'Failure', message: `Authentication failed, attempted: ${kind}`, reason: status.reason ?? '', code });
  }
  /** Resolves when every event is written. */
  close(): Promise<void> {
    return this.#sink.close();
  }

  #begin(exchange: Exchange, user: UserInfo | undefined): Draft | undefined {
    const decision = this.#decide(user, exchange.info);
    this.#levels.with(decision.level).value++;
    if (decision.level === 'None') return undefined;
    return {
      id: exchange.auditId,
      decision,
      exchange,
      user,
      received: this.#clock.now(),
      annotations: new Map(),
      named: {},
      requestObject: undefined,
      responseObject: undefined,
      written: new Set(),
    };
  }
  #tap(draft: Draft): Tap {
    const { level, omitManagedFields } = draft.decision;
    return {
      request: (value) => {
        draft.named = namedIn(value);
        if (level === 'Request' || level === 'RequestResponse') draft.requestObject = shownBody(value, omitManagedFields);
      },
      head: (code) => {
        if (draft.exchange.longRunning) this.#write(draft, 'ResponseStarted', { code });
      },
      body: (bytes) => {
        if (level === 'RequestResponse') draft.responseObject = shownBody(parsed(bytes), omitManagedFields);
      },
    };
  }
  #fail(draft: Draft, error: unknown): void {
    const { status, code, internal } = statusOf(error);
    const shown: Partial<Status> = {
      status: 'Failure',
      ...(status.message ? { message: status.message } : {}),
      ...(status.reason ? { reason: status.reason } : {}),
      ...(status.details ? { details: status.details } : {}),
      code,
    };
    if (draft.decision.level === 'RequestResponse' && error instanceof ApiError) draft.responseObject = JSON.stringify(status);
    this.#write(draft, internal ? 'Panic' : 'ResponseComplete', shown);
  }
  #write(draft: Draft, stage: Stage, status: Partial<Status> | undefined): void {
    const { written, decision } = draft;
    if (written.has(stage) || written.has('ResponseComplete') || written.has('Panic')) return;
    written.add(stage);
    if (decision.omitStages.has(stage)) return;
    this.#events.value++;
    this.#sink.write(eventLine(draft, stage, this.#clock.now(), status));
  }
}

function namedIn(value: unknown): Draft['named'] {
  const { metadata } = (value ?? {}) as { metadata?: Record<string, unknown> };
  const named: Record<string, string> = {};
  for (const field of ['name', 'namespace', 'uid', 'resourceVersion']) {
    const text = metadata?.[field];
    if (typeof text === 'string') named[field] = text;
  }
  return named;
}
function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}
