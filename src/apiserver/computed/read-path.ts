import { ApiError, reasons, type Json, type Status, type StatusReason, type UserInfo } from '#machinery';
import type { Aggregation } from '../aggregation/aggregation.ts';
import { parseRequest, queryOf, type ResourcePath } from '../http/request-info.ts';
import type { Computed } from './computed.ts';

/** What GET on a path gives a component of this process, where the answer is computed or another server's. */
export type ReadPath = (path: string, user: UserInfo) => Promise<Json>;

export function pathReader(computed: Computed, aggregation: Aggregation | undefined): ReadPath {
  return async (path, user) => {
    const info = parseRequest('GET', path);
    const at = info.resource;
    if (!at) throw generic('NotFound', undefined);
    const service = aggregation?.find(info);
    if (service) return parsed(at, await (aggregation as Aggregation).read(service, user, path));
    const group = computed.find(at);
    if (!group) throw generic('NotFound', at);
    return (await group.read({ ...at, query: queryOf(info) })) as unknown as Json;
  };
}

function parsed(at: ResourcePath, { status, body }: { status: number; body: Buffer }): Json {
  let value: Json;
  try {
    value = JSON.parse(body.toString()) as Json;
  } catch {
    throw generic(reasonOf(status), at);
  }
  if (status < 400) return value;
  const { reason, message, details } = value as Partial<Status>;
  if (message === undefined) throw generic(reasonOf(status), at);
  throw new ApiError(reason !== undefined && reason in reasons ? (reason as StatusReason) : reasonOf(status), message, details);
}
function reasonOf(code: number): StatusReason {
  return (Object.keys(reasons) as StatusReason[]).find((reason) => reasons[reason] === code) ?? 'InternalError';
}
/** What client-go makes of an answer that says nothing of itself. */
function generic(reason: StatusReason, at: ResourcePath | undefined): ApiError {
  const texts: { [reason: string]: string } = {
    NotFound: 'the server could not find the requested resource',
    ServiceUnavailable: 'the server is currently unable to handle the request',
  };
  const text = texts[reason] ?? 'an error on the server ("unknown") has prevented the request from succeeding';
  return new ApiError(reason, at ? `${text} (get ${at.group ? `${at.plural}.${at.group}` : at.plural})` : text, {});
}
