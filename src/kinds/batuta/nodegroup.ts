import { defineKind, type CompactTypes, type FieldError, type Kind, type KubeObject } from '#machinery';
import { validateTaints } from '../core/node.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, invalidValue, nonNegative, oneOf, unsupported } from '../support/errors.ts';
import { checked, validateLabels, validLabelValue } from '../support/names.ts';
import { validateQuantity } from '../support/resources.ts';
import { instanceTypes } from './instance-types.ts';
import { nodeTemplateTypes, type NodeTemplate } from './node-template.ts';

export interface NodeGroupSpec {
  /** Nodes that there are to be. */
  replicas?: number;
  /** Bounds for autoscalers; whoever sets `replicas` by hand is not held by them. */
  min?: number;
  max?: number;
  /** Weight for expanders that go by priority: the highest is scaled up first. */
  priority?: number;
  /** How a node goes when there are to be fewer: Abrupt = as a machine that is lost, Drain = its pods are evicted first. */
  scaleDown?: 'Abrupt' | 'Drain';
  template?: NodeTemplate;
}
export interface NodeGroup extends KubeObject {
  spec?: NodeGroupSpec;
  status?: { replicas?: number; ready?: number; observedGeneration?: number };
}

export const nodeGroupTypes: CompactTypes = {
  BatutaNodeGroup: { apiVersion: 's', kind: 's', metadata: 'V1ObjectMeta', spec: 'BatutaNodeGroupSpec', status: 'BatutaNodeGroupStatus' },
  BatutaNodeGroupSpec: { replicas: 'i', min: 'i', max: 'i', priority: 'i', scaleDown: 's', template: 'BatutaNodeTemplate' },
  BatutaNodeGroupStatus: { replicas: 'i', ready: 'i', observedGeneration: 'l' },
  ...nodeTemplateTypes,
};

/** Label of the nodes of a group. */
export const nodeGroupLabel = 'batuta.dev/nodegroup';
/** Annotation of a node that goes first when its group gets smaller. */
export const removeFirstAnnotation = 'batuta.dev/remove-first';

const most = 16_000;

function validateTemplate(template: NodeTemplate): FieldError[] {
  const at = 'spec.template';
  const { instanceType, region, zones = [], labels, taints, capacity = {}, allocatable = {}, startDelaySeconds } = template;
  const errors: FieldError[] = [];
  if (instanceType && !instanceTypes.has(instanceType)) errors.push(unsupported(`${at}.instanceType`, instanceType, [...instanceTypes.keys()]));
  if (region) errors.push(...checked(`${at}.region`, region, validLabelValue));
  zones.forEach((zone, i) => {
    errors.push(...checked(`${at}.zones[${i}]`, zone ?? '', validLabelValue));
    if (zones.indexOf(zone) !== i) errors.push(duplicate(`${at}.zones[${i}]`, zone));
  });
  errors.push(...validateLabels(`${at}.labels`, labels), ...validateTaints(`${at}.taints`, taints));
  for (const name in capacity) errors.push(...validateQuantity(`${at}.capacity[${name}]`, name, capacity[name] ?? ''));
  for (const name in allocatable) errors.push(...validateQuantity(`${at}.allocatable[${name}]`, name, allocatable[name] ?? ''));
  errors.push(...nonNegative(`${at}.startDelaySeconds`, startDelaySeconds));
  return errors;
}

export const NodeGroup: Kind<NodeGroup> = defineKind<NodeGroup>({
  group: 'batuta.dev',
  version: 'v1alpha1',
  kind: 'NodeGroup',
  plural: 'nodegroups',
  shortNames: ['ng'],
  namespaced: false,
  schema: 'BatutaNodeGroup',
  nameRule: 'dns-label',
  status: true,
  scale: { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: (group) => `${nodeGroupLabel}=${group.metadata?.name ?? ''}` },
  columns: [
    nameColumn,
    column('Desired', 'integer', 'Nodes that there are to be.', ({ spec }) => spec?.replicas ?? 0),
    column('Current', 'integer', 'Nodes that there are.', ({ status }) => status?.replicas ?? 0),
    column('Ready', 'integer', 'Nodes that are Ready.', ({ status }) => status?.ready ?? 0),
    column('Min', 'integer', 'The fewest that an autoscaler leaves.', ({ spec }) => spec?.min ?? 0),
    column('Max', 'integer', 'The most that an autoscaler makes.', ({ spec }) => spec?.max ?? 0),
    column('Type', 'string', 'The instance type.', ({ spec }) => spec?.template?.instanceType ?? '<none>'),
    ageColumn,
    column('Zones', 'string', 'Zones of the nodes.', ({ spec }) => (spec?.template?.zones ?? []).join(',') || '<none>', 1),
  ],
  defaults(group) {
    const spec = (group.spec ??= {});
    spec.min ??= 0;
    spec.replicas ??= spec.min;
    spec.max ??= Math.max(spec.replicas, spec.min);
    spec.scaleDown ??= 'Abrupt';
    spec.template ??= {};
  },
  prepareCreate(group) {
    group.status = {};
  },
  validate({ spec = {} }) {
    const { replicas = 0, min = 0, max = 0, scaleDown, template } = spec;
    const errors = [...nonNegative('spec.replicas', replicas), ...nonNegative('spec.min', min), ...oneOf('spec.scaleDown', scaleDown, ['Abrupt', 'Drain'])];
    if (replicas > most) errors.push(invalidValue('spec.replicas', replicas, `must be less than or equal to ${most}`));
    if (max < min) errors.push(invalidValue('spec.max', max, 'must be greater than or equal to `min`'));
    if (template) errors.push(...validateTemplate(template));
    return errors;
  },
  validateStatus: ({ status }) => [...nonNegative('status.replicas', status?.replicas), ...nonNegative('status.ready', status?.ready)],
});
