import type { KubeObject } from '#machinery';
import { endpointsOf } from '../outbound/target.ts';
import type { ObjectReader } from '../types.ts';
import type { APIService, Condition } from './api-service.ts';

interface Service extends KubeObject {
  spec?: { type?: string; ports?: { name?: string; port: number }[] };
}
export type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

export const passed: Verdict = { status: 'True', reason: 'Passed', message: 'all checks passed' };
const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
export const failedDiscovery = (message: string): Verdict => no('FailedDiscoveryCheck', message);

/** What the cluster's own objects say against an APIService; undefined when nothing does, and its server is to be asked. */
export function findFault({ spec }: APIService, reader: ObjectReader): Verdict | undefined {
  const { namespace = '', name = '', port = 443 } = spec?.service ?? {};
  const where = `service/${name} in ${JSON.stringify(namespace)}`;
  const service = reader.get('', 'services', namespace, name) as Service | undefined;
  if (!service) return no('ServiceNotFound', `${where} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const found = service.spec?.ports?.find((candidate) => candidate.port === port);
  if (!found) return no('ServicePortError', `${where} is not listening on port ${port}`);
  if (endpointsOf(namespace, name, found.name ?? '', reader).length > 0) return undefined;
  return no('MissingEndpoints', `endpoints for ${where} have no addresses with port name ${JSON.stringify(found.name ?? '')}`);
}

/** The conditions of an APIService with a new verdict; undefined when it is the old one. */
export function withVerdict(conditions: readonly Condition[], verdict: Verdict, now: string): Condition[] | undefined {
  const old = conditions.find((condition) => condition.type === 'Available');
  if (old && old.status === verdict.status && old.reason === verdict.reason && old.message === verdict.message) return undefined;
  const lastTransitionTime = old?.status === verdict.status ? (old.lastTransitionTime ?? now) : now;
  return [...conditions.filter((condition) => condition !== old), { type: 'Available', lastTransitionTime, ...verdict }];
}
