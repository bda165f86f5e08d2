import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1Node, V1Taint } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, forbidden, required, sameJson, unsupported } from '../support/errors.ts';
import { checked, qualifiedName, validLabelValue } from '../support/names.ts';

const effects = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];
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

function validateTaints(taints: V1Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, i) => {
    const at = `spec.taints[${i}]`;
    const errors = checked(`${at}.key`, taint.key ?? '', qualifiedName);
    if (taint.value) errors.push(...checked(`${at}.value`, taint.value, validLabelValue));
    if (!taint.effect) errors.push(required(`${at}.effect`));
    else if (!effects.includes(taint.effect)) errors.push(unsupported(`${at}.effect`, taint.effect, effects));
    const id = `${taint.key}:${taint.effect}`;
    if (seen.has(id)) errors.push(duplicate(at, taint));
    seen.add(id);
    return errors;
  });
}

function validateUpdate(node: V1Node, old: V1Node): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.spec?.podCIDRs ?? [];
  if (before.length > 0 && !sameJson(before, node.spec?.podCIDRs ?? []))
    errors.push(forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  if (old.spec?.providerID && node.spec?.providerID !== old.spec.providerID)
    errors.push(forbidden('spec.providerID', 'node updates may not change providerID except from "" to valid'));
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
  validate: (node, old) => [...validateTaints(node.spec?.taints), ...(old ? validateUpdate(node, old) : [])],
});
