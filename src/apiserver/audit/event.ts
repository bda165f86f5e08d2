import { formatMicroTime } from '#base';
import type { Status, UserInfo } from '#machinery';
import type { Exchange, Request } from '../http/types.ts';
import type { Decision, Stage } from './policy.ts';

/** What is known of a request so far. */
export interface Draft {
  readonly id: string;
  readonly decision: Decision;
  readonly exchange: Exchange;
  /** Who asks, before impersonation; undefined when nobody could be authenticated. */
  readonly user: UserInfo | undefined;
  readonly received: number;
  readonly annotations: Map<string, string>;
  /** What the body says of the object, where the URL does not: on create. */
  named: { name?: string; namespace?: string; uid?: string; resourceVersion?: string };
  /** JSON of the body of the request; undefined when the level does not want it. */
  requestObject: string | undefined;
  responseObject: string | undefined;
  /** Which events there were: each comes once, and none after the last. */
  readonly written: Set<Stage>;
}

/** An Event of audit.k8s.io/v1 as one line of JSON. */
export function eventLine(draft: Draft, stage: Stage, now: number, status: Partial<Status> | undefined): string {
  const { id, decision, exchange, user, received, annotations } = draft;
  const { info, request } = exchange;
  const agent = request.headers['user-agent']?.slice(0, 1024);
  const event = {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: decision.level,
    auditID: id,
    stage,
    requestURI: request.url ?? '',
    verb: info.verb,
    user: user ? shownUser(user) : {},
    ...(exchange.impersonator ? { impersonatedUser: shownUser(exchange.user) } : {}),
    sourceIPs: sourceIps(request),
    ...(agent ? { userAgent: agent } : {}),
    ...(info.resource ? { objectRef: objectRef(draft) } : {}),
    ...(status ? { responseStatus: { metadata: {}, ...status } } : {}),
  };
  const tail = {
    requestReceivedTimestamp: formatMicroTime(received),
    stageTimestamp: formatMicroTime(now),
    ...(annotations.size > 0 ? { annotations: Object.fromEntries([...annotations].sort(([a], [b]) => (a < b ? -1 : 1))) } : {}),
  };
  const objects =
    (draft.requestObject === undefined ? '' : `"requestObject":${draft.requestObject},`) +
    (draft.responseObject === undefined ? '' : `"responseObject":${draft.responseObject},`);
  return `${JSON.stringify(event).slice(0, -1)},${objects}${JSON.stringify(tail).slice(1)}\n`;
}

function shownUser({ username, uid, groups, extra }: UserInfo): object {
  return { username, ...(uid ? { uid } : {}), groups, ...(extra && Object.keys(extra).length > 0 ? { extra } : {}) };
}
function objectRef({ exchange, named }: Draft): object {
  const at = exchange.info.resource;
  const fields = {
    resource: at?.plural,
    namespace: at?.namespace || named.namespace,
    name: at?.name || named.name,
    uid: named.uid,
    apiGroup: at?.group,
    apiVersion: at?.version,
    resourceVersion: named.resourceVersion,
    subresource: at?.subresource,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
}
/** The hops that proxies tell of, then whoever is connected. */
function sourceIps({ headers, socket }: Request): string[] {
  const told = [headers['x-forwarded-for'], headers['x-real-ip']].flatMap((value) => String(value ?? '').split(','));
  const ips = told.map((ip) => ip.trim()).filter((ip) => /^[0-9a-fA-F.:]+$/.test(ip));
  const remote = socket.remoteAddress?.replace(/^::ffff:/, '');
  return [...new Set([...ips, ...(remote ? [remote] : [])])];
}

/** A body as it is written: without tokens, and without managedFields where the policy says so. Undefined when it is no JSON. */
export function shownBody(value: unknown, omitManagedFields: boolean): string | undefined {
  const tokens = mayHoldToken(value);
  if (!tokens && !omitManagedFields) return JSON.stringify(value);
  const copy = JSON.parse(JSON.stringify(value)) as Shown;
  if (tokens) for (const part of [copy.spec, copy.status]) if (part?.token !== undefined) delete part.token;
  if (omitManagedFields) for (const object of [copy, ...(Array.isArray(copy.items) ? copy.items : [])]) delete object?.metadata?.managedFields;
  return JSON.stringify(copy);
}
interface Shown {
  kind?: unknown;
  metadata?: { managedFields?: unknown };
  spec?: { token?: unknown };
  status?: { token?: unknown };
  items?: Shown[];
}
function mayHoldToken(value: unknown): boolean {
  const { spec, status } = (value ?? {}) as Shown;
  return spec?.token !== undefined || status?.token !== undefined;
}
