import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics, renderMetrics, seededRandom } from '#base';
import {
  allKinds,
  ConfigMap,
  HorizontalPodAutoscaler,
  MutatingWebhookConfiguration,
  Namespace,
  Node,
  schemas,
  Service,
  ValidatingWebhookConfiguration,
  type V1ConfigMap,
  type V1Node,
  type V2HorizontalPodAutoscaler,
} from '#kinds';
import { isApiError, type Api, type ApiError } from '#machinery';
import { CallFailure } from '../../outbound/outbound.ts';
import type { WebhookCall } from '../../outbound/call-webhook.ts';
import { admin, fixture, type Fixture } from '../../test-support.ts';
import type { AdmissionPlugin } from '../../types.ts';
import { serviceAllocation } from '../service-allocation.ts';
import { requestOf } from '../testing.ts';
import { ask } from './dispatch.ts';
import { hooksOf, type Hook } from './hook.ts';
import { webhookMetrics } from '../../metrics/webhooks.ts';
import { mutatingWebhooks } from './mutating.ts';
import type { AdmissionReview } from './review.ts';
import { validatingWebhooks } from './validating.ts';

interface Response {
  [field: string]: unknown;
}
type Answer = Response | Error | ((review: AdmissionReview) => Response | Error);

interface World extends Fixture {
  readonly reviews: AdmissionReview[];
  /** What each webhook answers, by the path of its URL. */
  readonly answers: { [path: string]: Answer };
}
async function world(...before: AdmissionPlugin[]): Promise<World> {
  const reviews: AdmissionReview[] = [];
  const answers: { [path: string]: Answer } = {};
  const caller =
    () =>
    async ({ config, review }: WebhookCall) => {
      const asked = structuredClone(review) as AdmissionReview;
      reviews.push(asked);
      const answer = answers[new URL(config.url ?? '').pathname.slice(1)] ?? { allowed: true };
      const response = typeof answer === 'function' ? answer(asked) : answer;
      if (response instanceof Error) throw response;
      return { apiVersion: asked.apiVersion, kind: 'AdmissionReview', response: { uid: asked.request.uid, ...response } };
    };
  const options = { random: seededRandom(1), authorizer: { authorize: () => ({ allowed: true }) }, caller };
  const made = await fixture({ kinds: [...allKinds], schemas, admission: [...before, mutatingWebhooks(options), validatingWebhooks(options)] });
  await made.api.create(Namespace, { metadata: { name: 'default', labels: { team: 'a' } } });
  reviews.length = 0;
  return { ...made, reviews, answers };
}
const rule = { operations: ['*'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] };
const hook = (path: string, more: object = {}) => ({
  name: `${path}.example.com`,
  clientConfig: { url: `https://hooks.example/${path}` },
  rules: [rule],
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
});
const validating = (api: Api, ...webhooks: object[]) => api.create(ValidatingWebhookConfiguration, { metadata: { name: 'v' }, webhooks } as never);
const mutating = (api: Api, ...webhooks: object[]) => api.create(MutatingWebhookConfiguration, { metadata: { name: 'm' }, webhooks } as never);
const map = (name: string, data: V1ConfigMap['data'] = {}, metadata: object = {}): V1ConfigMap => ({
  metadata: { name, namespace: 'default', ...metadata },
  data,
});
const dataOf = (review: AdmissionReview | undefined): V1ConfigMap['data'] => (review?.request.object as V1ConfigMap | undefined)?.data;
const patch = (...operations: object[]): Response => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => assert.fail('not refused'),
    (e: unknown) => e,
  );
  assert.ok(isApiError(error), String(error));
  return error;
}

describe('validating webhooks', () => {
  it('see the whole request', async () => {
    const { api, reviews } = await world();
    await validating(api, hook('a'));
    await api.create(ConfigMap, map('x', { a: 'b' }));
    const { uid, object, ...request } = reviews[0]?.request ?? assert.fail();
    assert.match(uid, /^[0-9a-f-]{36}$/);
    assert.deepEqual([object?.kind, object?.apiVersion, (object as V1ConfigMap).data], ['ConfigMap', 'v1', { a: 'b' }]);
    const kind = { group: '', version: 'v1', kind: 'ConfigMap' };
    const resource = { group: '', version: 'v1', resource: 'configmaps' };
    assert.deepEqual(request, {
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'x',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'admin', groups: admin.groups },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    });
  });
  it('see an update with both objects, a deletion with the old one, and nothing of what they did not ask for', async () => {
    const { api, reviews } = await world();
    await validating(api, hook('a', { rules: [{ ...rule, operations: ['UPDATE', 'DELETE'] }] }));
    await api.create(ConfigMap, map('x', { a: 'b' }));
    await api.update(ConfigMap, map('x', { a: 'c' }));
    await api.delete(ConfigMap, { namespace: 'default', name: 'x' }, { propagationPolicy: 'Background' });
    const seen = reviews.map(({ request }) => [request.operation, (request.oldObject as V1ConfigMap).data, (request.object as V1ConfigMap | null)?.data]);
    assert.deepEqual(seen, [
      ['UPDATE', { a: 'b' }, { a: 'c' }],
      ['DELETE', { a: 'c' }, undefined],
    ]);
    assert.deepEqual(reviews[1]?.request.options, { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1', propagationPolicy: 'Background' });
  });
  it('refuse with their own status', async () => {
    const { api, answers } = await world();
    await validating(api, hook('a'));
    answers['a'] = { allowed: false, status: { code: 418, reason: 'Teapot', message: 'no coffee', details: { name: 'x' } } };
    const { status } = await refusal(api.create(ConfigMap, map('x')));
    assert.deepEqual(status, {
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      message: 'admission webhook "a.example.com" denied the request: no coffee',
      reason: 'Teapot',
      details: { name: 'x' },
      code: 418,
    });
    answers['a'] = { allowed: false, status: { code: 200 } };
    assert.deepEqual([(await refusal(api.create(ConfigMap, map('x')))).code], [400]);
    answers['a'] = { allowed: false };
    assert.equal((await refusal(api.create(ConfigMap, map('x')))).message, 'admission webhook "a.example.com" denied the request without explanation');
    assert.equal((await api.list(ConfigMap)).items.length, 0);
  });
  it('that fail fail the request, or not', async () => {
    const { api, answers } = await world();
    await validating(api, hook('a'), hook('b', { failurePolicy: 'Ignore' }));
    answers['b'] = new CallFailure('Post "https://hooks.example/b?timeout=10s": EOF');
    await api.create(ConfigMap, map('x'));
    answers['a'] = new CallFailure('Post "https://hooks.example/a?timeout=10s": context deadline exceeded');
    const error = await refusal(api.create(ConfigMap, map('y')));
    assert.deepEqual(
      [error.code, error.message],
      [
        500,
        'Internal error occurred: failed calling webhook "a.example.com": failed to call webhook: Post "https://hooks.example/a?timeout=10s": context deadline exceeded',
      ],
    );
  });
  it('must answer what was asked', async () => {
    const { api, answers } = await world();
    await validating(api, hook('a'));
    answers['a'] = { uid: 'other' };
    const { message } = await refusal(api.create(ConfigMap, map('x')));
    assert.match(message, /failed calling webhook "a\.example\.com": received invalid webhook response: expected response\.uid="[0-9a-f-]+", got "other"$/);
  });
  it('get old reviews when they know no other', async () => {
    const { api, reviews } = await world();
    await validating(api, hook('a', { admissionReviewVersions: ['v1beta1'] }));
    await api.create(ConfigMap, map('x'));
    assert.equal(reviews[0]?.apiVersion, 'admission.k8s.io/v1beta1');
  });
  it('are chosen by the labels of namespaces and objects, old or new', async () => {
    const { api, reviews } = await world();
    await validating(
      api,
      hook('none', { namespaceSelector: { matchLabels: { team: 'b' } } }),
      hook('label', { namespaceSelector: { matchLabels: { team: 'a' } }, objectSelector: { matchLabels: { x: 'y' } } }),
    );
    await api.create(ConfigMap, map('plain'));
    await api.create(ConfigMap, map('marked', {}, { labels: { x: 'y' } }));
    await api.update(ConfigMap, map('marked'));
    assert.deepEqual(
      reviews.map(({ request }) => `${request.operation} ${request.name}`),
      ['CREATE marked', 'UPDATE marked'],
    );
  });
  it('are told of a dry run, unless they cannot stand one', async () => {
    const { api, reviews } = await world();
    await validating(api, hook('a'));
    await api.create(ConfigMap, map('dry'), { dryRun: true });
    const { dryRun, options } = reviews[0]?.request ?? assert.fail();
    assert.deepEqual([dryRun, options], [true, { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', dryRun: ['All'] }]);
    const [some] = hooksOf([{ metadata: { name: 'c' }, webhooks: [{ name: 'a.example.com', sideEffects: 'Some' }] }]);
    const request = requestOf(ConfigMap, map('dry'));
    const dry = { ...request, context: { ...request.context, dryRun: true } };
    const deps = { random: seededRandom(1), call: () => assert.fail('called') };
    const error = await refusal(ask(deps, some as Hook, dry, { as: ConfigMap, object: dry.object, old: undefined }, false));
    assert.deepEqual([error.code, error.message], [400, 'admission webhook "a.example.com" does not support dry run']);
  });
  it('are counted', async () => {
    const metrics = new Metrics();
    const [ignoring, failing] = hooksOf([{ metadata: { name: 'c' }, webhooks: [hook('a', { failurePolicy: 'Ignore' }), hook('b')] }]);
    const request = requestOf(ConfigMap, map('x'));
    const deps = { random: seededRandom(1), call: () => Promise.reject(new CallFailure('EOF')), called: webhookMetrics(metrics) };
    const shown = { as: ConfigMap, object: request.object, old: undefined };
    await ask(deps, ignoring as Hook, request, shown, true);
    await refusal(ask(deps, failing as Hook, request, shown, false));
    const page = renderMetrics(metrics);
    for (const line of [
      'apiserver_admission_webhook_fail_open_count{name="a.example.com",type="admit"} 1',
      'apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error",name="b.example.com",operation="CREATE",rejection_code="0",type="validating"} 1',
      'apiserver_admission_webhook_request_total{code="0",name="b.example.com",operation="CREATE",rejected="true",type="validating"} 1',
      'apiserver_admission_webhook_admission_duration_seconds_count{name="a.example.com",operation="CREATE",rejected="false",type="admit"} 1',
    ])
      assert.ok(page.includes(`\n${line}\n`), `${line} is not in\n${page}`);
  });
  it('add to the audit event', async () => {
    const annotations: Record<string, string> = {};
    const [one] = hooksOf([{ metadata: { name: 'c' }, webhooks: [hook('a')] }]);
    const request = requestOf(ConfigMap, map('x'));
    const context = { ...request.context, annotate: (key: string, value: string) => void (annotations[key] = value) };
    const call = async ({ review }: WebhookCall): Promise<unknown> => {
      const { apiVersion, request: asked } = review as AdmissionReview;
      return { apiVersion, kind: 'AdmissionReview', response: { uid: asked.uid, allowed: true, auditAnnotations: { seen: 'yes' } } };
    };
    await ask({ random: seededRandom(1), call }, one as Hook, { ...request, context }, { as: ConfigMap, object: request.object, old: undefined }, false);
    assert.deepEqual(annotations, { 'a.example.com/seen': 'yes' });
  });
  it('warn the client', async () => {
    const [hookOfA] = hooksOf([{ metadata: { name: 'c' }, webhooks: [hook('a')] }]);
    const request = requestOf(ConfigMap, map('x'));
    const call = async ({ review }: WebhookCall): Promise<unknown> => {
      const { apiVersion, request: asked } = review as AdmissionReview;
      return { apiVersion, kind: 'AdmissionReview', response: { uid: asked.uid, allowed: true, warnings: ['beware', 1] } };
    };
    await ask({ random: seededRandom(1), call }, hookOfA as Hook, request, { as: ConfigMap, object: request.object, old: undefined }, false);
    assert.deepEqual(request.context.warnings, ['beware']);
  });
  it('are asked only where their conditions hold', async () => {
    const { api, reviews } = await world();
    const condition = (expression: string): object => ({ matchConditions: [{ name: 'c.example.com/x', expression }] });
    await validating(
      api,
      hook('a', condition("object.metadata.name == 'x' && request.userInfo.username == 'admin' && authorizer.requestResource.check('update').allowed()")),
      hook('b', { ...condition("object.data.missing == ''"), failurePolicy: 'Ignore' }),
      hook('c', { ...condition("object.data.missing == '' || object.metadata.name != 'broken'") }),
    );
    await api.create(ConfigMap, map('x'));
    await api.create(ConfigMap, map('y'));
    assert.deepEqual(
      reviews.map(({ request }) => request.name),
      ['x', 'x', 'y'],
    );
    const error = await refusal(api.create(ConfigMap, map('broken')));
    assert.deepEqual([error.code, error.reason], [403, 'Forbidden']);
    assert.match(error.message, /^configmaps "broken" is forbidden: match condition "c\.example\.com\/x" failed: no such key: (missing|data)$/);
  });
  it('are never asked about the configurations of webhooks', async () => {
    const { api, answers } = await world();
    const all = { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] };
    await validating(api, hook('a', { rules: [all] }));
    answers['a'] = { allowed: false };
    await api.delete(ValidatingWebhookConfiguration, { name: 'v' });
    await api.create(ConfigMap, map('x'));
  });
});

describe('mutating webhooks', () => {
  it('change the object one after the other', async () => {
    const { api, answers, reviews } = await world();
    await mutating(api, hook('a'), hook('b'));
    answers['a'] = patch({ op: 'add', path: '/data', value: { a: '1' } }, { op: 'add', path: '/unknown', value: 1 });
    answers['b'] = patch({ op: 'add', path: '/data/b', value: '2' }, { op: 'add', path: '/metadata/uid', value: 'mine' });
    const made = await api.create(ConfigMap, map('x'));
    assert.deepEqual(made.data, { a: '1', b: '2' });
    assert.notEqual(made.metadata?.uid, 'mine');
    assert.deepEqual(dataOf(reviews[1]), { a: '1' });
  });
  it('see a generated name not yet, and may give one', async () => {
    const { api, answers, reviews } = await world();
    await mutating(api, hook('a'));
    const generated: V1ConfigMap = { metadata: { generateName: 'g-', namespace: 'default' } };
    assert.match((await api.create(ConfigMap, generated)).metadata?.name ?? '', /^g-.{5}$/);
    assert.deepEqual([reviews[0]?.request.name, reviews[0]?.request.object?.metadata], [undefined, { generateName: 'g-', namespace: 'default' }]);
    answers['a'] = patch({ op: 'add', path: '/metadata/name', value: 'given' });
    assert.equal((await api.create(ConfigMap, generated)).metadata?.name, 'given');
  });
  it('cannot move the object to another namespace', async () => {
    const { api, answers } = await world();
    await mutating(api, hook('a'));
    answers['a'] = patch({ op: 'replace', path: '/metadata/namespace', value: 'kube-system' });
    assert.match((await refusal(api.create(ConfigMap, map('x')))).message, /^the namespace of the provided object does not match/);
  });
  it('give patches that apply, of the known type', async () => {
    const { api, answers } = await world();
    await mutating(api, hook('a'));
    for (const [answer, text] of [
      [patch({ op: 'remove', path: '/nothing' }), /^Internal error occurred: error in remove for path: '\/nothing'/],
      [{ allowed: true, patchType: 'JSONPatch', patch: Buffer.from('{').toString('base64') }, /^Internal error occurred: /],
      [{ allowed: true, patch: 'W10=' }, /received invalid webhook response: webhook returned response\.patch but not response\.patchType$/],
      [{ allowed: true, patchType: 'JSONPatch' }, /webhook returned response\.patchType but not response\.patch$/],
      [{ allowed: true, patch: 'W10=', patchType: 'Merge' }, /webhook returned invalid response\.patchType of "Merge"$/],
    ] as const) {
      answers['a'] = answer;
      const error = await refusal(api.create(ConfigMap, map('x')));
      assert.deepEqual([error.code, text.test(error.message) || error.message], [500, true]);
    }
  });
  it('are called again when something changed after them, once, and only if they want', async () => {
    const { api, answers, reviews } = await world();
    await mutating(api, hook('a', { reinvocationPolicy: 'IfNeeded' }), hook('b', { reinvocationPolicy: 'IfNeeded' }), hook('c'));
    answers['b'] = patch({ op: 'add', path: '/data', value: { b: '1' } });
    await api.create(ConfigMap, map('x'));
    const seen = reviews.map((review) => dataOf(review)?.['b']);
    assert.deepEqual(seen, [undefined, undefined, '1', '1']);
  });
  it('let the built-in steps see what they made', async () => {
    let runs = 0;
    const plugin: AdmissionPlugin = {
      name: 'marks',
      handles: (kind) => kind === ConfigMap,
      mutate: ({ object }) => void (object.metadata = { ...object.metadata, labels: { ...object.metadata?.labels, run: String(++runs) } }),
    };
    const { api, answers, reviews } = await world(plugin);
    await mutating(api, hook('a', { reinvocationPolicy: 'IfNeeded' }), hook('b'));
    answers['b'] = (review) => patch({ op: 'add', path: '/data', value: { seen: String(review.request.uid !== '') } });
    const made = await api.create(ConfigMap, map('x'));
    assert.deepEqual([made.metadata?.labels, made.data, reviews.length], [{ run: '2' }, { seen: 'true' }, 3]);
  });
});

describe('steps that reserve something', () => {
  it('stand being asked again about one write', async () => {
    const { api, answers } = await world(serviceAllocation({ cidr: '10.96.0.0/29', random: seededRandom(1) }));
    const services = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['services'] };
    await mutating(api, hook('a', { rules: [services] }));
    answers['a'] = patch({ op: 'add', path: '/metadata/labels', value: { a: 'b' } });
    const make = (name: string) => api.create(Service, { metadata: { name, namespace: 'default' }, spec: { type: 'NodePort', ports: [{ port: 80 }] } });
    const made = [await make('a'), await make('b'), await make('c')];
    assert.equal(new Set(made.map(({ spec }) => spec?.clusterIP)).size, 3);
    for (const { metadata } of made) await api.delete(Service, { namespace: 'default', name: metadata?.name ?? '' }, {});
    // Nothing leaked: the small range gives as many again.
    for (const name of ['d', 'e', 'f', 'g', 'h']) await make(name);
  });
});

describe('versions of one resource', () => {
  const v1 = { operations: ['*'], apiGroups: ['autoscaling'], apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] };
  const scaler = (name: string): V2HorizontalPodAutoscaler => ({
    metadata: { name, namespace: 'default' },
    spec: {
      maxReplicas: 3,
      scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }],
    },
  });
  it('are shown in the one that the rule names, and patched in it', async () => {
    const { api, answers, reviews } = await world();
    await mutating(api, hook('a', { rules: [v1] }));
    answers['a'] = patch({ op: 'replace', path: '/spec/targetCPUUtilizationPercentage', value: 50 });
    const made = await api.create(HorizontalPodAutoscaler, scaler('x'));
    const { request } = reviews[0] ?? assert.fail();
    assert.deepEqual([request.kind.version, request.requestKind.version, request.object?.apiVersion], ['v1', 'v2', 'autoscaling/v1']);
    assert.equal(made.spec?.metrics?.[0]?.resource?.target?.averageUtilization, 50);
  });
  it('do not matter where the rule means exactly one', async () => {
    const { api, reviews } = await world();
    const exact = { matchPolicy: 'Exact' };
    await validating(api, hook('a', { rules: [v1], ...exact }), hook('b', { rules: [{ ...v1, apiVersions: ['v2'] }], ...exact }));
    await api.create(HorizontalPodAutoscaler, scaler('x'));
    assert.deepEqual(
      reviews.map(({ request }) => request.kind.version),
      ['v2'],
    );
  });
});

describe('subresources', () => {
  const nodes = (resource: string) => ({ operations: ['UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: [resource] });
  it('a write to status is its own request, and changes nothing else', async () => {
    const { api, answers, reviews } = await world();
    await mutating(api, hook('a', { rules: [nodes('nodes/status')] }), hook('b', { rules: [nodes('nodes')] }));
    await api.create(Node, { metadata: { name: 'n' }, spec: { podCIDR: '10.0.0.0/24' } });
    answers['a'] = patch({ op: 'add', path: '/spec/podCIDR', value: 'x' }, { op: 'add', path: '/status', value: { phase: 'Hooked' } });
    const made: V1Node = await api.update<V1Node>(Node, { metadata: { name: 'n' }, status: { phase: 'Running' } }, { subresource: 'status' });
    assert.deepEqual(
      reviews.map(({ request }) => request.subResource),
      ['status'],
    );
    assert.deepEqual([made.spec?.podCIDR, made.status?.phase], ['10.0.0.0/24', 'Hooked']);
  });
  it('and a write to the object cannot change its status', async () => {
    const { api, answers } = await world();
    await mutating(api, hook('a', { rules: [nodes('nodes')] }));
    await api.create(Node, { metadata: { name: 'n' } });
    answers['a'] = patch({ op: 'add', path: '/status', value: { phase: 'Hooked' } });
    const made: V1Node = await api.update<V1Node>(Node, { metadata: { name: 'n', labels: { a: 'b' } } });
    assert.deepEqual([made.metadata?.labels, made.status?.phase], [{ a: 'b' }, undefined]);
  });
});
