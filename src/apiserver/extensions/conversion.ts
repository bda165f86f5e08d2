import type { Random } from '#base';
import { ApiError, type KubeObject } from '#machinery';
import type { ConversionCall } from '../metrics/conversion.ts';
import type { CallWebhook } from '../outbound/call-webhook.ts';
import type { Definition } from './definition.ts';

export type Convert = (objects: readonly KubeObject[], toApiVersion: string) => readonly KubeObject[] | Promise<readonly KubeObject[]>;

interface Review {
  readonly response?: {
    readonly uid?: string;
    readonly convertedObjects?: readonly (KubeObject & { metadata?: object })[];
    readonly result?: { readonly status?: string; readonly message?: string };
  };
}
/** Of the versions that a webhook understands, the ones this server speaks. */
const spoken = ['v1', 'v1beta1'];
/** CustomResourceConversionWebhook: kube-apiserver waits this long. */
const timeoutSeconds = 30;

/** How the versions of a definition become each other (CustomResourceConversion). */
export function converterOf(definition: Definition, call: CallWebhook, random: Random, called: (call: ConversionCall) => void = () => {}): Convert {
  const { conversion } = definition.spec;
  if (conversion?.strategy !== 'Webhook' || !conversion.webhook) return renamed;
  const { clientConfig: config, conversionReviewVersions } = conversion.webhook;
  const version = conversionReviewVersions.find((name) => spoken.includes(name)) ?? 'v1';
  return async (objects, desiredAPIVersion) => {
    const toConvert = objects.filter((object) => object.apiVersion !== desiredAPIVersion);
    if (toConvert.length === 0) return objects;
    const request = { uid: random.uuid(), desiredAPIVersion, objects: toConvert };
    const fail = failure(toConvert[0] as KubeObject);
    const started = performance.now();
    const ended = (outcome: ConversionCall['failure']): void => called({ failure: outcome, seconds: (performance.now() - started) / 1000 });
    let answer: unknown;
    try {
      answer = await call({ config, review: { kind: 'ConversionReview', apiVersion: `apiextensions.k8s.io/${version}`, request }, timeoutSeconds });
    } catch (error) {
      ended('conversion_call_failure');
      throw fail((error as Error).message);
    }
    const converted = checked(answer as Review, request.uid, toConvert, desiredAPIVersion, fail, ended).values();
    ended('');
    return objects.map((object) => (object.apiVersion === desiredAPIVersion ? object : (converted.next().value as KubeObject)));
  };
}
/** Strategy None: nothing but the apiVersion changes. */
const renamed: Convert = (objects, apiVersion) => objects.map((object) => (object.apiVersion === apiVersion ? object : { ...object, apiVersion }));

type Fail = (why: string) => ApiError;
const failure =
  ({ apiVersion, kind }: KubeObject): Fail =>
  (why) =>
    new ApiError('InternalError', `conversion webhook for ${apiVersion}, Kind=${kind} failed: ${why}`);

/** Tells of an answer that is refused. */
function checked(
  ...[review, uid, given, apiVersion, fail, ended]: [...Parameters<typeof check>, (failure: ConversionCall['failure']) => void]
): readonly KubeObject[] {
  try {
    return check(review, uid, given, apiVersion, fail);
  } catch (error) {
    ended(review.response?.result?.status === 'Failure' ? 'conversion_response_failure' : 'conversion_malformed_response_failure');
    throw error;
  }
}
/** An answer that changes anything but the content would make another object of it. */
function check({ response }: Review, uid: string, given: readonly KubeObject[], apiVersion: string, fail: Fail): readonly KubeObject[] {
  if (!response) throw fail('no response provided');
  if (response.uid !== uid) throw fail(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (response.result?.status !== 'Success') throw fail(response.result?.message || 'unknown error');
  const converted = response.convertedObjects ?? [];
  if (converted.length !== given.length) throw fail(`webhook returned ${converted.length} objects, expected ${given.length}`);
  converted.forEach((object, i) => checkOne(object, given[i] as KubeObject, i, apiVersion, fail));
  return converted;
}
function checkOne(converted: KubeObject, given: KubeObject, at: number, apiVersion: string, fail: Fail): void {
  const here = `in converted object at index ${at}`;
  if (converted.apiVersion !== apiVersion)
    throw fail(`invalid groupVersion ${here}: got ${JSON.stringify(converted.apiVersion ?? '')}, expected ${apiVersion}`);
  if (converted.kind !== given.kind) throw fail(`invalid kind ${here}: expected ${given.kind}, got ${converted.kind ?? ''}`);
  for (const field of ['name', 'namespace', 'uid'] as const) {
    const expected = given.metadata?.[field] ?? '';
    const got = converted.metadata?.[field] ?? '';
    if (got !== expected) throw fail(`invalid metadata ${here}: metadata.${field} was changed from ${JSON.stringify(expected)} to ${JSON.stringify(got)}`);
  }
}
