import { formatAmount, parseAmount, type Amount } from '#base';
import type { Kind, KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, ObjectReader } from '../types.ts';
import { amountsOf, isPods, podAmounts, type Amounts, type Container, type Pod, type ResourceList, type Resources } from './pods.ts';
import { aggregate, forbidden } from './refusals.ts';

interface Limit {
  type: string;
  min?: ResourceList;
  max?: ResourceList;
  default?: ResourceList;
  defaultRequest?: ResourceList;
  maxLimitRequestRatio?: ResourceList;
}
interface LimitRange extends KubeObject {
  spec?: { limits?: Limit[] };
}
interface Claim extends KubeObject {
  spec?: { resources?: Resources };
}
const annotation = 'kubernetes.io/limit-ranger';
const isClaims = ({ group, plural }: Kind): boolean => group === '' && plural === 'persistentvolumeclaims';
const sorted = (list: ResourceList | undefined): [string, string][] => Object.entries(list ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

/** Defaults, least and most of what containers, pods and claims may ask for, by the LimitRanges of their namespace. */
export function limitRanger(): AdmissionPlugin {
  let reader: ObjectReader;
  const rangesOf = ({ namespace }: AdmissionRequest): readonly LimitRange[] => reader.list('', 'limitranges', namespace);
  return {
    name: 'LimitRanger',
    handles: (kind) => isPods(kind) || isClaims(kind),
    start: (given) => void (reader = given),
    mutate(request) {
      if (!isPods(request.kind) || request.operation !== 'CREATE') return;
      for (const range of rangesOf(request)) fillIn(request.object as Pod, range);
    },
    validate(request) {
      if (!concerns(request)) return;
      for (const range of rangesOf(request)) {
        const errors = (range.spec?.limits ?? []).flatMap((limit) => findings(limit, request));
        if (errors.length > 0) throw forbidden(request, aggregate(errors));
      }
    },
  };
}

/** What a pod asks for changes only by its resize; what is on its way out is left in peace. */
function concerns({ kind, operation, subresource, old }: AdmissionRequest): boolean {
  if (old?.metadata?.deletionTimestamp) return false;
  if (isPods(kind)) return operation === 'CREATE' ? !subresource : subresource === 'resize';
  return !subresource;
}

function fillIn(pod: Pod, range: LimitRange): void {
  const requests: ResourceList = {};
  const limits: ResourceList = {};
  for (const limit of range.spec?.limits ?? []) {
    if (limit.type !== 'Container') continue;
    Object.assign(requests, limit.defaultRequest);
    Object.assign(limits, limit.default);
  }
  const told = [
    ...(pod.spec?.containers ?? []).flatMap((container) => fillContainer(container, 'container', requests, limits)),
    ...(pod.spec?.initContainers ?? []).flatMap((container) => fillContainer(container, 'init container', requests, limits)),
  ];
  if (told.length === 0) return;
  const metadata = (pod.metadata ??= {});
  metadata.annotations = { ...metadata.annotations, [annotation]: `LimitRanger plugin set: ${told.join('; ')}` };
}
function fillContainer(container: Container, role: string, requests: ResourceList, limits: ResourceList): string[] {
  const told: string[] = [];
  for (const [member, word, wanted] of [
    ['requests', 'request', requests],
    ['limits', 'limit', limits],
  ] as const) {
    const missing = sorted(wanted).filter(([name]) => container.resources?.[member]?.[name] === undefined);
    if (missing.length === 0) continue;
    const resources = (container.resources ??= {});
    resources[member] = { ...resources[member], ...Object.fromEntries(missing) };
    told.push(`${missing.map(([name]) => name).join(', ')} ${word} for ${role} ${container.name}`);
  }
  return told;
}

function findings(limit: Limit, { kind, object }: AdmissionRequest): string[] {
  if (isClaims(kind)) return limit.type === 'PersistentVolumeClaim' ? claimFindings(limit, object as Claim) : [];
  const spec = (object as Pod).spec ?? {};
  if (limit.type === 'Pod') return boundFindings(limit, podAmounts(spec, 'requests'), podAmounts(spec, 'limits'));
  if (limit.type !== 'Container') return [];
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap(({ resources }) =>
    boundFindings(limit, amountsOf(resources?.requests), amountsOf(resources?.limits)),
  );
}
function claimFindings({ type, min, max }: Limit, { spec }: Claim): string[] {
  const requests = amountsOf(spec?.resources?.requests);
  return [
    ...sorted(min).map(([name, bound]) => tooLittle(type, name, bound, requests.get(name), undefined)),
    ...sorted(max).map(([name, bound]) => tooMuchAsked(type, name, bound, requests.get(name))),
  ].filter((text) => text !== undefined);
}
function boundFindings({ type, min, max, maxLimitRequestRatio }: Limit, requests: Amounts, limits: Amounts): string[] {
  return [
    ...sorted(min).map(([name, bound]) => tooLittle(type, name, bound, requests.get(name), limits.get(name))),
    ...sorted(max).map(([name, bound]) => tooMuch(type, name, bound, requests.get(name), limits.get(name))),
    ...sorted(maxLimitRequestRatio).map(([name, bound]) => tooWide(type, name, bound, requests.get(name), limits.get(name))),
  ].filter((text) => text !== undefined);
}

const less = (a: Amount | undefined, b: Amount): boolean => a !== undefined && a.nano < b.nano;
function bounded(text: string): Amount {
  return parseAmount(text) ?? { nano: 0n, format: 'decimal' };
}
function tooLittle(type: string, name: string, bound: string, request: Amount | undefined, limit: Amount | undefined): string | undefined {
  const least = bounded(bound);
  const text = `minimum ${name} usage per ${type} is ${formatAmount(least)}`;
  if (!request) return `${text}.  No request is specified`;
  if (less(request, least)) return `${text}, but request is ${formatAmount(request)}`;
  return limit && less(limit, least) ? `${text}, but limit is ${formatAmount(limit)}` : undefined;
}
function tooMuch(type: string, name: string, bound: string, request: Amount | undefined, limit: Amount | undefined): string | undefined {
  const most = bounded(bound);
  const text = `maximum ${name} usage per ${type} is ${formatAmount(most)}`;
  if (!limit) return `${text}.  No limit is specified`;
  if (less(most, limit)) return `${text}, but limit is ${formatAmount(limit)}`;
  return request && less(most, request) ? `${text}, but request is ${formatAmount(request)}` : undefined;
}
function tooMuchAsked(type: string, name: string, bound: string, request: Amount | undefined): string | undefined {
  const most = bounded(bound);
  const text = `maximum ${name} usage per ${type} is ${formatAmount(most)}`;
  if (!request) return `${text}.  No request is specified`;
  return less(most, request) ? `${text}, but request is ${formatAmount(request)}` : undefined;
}
function tooWide(type: string, name: string, bound: string, request: Amount | undefined, limit: Amount | undefined): string | undefined {
  const most = bounded(bound);
  const text = `${name} max limit to request ratio per ${type} is ${formatAmount(most)}`;
  if (!request?.nano) return `${text}, but no request is specified or request is 0`;
  if (!limit?.nano) return `${text}, but no limit is specified or limit is 0`;
  const ratio = Number(limit.nano) / Number(request.nano);
  return ratio > Number(most.nano) / 1e9 ? `${text}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
