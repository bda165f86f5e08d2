import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '#base';
import type { KubeObject } from '#machinery';
import type { WebhookCall } from '../outbound/call-webhook.ts';
import { converterOf, type Convert } from './conversion.ts';
import type { Definition } from './definition.ts';

const definition = (conversion: Definition['spec']['conversion']): Definition => ({
  spec: { group: 'example.com', names: { plural: 'tabs', kind: 'Tab' }, scope: 'Namespaced', versions: [], ...(conversion ? { conversion } : {}) },
});
const webhook = definition({
  strategy: 'Webhook',
  webhook: { clientConfig: { url: 'https://127.0.0.1:1/convert' }, conversionReviewVersions: ['v3', 'v1'] },
});
const tab = (name: string, version: string): KubeObject => ({ apiVersion: `example.com/${version}`, kind: 'Tab', metadata: { name, uid: `uid-${name}` } });

interface Request {
  uid: string;
  desiredAPIVersion: string;
  objects: KubeObject[];
}
/** A converter whose webhook answers with what `answer` makes of the request. */
function converter(answer: (request: Request) => unknown): { convert: Convert; calls: WebhookCall[] } {
  const calls: WebhookCall[] = [];
  const call = async (given: WebhookCall): Promise<unknown> => {
    calls.push(given);
    return answer((given.review as { request: Request }).request);
  };
  return { convert: converterOf(webhook, call, seededRandom(1)), calls };
}
const good = ({ uid, desiredAPIVersion, objects }: Request): { response: Record<string, unknown> } => ({
  response: { uid, result: { status: 'Success' }, convertedObjects: objects.map((object) => ({ ...object, apiVersion: desiredAPIVersion, done: true })) },
});

describe('conversion of custom resources', () => {
  it('by name changes the apiVersion and nothing else', () => {
    const convert = converterOf(definition({ strategy: 'None' }), () => assert.fail('no webhook'), seededRandom(1));
    assert.deepEqual(convert([tab('a', 'v1'), tab('b', 'v2')], 'example.com/v2'), [tab('a', 'v2'), tab('b', 'v2')]);
  });

  it('asks the webhook once, for those that need it, in the version it understands', async () => {
    const { convert, calls } = converter(good);
    const converted = await convert([tab('a', 'v1'), tab('b', 'v2'), tab('c', 'v1')], 'example.com/v2');
    assert.deepEqual(
      converted.map((object) => [object.metadata?.name, object.apiVersion, (object as { done?: boolean }).done]),
      [
        ['a', 'example.com/v2', true],
        ['b', 'example.com/v2', undefined],
        ['c', 'example.com/v2', true],
      ],
    );
    assert.equal(calls.length, 1);
    const review = calls[0]?.review as { apiVersion: string; kind: string; request: Request };
    assert.deepEqual([review.apiVersion, review.kind], ['apiextensions.k8s.io/v1', 'ConversionReview']);
    assert.deepEqual(
      review.request.objects.map((object) => object.metadata?.name),
      ['a', 'c'],
    );
    assert.equal(calls[0]?.timeoutSeconds, 30);
  });

  const bad: [string, (request: Request) => unknown, RegExp][] = [
    ['no response', () => ({}), /no response provided/],
    ['another uid', (r) => ({ response: { ...good(r).response, uid: 'x' } }), /expected response.uid="[^"]+", got "x"/],
    ['a refusal', ({ uid }) => ({ response: { uid, result: { status: 'Failure', message: 'cannot do that' } } }), /failed: cannot do that/],
    ['too few objects', (r) => ({ response: { ...good(r).response, convertedObjects: [] } }), /webhook returned 0 objects, expected 1/],
    ['the old version', (r) => change(r, (object) => ({ ...object, apiVersion: 'example.com/v1' })), /invalid groupVersion in converted object at index 0/],
    ['another kind', (r) => change(r, (object) => ({ ...object, kind: 'Other' })), /invalid kind in converted object at index 0: expected Tab, got Other/],
    ['another uid of the object', (r) => change(r, (object) => ({ ...object, metadata: { ...object.metadata, uid: 'x' } })), /metadata.uid was changed/],
    [
      'a call that fails',
      () => {
        throw new Error('connection refused');
      },
      /conversion webhook for example.com\/v1, Kind=Tab failed: connection refused/,
    ],
  ];
  for (const [what, answer, text] of bad) {
    it(`refuses an answer with ${what}`, async () => {
      await assert.rejects(async () => converter(answer).convert([tab('a', 'v1')], 'example.com/v2'), text);
    });
  }
});
function change(request: Request, edit: (object: KubeObject) => KubeObject): unknown {
  const answer = good(request);
  return { response: { ...answer.response, convertedObjects: (answer.response['convertedObjects'] as KubeObject[]).map(edit) } };
}
