import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';

interface Policy {
  metadata: { generation: number };
  status?: { observedGeneration?: number; typeChecking?: { expressionWarnings?: { fieldRef: string; warning: string }[] } };
}
interface Object_ {
  metadata: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: { replicas: number };
}

describe('admission policies', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0');
  const refused = async (...args: string[]): Promise<string> => {
    const { code, err } = await my.cluster.tryKubectl(args);
    assert.notEqual(code, 0);
    return err;
  };

  test('validate what is created and changed, with variables and messages', async () => {
    await my.cluster.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: replicas}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  variables:
  - {name: wanted, expression: object.spec.replicas}
  validations:
  - expression: variables.wanted <= 5
    messageExpression: "'at most 5 replicas, not ' + string(variables.wanted)"
  - {expression: "object.metadata.name != 'taboo'", reason: Forbidden}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: replicas-default}
spec:
  policyName: replicas
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
`);
    await my.cluster.kubectl('create', 'deployment', 'small', '--image=x', '--replicas=2');
    assert.match(
      await refused('create', 'deployment', 'large', '--image=x', '--replicas=6'),
      /deployments\.apps "large" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas-default' denied request: at most 5 replicas, not 6/,
    );
    assert.match(
      await refused('create', 'deployment', 'taboo', '--image=x'),
      /deployments\.apps "taboo" is forbidden: .*failed expression: object\.metadata\.name != 'taboo'/s,
    );
    assert.match(await refused('patch', 'deployment', 'small', '-p', '{"spec":{"replicas":9}}'), /at most 5 replicas, not 9/);
    await my.cluster.kubectl('create', 'namespace', 'free');
    await my.cluster.kubectl('create', 'deployment', 'large', '-n', 'free', '--image=x', '--replicas=6');
  });
  test('tell in their status what types have against an expression', async () => {
    await my.cluster.apply(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sizes.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: sizes, singular: size, kind: Size}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {replicas: {type: integer}}}}}}
`);
    await my.cluster.kubectl('wait', '--for=condition=Established', 'crd/sizes.example.com', '--timeout=120s');
    await my.cluster.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: typed}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [example.com], apiVersions: [v1], operations: [CREATE], resources: [sizes]}
  validations:
  - {expression: "object.spec.replicas > '1'"}
`);
    const { status } = await eventually('the policy is checked', async () => {
      const policy = await my.cluster.json<Policy>('get', 'validatingadmissionpolicy', 'typed');
      return policy.status?.observedGeneration === policy.metadata.generation && policy;
    });
    const [warning] = status?.typeChecking?.expressionWarnings ?? [];
    assert.equal(warning?.fieldRef, 'spec.validations[0].expression');
    assert.match(warning?.warning ?? '', /example\.com\/v1, Kind=Size: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '\(int, string\)'/);
  });
  test('warn instead of refusing, with parameters of a custom resource', async () => {
    await my.cluster.apply(`
apiVersion: example.com/v1
kind: Size
metadata: {name: limit, namespace: default}
spec: {replicas: 3}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: sized}
spec:
  paramKind: {apiVersion: example.com/v1, kind: Size}
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  validations:
  - {expression: "object.spec.replicas <= params.spec.replicas"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: sized}
spec:
  policyName: sized
  validationActions: [Warn]
  paramRef: {name: limit, namespace: default, parameterNotFoundAction: Deny}
`);
    const made = await my.cluster.tryKubectl(['create', 'deployment', 'medium', '--image=x', '--replicas=4']);
    assert.equal(made.code, 0, made.err);
    assert.match(
      made.err,
      /Warning: Validation failed for ValidatingAdmissionPolicy 'sized' with binding 'sized': failed expression: object\.spec\.replicas <= params\.spec\.replicas/,
    );
  });
  test('are refused themselves when their expressions do not compile', async () => {
    const policy = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'broken' },
      spec: {
        matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] },
        validations: [{ expression: 'object.spec >' }],
      },
    };
    const { err } = await my.cluster.tryKubectl(['apply', '-f', '-'], { input: JSON.stringify(policy) });
    assert.match(err, /spec\.validations\[0\]\.expression: Invalid value: "object\.spec >": compilation failed: ERROR: <input>:1:14: Syntax error/);
  });
  test('mutate by apply configurations and JSON patches', async () => {
    await my.cluster.apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: labels}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration:
      expression: "Object{metadata: Object.metadata{labels: {'mutated': object.metadata.name}}, spec: Object.spec{replicas: 1}}"
  - patchType: JSONPatch
    jsonPatch:
      expression: "[JSONPatch{op: 'add', path: '/metadata/annotations', value: {'by': request.userInfo.username}}]"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: labels}
spec: {policyName: labels}
`);
    await my.cluster.kubectl('create', 'deployment', 'mutant', '--image=x', '--replicas=3');
    const { metadata, spec } = await my.cluster.json<Object_>('get', 'deployment', 'mutant');
    assert.deepEqual([metadata.labels?.['mutated'], metadata.annotations?.['by'], spec.replicas], ['mutant', 'batuta-admin', 1]);
  });
});
