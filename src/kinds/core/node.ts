import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1Node, V1Taint } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, forbidden, invalidValue, required, sameJson, unsupportedOf } from '../support/errors.ts';
import { parseCidr, validCidr } from '../support/ip.ts';
import { checked, qualifiedName, validLabelValue } from '../support/names.ts';
import { validateQuantity } from '../support/resources.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const rolePrefix = 'node-role.kubernetes.io/';

function statusText(node: V1Node): string {
  const ready = node.status?.conditions?.find((c) => c.type === 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

function rolesText(node: V1Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) roles.add(key.slice(rolePrefix.length));
    else if (key === 'kubernetes.io/role' && value) roles.add(value);
  }
  return roles.size === 0 ? '<none>' : [...roles].toSorted().join(',');
}

const address = (node: V1Node, type: string): string => node.status?.addresses?.find((a) => a.type === type)?.address ?? '<none>';

export function validateTaints(field: string, taints: V1Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, i) => {
    const at = `${field}[${i}]`;
    const errors = checked(`${at}.key`, taint.key ?? '', qualifiedName);
    const problems = validLabelValue(taint.value ?? '');
    if (problems.length > 0) errors.push(invalidValue(`${at}.value`, taint.value, problems.join(';')));
    if (!taint.effect) errors.push(required(`${at}.effect`));
    else if (!effects.includes(taint.effect)) errors.push(unsupportedOf(`${at}.effect`, taint.effect, effects));
    const id = `${taint.key}:${taint.effect}`;
    if (seen.has(id)) {
      const twice = duplicate(at, taint);
      errors.push({ ...twice, message: `${twice.message}: taints must be unique by key and effect pair` });
    }
    seen.add(id);
    return errors;
  });
}

function validatePodCidrs(cidrs: string[] | undefined): FieldError[] {
  const field = 'spec.podCIDRs';
  const errors = (cidrs ?? []).flatMap((cidr, i) => validCidr(`${field}[${i}]`, cidr));
  if (errors.length > 0 || !cidrs || cidrs.length < 2) return errors;
  const mixed = parseCidr(cidrs[0]!)!.bits !== parseCidr(cidrs[1]!)!.bits;
  const found = mixed && cidrs.length === 2 ? [] : [invalidValue(field, cidrs, 'may specify no more than one CIDR for each IP family')];
  return [...found, ...cidrs.flatMap((cidr, i) => (cidrs.indexOf(cidr) < i ? [duplicate(`${field}[${i}]`, cidr)] : []))];
}

/** What a kubelet reports; it may also come with the node itself. */
function validateStatus({ status }: V1Node): FieldError[] {
  const errors: FieldError[] = [];
  for (const name in status?.capacity) errors.push(...validateQuantity(`status.capacity.${name}`, name, status.capacity[name]!));
  for (const name in status?.allocatable) errors.push(...validateQuantity(`status.allocatable.${name}`, name, status.allocatable[name]!));
  const seen = new Set<string>();
  status?.addresses?.forEach((one, i) => {
    const id = `${one.type} ${one.address}`;
    if (seen.has(id)) errors.push(duplicate(`status.addresses[${i}]`, one));
    seen.add(id);
  });
  return errors;
}

function validateUpdate(node: V1Node, old: V1Node): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.spec?.podCIDRs ?? [];
  if (before.length > 0 && !sameJson(before, node.spec?.podCIDRs ?? []))
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (old.spec?.providerID && node.spec?.providerID !== old.spec.providerID)
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  if (node.spec?.externalID !== old.spec?.externalID) errors.push(forbidden('spec.externalID', 'may not be updated'));
  return errors;
}

export const Node: Kind<V1Node> = defineKind<V1Node>({
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  schema: 'V1Node',
  subresources: [{ name: 'proxy', kind: 'NodeProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  status: true,
  generation: false,
  columns: [
    nameColumn,
    column('Status', 'string', 'The status of the node', statusText),
    column('Roles', 'string', 'The roles of the node', rolesText),
    ageColumn,
    column('Version', 'string', 'Kubelet Version reported by the node.', (node) => node.status?.nodeInfo?.kubeletVersion ?? ''),
    column('Internal-IP', 'string', 'List of addresses reachable to the node.', (node) => address(node, 'InternalIP'), 1),
    column('External-IP', 'string', 'List of addresses reachable to the node.', (node) => address(node, 'ExternalIP'), 1),
    column('OS-Image', 'string', 'OS Image reported by the node from /etc/os-release', (node) => node.status?.nodeInfo?.osImage || '<unknown>', 1),
    column('Kernel-Version', 'string', 'Kernel Version reported by the node', (node) => node.status?.nodeInfo?.kernelVersion || '<unknown>', 1),
    column(
      'Container-Runtime',
      'string',
      'ContainerRuntime Version reported by the node',
      (node) => node.status?.nodeInfo?.containerRuntimeVersion || '<unknown>',
      1,
    ),
  ],
  selectableFields: { 'spec.unschedulable': (node) => String(node.spec?.unschedulable ?? false) },
  defaults(node) {
    const spec = (node.spec ??= {});
    if (spec.podCIDR && !spec.podCIDRs?.length) spec.podCIDRs = [spec.podCIDR];
    if (!spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
    if (node.status?.capacity && !node.status.allocatable) node.status.allocatable = { ...node.status.capacity };
  },
  validate: (node, old) => [
    ...validateStatus(node),
    ...validatePodCidrs(node.spec?.podCIDRs),
    // Kubernetes looks for them there.
    ...validateTaints('metadata.taints', node.spec?.taints),
    ...(old ? validateUpdate(node, old) : []),
  ],
  validateStatus,
});
