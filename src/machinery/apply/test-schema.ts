import type { FieldView, PatchSchema } from '../schema-view.ts';

/** A few types of Kubernetes, for tests only. */
const types: Record<string, Record<string, FieldView>> = {
  Deployment: { metadata: { type: 'Meta' }, spec: { type: 'DeploymentSpec' }, status: { type: 'DeploymentStatus' } },
  Meta: {
    labels: { type: 'string', map: true },
    annotations: { type: 'string', map: true },
    finalizers: { type: 'string', array: true, listType: 'set', patchStrategy: 'merge' },
    ownerReferences: { type: 'Owner', array: true, listType: 'map', listMapKeys: ['uid'], patchStrategy: 'merge', patchMergeKey: 'uid' },
  },
  DeploymentSpec: {
    replicas: { type: 'int' },
    selector: { type: 'Selector', atomic: true },
    template: { type: 'Template' },
    strategy: { type: 'Strategy', patchStrategy: 'retainKeys' },
  },
  Strategy: { rollingUpdate: { type: 'RollingUpdate' } },
  RollingUpdate: {},
  Selector: { matchLabels: { type: 'string', map: true } },
  DeploymentStatus: { conditions: { type: 'Condition', array: true, listType: 'map', listMapKeys: ['type'], patchStrategy: 'merge', patchMergeKey: 'type' } },
  Condition: {},
  Template: { metadata: { type: 'Meta' }, spec: { type: 'PodSpec' } },
  PodSpec: {
    containers: { type: 'Container', array: true, required: true, listType: 'map', listMapKeys: ['name'], patchStrategy: 'merge', patchMergeKey: 'name' },
    tolerations: { type: 'Toleration', array: true, listType: 'atomic' },
    volumes: { type: 'Volume', array: true, listType: 'map', listMapKeys: ['name'], patchStrategy: 'merge,retainKeys', patchMergeKey: 'name' },
  },
  Volume: { emptyDir: { type: 'EmptyDir' } },
  Toleration: {},
  Container: {
    args: { type: 'string', array: true, listType: 'atomic' },
    env: { type: 'Env', array: true, listType: 'map', listMapKeys: ['name'], patchStrategy: 'merge', patchMergeKey: 'name' },
    ports: { type: 'Port', array: true, listType: 'map', listMapKeys: ['containerPort', 'protocol'], patchStrategy: 'merge', patchMergeKey: 'containerPort' },
    resources: { type: 'Resources' },
  },
  Resources: { limits: { type: 'quantity', map: true }, requests: { type: 'quantity', map: true } },
  Env: {},
  Port: {},
  ConfigMap: { metadata: { type: 'Meta' }, data: { type: 'string', map: true } },
};

export const testSchema: PatchSchema = { field: (type, name) => types[type]?.[name] };
