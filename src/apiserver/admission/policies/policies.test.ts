import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  allKinds,
  ConfigMap,
  Deployment,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Namespace,
  schemas,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  type V1ConfigMap,
  type V1Deployment,
} from '#kinds';
import { settle } from '#base';
import { admissionEnvironment, compileCel, isApiError, type Api, type ApiError } from '#machinery';
import { fixture, type Fixture } from '../../test-support.ts';
import type { Attributes } from '../../types.ts';
import { requestOf } from '../testing.ts';
import type { PolicyCheck } from './evaluate.ts';
import { configurationFrom } from './patch-values.ts';
import { PolicyStatus } from './policy-status.ts';
import { mutatingPolicies } from './mutating.ts';
import type { MutatingSpec, ValidatingSpec } from './types.ts';
import { validatingPolicies } from './validating.ts';

interface World extends Fixture {
  readonly asked: Attributes[];
}
async function world(): Promise<World> {
  const asked: Attributes[] = [];
  const authorizer = { authorize: (attributes: Attributes) => (asked.push(attributes), { allowed: attributes.verb === 'may' }) };
  const made = await fixture({ kinds: [...allKinds], schemas, admission: [mutatingPolicies({ authorizer }), validatingPolicies({ authorizer })] });
  await made.api.create(Namespace, { metadata: { name: 'default', labels: { team: 'a' } } });
  return { ...made, asked };
}
const rules = (group: string, resource: string, operations = ['CREATE', 'UPDATE']) => ({
  resourceRules: [{ apiGroups: [group], apiVersions: ['*'], operations, resources: [resource] }],
});
const maps = rules('', 'configmaps');
const validating = async (api: Api, spec: Partial<ValidatingSpec>, binding: object = {}, name = 'p'): Promise<void> => {
  await api.create(ValidatingAdmissionPolicy, { metadata: { name }, spec: { failurePolicy: 'Fail', matchConstraints: maps, ...spec } } as never);
  await api.create(ValidatingAdmissionPolicyBinding, {
    metadata: { name: `${name}-b` },
    spec: { policyName: name, validationActions: ['Deny'], ...binding },
  } as never);
};
const mutating = async (api: Api, spec: Partial<MutatingSpec>, binding: object = {}, name = 'm'): Promise<void> => {
  const whole = { failurePolicy: 'Fail', reinvocationPolicy: 'Never', matchConstraints: maps, ...spec };
  await api.create(MutatingAdmissionPolicy, { metadata: { name }, spec: whole } as never);
  await api.create(MutatingAdmissionPolicyBinding, { metadata: { name: `${name}-b` }, spec: { policyName: name, ...binding } } as never);
};
const map = (name: string, data: Record<string, string> = {}, metadata: object = {}): V1ConfigMap => ({
  metadata: { name, namespace: 'default', ...metadata },
  data,
});
const deployment = (name: string, replicas: number): V1Deployment => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { a: 'b' } },
    template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});
async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => assert.fail('not refused'),
    (e: unknown) => e,
  );
  assert.ok(isApiError(error), String(error));
  return error;
}
const text = async (promise: Promise<unknown>): Promise<string> => (await refusal(promise)).message;

describe('validating policies', () => {
  it('refuse in the words of kube-apiserver', async () => {
    const { api } = await world();
    await validating(api, { matchConstraints: rules('apps', 'deployments'), validations: [{ expression: 'object.spec.replicas <= 5' }] });
    await api.create(Deployment, deployment('small', 5));
    const { status } = await refusal(api.create(Deployment, deployment('large', 6)));
    const cause = "ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: failed expression: object.spec.replicas <= 5";
    assert.deepEqual([status.code, status.reason, status.message], [422, 'Invalid', `deployments.apps "large" is forbidden: ${cause}`]);
    assert.deepEqual(status.details, { name: 'large', group: 'apps', kind: 'deployments', causes: [{ message: cause }] });
  });
  it('have messages and reasons of their own', async () => {
    const { api } = await world();
    await validating(api, {
      validations: [
        { expression: "!('a' in object.data)", message: 'no a', reason: 'Forbidden' },
        { expression: "!('b' in object.data)", message: 'no b', messageExpression: "'b is ' + object.data.b" },
        { expression: "!('c' in object.data)", message: 'no c', messageExpression: "'c is ' + object.data.missing" },
      ],
    });
    const a = await refusal(api.create(ConfigMap, map('x', { a: '1' })));
    assert.deepEqual([a.code, a.reason, a.message.endsWith('denied request: no a')], [403, 'Forbidden', true]);
    assert.match(await text(api.create(ConfigMap, map('x', { b: '2' }))), /denied request: b is 2$/);
    assert.match(await text(api.create(ConfigMap, map('x', { c: '3' }))), /denied request: no c$/);
  });
  it('see the old object, the request, the namespace, variables and the authorizer', async () => {
    const { api, asked } = await world();
    const expressions = [
      'oldObject == null || oldObject.data.a == "1"',
      "request.operation in ['CREATE', 'UPDATE'] && request.userInfo.username == 'admin' && request.resource.resource == 'configmaps' && !request.dryRun",
      "namespaceObject.metadata.labels.team == 'a' && namespaceObject.metadata.name == request.namespace",
      'variables.both == 3 && variables.sum == 2',
      "authorizer.group('').resource('secrets').namespace('default').check('may').allowed() && !authorizer.requestResource.check('not').allowed()",
    ];
    await validating(api, {
      variables: [
        { name: 'sum', expression: '1 + 1' },
        { name: 'both', expression: 'variables.sum + 1' },
      ],
      validations: expressions.map((expression) => ({ expression })),
    });
    await api.create(ConfigMap, map('x', { a: '1' }));
    await api.update(ConfigMap, map('x', { a: '2' }));
    assert.match(await text(api.update(ConfigMap, map('x', { a: '3' }))), /failed expression: oldObject == null/);
    assert.deepEqual(
      asked.slice(0, 2).map(({ verb, plural, namespace, name }) => [verb, plural, namespace, name]),
      [
        ['may', 'secrets', 'default', ''],
        ['not', 'configmaps', 'default', 'x'],
      ],
    );
  });
  it('that fail refuse, or not', async () => {
    const { api } = await world();
    await validating(api, { validations: [{ expression: "object.data.missing == ''" }] });
    assert.match(
      await text(api.create(ConfigMap, map('x'))),
      /denied request: expression 'object\.data\.missing == ''' resulted in error: no such key: (data|missing)$/,
    );
    await validating(api, { failurePolicy: 'Ignore', validations: [{ expression: "object.data.missing == ''" }] }, {}, 'q');
    await api.delete(ValidatingAdmissionPolicyBinding, { name: 'p-b' }, {});
    await api.create(ConfigMap, map('x'));
  });
  it('apply only where their conditions hold', async () => {
    const { api } = await world();
    await validating(api, {
      matchConditions: [{ name: 'marked', expression: "has(object.metadata.labels) && 'x' in object.metadata.labels" }],
      validations: [{ expression: 'false' }],
    });
    await api.create(ConfigMap, map('x'));
    assert.match(await text(api.create(ConfigMap, map('y', {}, { labels: { x: '1' } }))), /failed expression: false$/);
  });
  it('apply only where both the policy and its binding match', async () => {
    const { api } = await world();
    await validating(
      api,
      {
        matchConstraints: {
          ...maps,
          excludeResourceRules: [{ apiGroups: [''], apiVersions: ['*'], operations: ['*'], resources: ['*'], resourceNames: ['spared'] }],
        },
        validations: [{ expression: 'false' }],
      },
      { matchResources: { namespaceSelector: { matchLabels: { team: 'b' } } } },
    );
    await api.create(ConfigMap, map('x'));
    await api.create(Namespace, { metadata: { name: 'other', labels: { team: 'b' } } });
    await refusal(api.create(ConfigMap, map('x', {}, { namespace: 'other' })));
    await api.create(ConfigMap, map('spared', {}, { namespace: 'other' }));
  });
  it('take parameters: by name, by selector, from the namespace of the request', async () => {
    const { api } = await world();
    const spec = {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      matchConstraints: rules('apps', 'deployments'),
      validations: [{ expression: 'object.spec.replicas <= int(params.data.max)' }],
    };
    await validating(api, spec, { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } });
    const missing = await text(api.create(Deployment, deployment('d', 1)));
    assert.match(
      missing,
      /ValidatingAdmissionPolicy 'p' with binding 'p-b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
    );
    await api.create(ConfigMap, map('limits', { max: '3' }));
    await api.create(Deployment, deployment('d', 3));
    await refusal(api.create(Deployment, deployment('e', 4)));
    await validating(api, spec, { paramRef: { selector: { matchLabels: { limits: 'yes' } }, parameterNotFoundAction: 'Allow' } }, 'q');
    await api.create(Deployment, deployment('f', 3));
    await api.create(ConfigMap, map('more', { max: '2' }, { labels: { limits: 'yes' } }));
    assert.match(await text(api.create(Deployment, deployment('g', 3))), /ValidatingAdmissionPolicy 'q'/);
    await validating(
      api,
      { ...spec, paramKind: { apiVersion: 'example.com/v1', kind: 'Nothing' } },
      { paramRef: { name: 'x', parameterNotFoundAction: 'Deny' } },
      'a',
    );
    assert.match(
      await text(api.create(Deployment, deployment('h', 1))),
      /ValidatingAdmissionPolicy 'a' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'example\.com\/v1, Kind=Nothing'$/,
    );
  });
  it('warn and audit instead of refusing, as the binding says', async () => {
    const authorizer = { authorize: () => ({ allowed: true }) };
    const plugin = validatingPolicies({ authorizer });
    const { api } = await fixture({ kinds: [...allKinds], schemas, admission: [plugin] });
    await validating(
      api,
      { validations: [{ expression: 'false' }], auditAnnotations: [{ key: 'seen', valueExpression: "'the ' + object.metadata.name" }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    const annotations: Record<string, string> = {};
    const request = requestOf(ConfigMap, map('x'));
    const context = { ...request.context, annotate: (key: string, value: string) => void (annotations[key] = value) };
    await plugin.validate?.({ ...request, context });
    assert.deepEqual(context.warnings, ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'p-b': failed expression: false"]);
    assert.deepEqual(annotations, {
      'validation.policy.admission.k8s.io/validation_failure': JSON.stringify([
        { message: 'failed expression: false', policy: 'p', binding: 'p-b', expressionIndex: 0, validationActions: ['Warn', 'Audit'] },
      ]),
      'p/seen': 'the x',
    });
  });
  it('count what was refused, and failures that admit', async () => {
    const checks: string[] = [];
    const checked = ({ policy, binding, error, action, seconds }: PolicyCheck): void => {
      assert.ok(seconds >= 0 && seconds < 60);
      checks.push([policy, binding, error, action].join(' '));
    };
    const authorizer = { authorize: () => ({ allowed: true }) };
    const { api } = await fixture({ kinds: [...allKinds], schemas, admission: [validatingPolicies({ authorizer, checked })] });
    await api.create(Namespace, { metadata: { name: 'default' } });
    await api.create(ConfigMap, map('unseen'));
    await validating(api, { validations: [{ expression: "object.metadata.name != 'bad'" }] }, { validationActions: ['Deny', 'Audit'] });
    await validating(api, { failurePolicy: 'Ignore', validations: [{ expression: 'object.data.missing == "x"' }] }, {}, 'q');
    await api.create(ConfigMap, map('good', { missing: 'x' }));
    assert.deepEqual(checks, []);
    await refusal(api.create(ConfigMap, map('bad')));
    assert.deepEqual(checks.splice(0), ['p p-b no_error deny', 'p p-b no_error audit', 'q q-b invalid_error allow']);
  });
  it('see a deletion without an object, and are not asked about policies', async () => {
    const { api } = await world();
    await validating(api, {
      matchConstraints: rules('*', '*', ['*']),
      validations: [{ expression: "request.operation != 'DELETE' || (object == null && oldObject.metadata.name != 'kept')" }],
    });
    await api.create(ConfigMap, map('kept'));
    await refusal(api.delete(ConfigMap, { namespace: 'default', name: 'kept' }, {}));
    await api.delete(ValidatingAdmissionPolicyBinding, { name: 'p-b' }, {});
    await api.delete(ConfigMap, { namespace: 'default', name: 'kept' }, {});
  });
  it('that cost too much refuse', async () => {
    const { api } = await world();
    const long = 'x'.repeat(50_000);
    await validating(api, {
      validations: [{ expression: "object.data.all(a, object.data.all(b, object.data.all(c, object.data[a].contains(object.data[b] + 'y') || true)))" }],
    });
    const data = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, long]));
    assert.match(await text(api.create(ConfigMap, map('x', data))), /running out of cost budget/);
  });
});

describe('the status of a policy', () => {
  it('has what the types of the matched kinds say against its expressions', async () => {
    const { api } = await fixture({ kinds: [...allKinds], schemas, extensions: [new PolicyStatus()] });
    const spec = {
      matchConstraints: { resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['*'], resources: ['deployments'] }] },
      variables: [{ name: 'n', expression: 'object.spec.replicas' }],
      validations: [
        { expression: "object.spec.replicas > '1'", messageExpression: 'object.spec.nothing' },
        { expression: 'variables.n > 1 && object.metadata.labels.x == "y" && object.spec.template.spec.containers.all(c, c.name != "")' },
        { expression: "variables.n == 'x'" },
      ],
    };
    await api.create(ValidatingAdmissionPolicy, { metadata: { name: 'p' }, spec: { failurePolicy: 'Fail', ...spec } } as never);
    await settle();
    const { status, metadata } = await api.get(ValidatingAdmissionPolicy, { name: 'p' });
    assert.equal(status?.observedGeneration, metadata?.generation);
    const warnings = status?.typeChecking?.expressionWarnings ?? [];
    assert.deepEqual(
      warnings.map(({ fieldRef }) => fieldRef),
      ['spec.validations[0].expression', 'spec.validations[0].messageExpression', 'spec.validations[2].expression'],
    );
    assert.match(
      warnings[0]?.warning ?? '',
      /^apps\/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '\(int, string\)'\n/,
    );
    assert.match(warnings[1]?.warning ?? '', /undefined field 'nothing'/);
    assert.match(warnings[2]?.warning ?? '', /found no matching overload for '_==_' applied to '\(int, string\)'/);
  });
  it('has none where types say nothing', async () => {
    const { api } = await fixture({ kinds: [...allKinds], schemas, extensions: [new PolicyStatus()] });
    await api.create(ValidatingAdmissionPolicy, {
      metadata: { name: 'p' },
      spec: { failurePolicy: 'Fail', matchConstraints: rules('*', '*'), validations: [{ expression: "object.spec.replicas > '1'" }] },
    } as never);
    await settle();
    assert.deepEqual((await api.get(ValidatingAdmissionPolicy, { name: 'p' })).status, { observedGeneration: 1, typeChecking: {} });
  });
});

describe('mutating policies', () => {
  it('lay apply configurations over the object', async () => {
    const { api } = await world();
    const expression = `Object{
      metadata: Object.metadata{ labels: {'added': 'yes'} },
      spec: Object.spec{ template: Object.spec.template{ spec: Object.spec.template.spec{
        initContainers: [Object.spec.template.spec.initContainers{ name: 'sidecar', image: 'side', restartPolicy: 'Always' }]
      } } }
    }`;
    await mutating(api, {
      matchConstraints: rules('apps', 'deployments'),
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    });
    const { metadata, spec } = await api.create(Deployment, deployment('d', 1));
    const pod = spec?.template?.spec;
    assert.deepEqual([metadata?.labels, pod?.containers?.[0]?.name], [{ added: 'yes' }, 'c']);
    // Typed and defaulted like what a client sent.
    const [sidecar] = pod?.initContainers ?? [];
    assert.deepEqual([sidecar?.name, sidecar?.imagePullPolicy], ['sidecar', 'Always']);
  });
  it('make JSON patches', async () => {
    const { api } = await world();
    const expression = `[
      JSONPatch{ op: 'test', path: '/metadata/name', value: object.metadata.name },
      JSONPatch{ op: 'add', path: '/metadata/annotations', value: {} },
      JSONPatch{ op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('a/b'), value: variables.value }
    ]`;
    await mutating(api, {
      variables: [{ name: 'value', expression: "object.metadata.name + '!'" }],
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }],
    });
    assert.deepEqual((await api.create(ConfigMap, map('x'))).metadata?.annotations, { 'a/b': 'x!' });
  });
  it('whose test fails change nothing', async () => {
    const { api } = await world();
    const expression = "[JSONPatch{op: 'test', path: '/metadata/name', value: 'other'}, JSONPatch{op: 'remove', path: '/data'}]";
    await mutating(api, { mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression } }] });
    assert.deepEqual((await api.create(ConfigMap, map('x', { a: 'b' }))).data, { a: 'b' });
  });
  it('that fail refuse, or not', async () => {
    const { api } = await world();
    const mutations = [{ patchType: 'JSONPatch', jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/nothing'}]" } }];
    await mutating(api, { mutations });
    const error = await refusal(api.create(ConfigMap, map('x')));
    assert.deepEqual([error.code, error.reason], [403, 'Invalid']);
    assert.match(error.message, /^policy 'm' with binding 'm-b' denied request: JSON Patch: error in remove for path: '\/nothing'/);
    await api.delete(MutatingAdmissionPolicyBinding, { name: 'm-b' }, {});
    await mutating(api, { mutations, failurePolicy: 'Ignore' }, {}, 'n');
    await api.create(ConfigMap, map('x'));
  });
  it('may not replace what is atomic, nor put types in wrong places', async () => {
    const { api } = await world();
    const apply = (expression: string) => ({
      matchConstraints: rules('apps', 'deployments'),
      mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }],
    });
    await mutating(
      api,
      apply(
        "Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{containers: [Object.spec.template.spec.containers{name: 'c', args: ['x']}]}}}}",
      ),
    );
    assert.match(
      await text(api.create(Deployment, deployment('d', 1))),
      /may not mutate atomic arrays, maps or structs: \.spec\.template\.spec\.containers\[0\]\.args$/,
    );
    await api.delete(MutatingAdmissionPolicyBinding, { name: 'm-b' }, {});
    await mutating(api, apply('Object{spec: Object.wrong{replicas: 1}}'), {}, 'n');
    assert.match(await text(api.create(Deployment, deployment('d', 1))), /type mismatch: unexpected type name "Object\.wrong", expected "Object\.spec"/);
  });
  it('may name fields of any name', () => {
    const source = "Object{spec: Object.spec{a__dash__b: 1, __namespace__: 'x', plain: {'c-d': [Object.spec.plain{}]}}}";
    assert.throws(() => configurationFrom(compileCel(source, admissionEnvironment({ mutates: true })).evaluate({}).value), /type mismatch/);
    const right = "Object{spec: Object.spec{a__dash__b: 1, __namespace__: 'x', plain: {'c__dash__d': 2}}}";
    assert.deepEqual(configurationFrom(compileCel(right, admissionEnvironment({ mutates: true })).evaluate({}).value), {
      spec: { 'a-b': 1, namespace: 'x', plain: { c__dash__d: 2 } },
    });
  });
  it('are evaluated again when a later policy changes the object, if they want', async () => {
    const { api } = await world();
    const count = "Object{data: {'n': string(has(object.data) && 'n' in object.data ? int(object.data.n) + 1 : 1)}}";
    await mutating(
      api,
      { reinvocationPolicy: 'IfNeeded', mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: count } }] },
      {},
      'a',
    );
    await mutating(api, { mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: "Object{data: {'b': '1'}}" } }] }, {}, 'b');
    assert.deepEqual((await api.create<V1ConfigMap>(ConfigMap, { metadata: { name: 'x', namespace: 'default' } })).data, { b: '1', n: '2' });
  });
  it('take parameters', async () => {
    const { api } = await world();
    await api.create(ConfigMap, map('labels', { team: 'blue' }));
    const expression = 'Object{metadata: Object.metadata{labels: params.data}}';
    await mutating(
      api,
      { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression } }] },
      { paramRef: { name: 'labels', parameterNotFoundAction: 'Allow' } },
    );
    assert.deepEqual((await api.create(ConfigMap, map('x'))).metadata?.labels, { team: 'blue' });
  });
});
