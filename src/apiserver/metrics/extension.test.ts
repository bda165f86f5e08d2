import assert from 'node:assert/strict';
import test from 'node:test';
import { Metrics, renderMetrics, seededRandom } from '#base';
import type { KubeObject } from '#machinery';
import { converterOf } from '../extensions/conversion.ts';
import type { Definition } from '../extensions/definition.ts';
import type { ObjectReader } from '../types.ts';
import { availabilityMetrics } from './aggregation.ts';
import { conversionMetrics } from './conversion.ts';
import { policyMetrics } from './policies.ts';

/** The lines of one metric without its help. */
const lines = (metrics: Metrics, name: string): string[] =>
  renderMetrics(metrics, 'prometheus')
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`));

test('APIServices: which are unavailable, and how often one was lost', () => {
  const metrics = new Metrics();
  const stored = new Map<string, KubeObject>();
  let tell: (object: KubeObject | undefined, old: KubeObject | undefined) => void = () => {};
  const reader = {
    list: () => [...stored.values()],
    observe: (_group: string, _plural: string, handler: typeof tell) => void (tell = handler),
  } as unknown as ObjectReader;
  availabilityMetrics(metrics, reader);
  const put = (name: string, status: string, reason: string): void => {
    const object = { metadata: { name }, status: { conditions: [{ type: 'Available', status, reason }] } };
    tell(object, stored.get(name));
    stored.set(name, object);
  };
  put('v1.a', 'False', 'ServiceNotFound');
  assert.deepEqual(lines(metrics, 'aggregator_unavailable_apiservice_total'), [], 'it never was available');
  put('v1.b', 'True', 'Local');
  put('v1.a', 'True', 'Passed');
  put('v1.a', 'False', 'MissingEndpoints');
  put('v1.a', 'False', 'FailedDiscoveryCheck');
  assert.deepEqual(lines(metrics, 'aggregator_unavailable_apiservice_total'), [
    'aggregator_unavailable_apiservice_total{name="v1.a",reason="MissingEndpoints"} 1',
  ]);
  assert.deepEqual(
    lines(metrics, 'aggregator_unavailable_apiservice'),
    ['aggregator_unavailable_apiservice{name="v1.b"} 0', 'aggregator_unavailable_apiservice{name="v1.a"} 1'].toSorted(),
  );
  stored.delete('v1.a');
  assert.deepEqual(lines(metrics, 'aggregator_unavailable_apiservice'), ['aggregator_unavailable_apiservice{name="v1.b"} 0']);
});

test('conversion webhooks: calls by their outcome', async () => {
  const metrics = new Metrics();
  const webhook = { clientConfig: { url: 'https://x' }, conversionReviewVersions: ['v1'] };
  const definition = { spec: { conversion: { strategy: 'Webhook', webhook } } } as unknown as Definition;
  const object = { apiVersion: 'g/v1', kind: 'K', metadata: { name: 'a' } };
  type Review = { request: { uid: string; objects: KubeObject[] } };
  const answers: ((review: Review) => unknown)[] = [
    ({ request: { uid, objects } }) => ({
      response: { uid, result: { status: 'Success' }, convertedObjects: objects.map((one) => ({ ...one, apiVersion: 'g/v2' })) },
    }),
    () => {
      throw new Error('nobody there');
    },
    ({ request: { uid } }) => ({ response: { uid, result: { status: 'Failure', message: 'I will not' } } }),
    () => ({}),
  ];
  const call = ({ review }: { review: object }): Promise<unknown> => Promise.resolve().then(() => answers.shift()?.(review as Review));
  const convert = converterOf(definition, call, seededRandom(1), conversionMetrics(metrics));
  assert.deepEqual(await convert([object], 'g/v2'), [{ ...object, apiVersion: 'g/v2' }]);
  for (const wanted of [/nobody there/, /I will not/, /no response provided/]) await assert.rejects(async () => convert([object], 'g/v2'), wanted);
  assert.deepEqual(
    lines(metrics, 'apiserver_conversion_webhook_request_total')
      .map((line) => line.slice(line.indexOf('{')))
      .toSorted(),
    [
      '{failure_type="",result="success"} 1',
      '{failure_type="conversion_call_failure",result="failure"} 1',
      '{failure_type="conversion_malformed_response_failure",result="failure"} 1',
      '{failure_type="conversion_response_failure",result="failure"} 1',
    ],
  );
  assert.equal(lines(metrics, 'apiserver_conversion_webhook_duration_seconds_count').length, 4);
});

test('policies: expressions by what came of them', () => {
  const metrics = new Metrics();
  const note = policyMetrics(metrics);
  for (let i = 0; i < 2; i++) note({ policy: 'p', binding: 'b', error: 'no_error', action: 'deny', seconds: 0.0001 });
  const labels = '{policy="p",policy_binding="b",error_type="no_error",enforcement_action="deny"}';
  const sorted = (line: string): string => line.replace(/\{.*\}/, (text) => text.slice(1, -1).split(',').toSorted().join(','));
  assert.deepEqual(lines(metrics, 'apiserver_validating_admission_policy_check_total').map(sorted), [
    sorted(`apiserver_validating_admission_policy_check_total${labels} 2`),
  ]);
});
