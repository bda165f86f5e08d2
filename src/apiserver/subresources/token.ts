import { formatTime, type Clock, type Random } from '#base';
import { ApiError, badRequest, conflict, invalid, notFound, type KubeObject } from '#machinery';
import type { BoundRef, TokenSigner } from '../pki/jwt.ts';
import type { ObjectReader, SubresourceHandler } from '../types.ts';

interface TokenRequest extends KubeObject {
  spec?: { audiences?: string[]; expirationSeconds?: number; boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } };
}
export interface TokenOptions {
  readonly signer: TokenSigner;
  /** Audiences of a request that names none. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** Longest life, seconds; default one year for the pods' 3607 s (as --service-account-extend-token-expiration does), a day otherwise. */
  readonly maxSeconds?: number;
}
const requests = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' };
const minSeconds = 600;
const podSeconds = 3607;
const year = 365 * 24 * 3600;

/** serviceaccounts/token: signs a JWT for the account, bound to a Pod or Secret if asked (TokenRequest API). */
export function serviceAccountToken(options: TokenOptions): SubresourceHandler {
  return {
    name: 'token',
    verbs: ['create'],
    handles: (kind) => kind.group === '' && kind.plural === 'serviceaccounts',
    handle({ kind, key, body, writer }) {
      const account = writer.get('', 'serviceaccounts', key.namespace, key.name);
      if (!account) return Promise.reject(notFound(kind, key.name));
      const request = body as TokenRequest;
      if (request.metadata?.namespace && request.metadata.namespace !== key.namespace)
        return Promise.reject(badRequest('the namespace of the provided object does not match the namespace sent on the request'));
      return Promise.resolve(issue(options, account, request, writer));
    },
  };
}

function issue(
  { signer, audiences, clock, random, maxSeconds }: TokenOptions,
  account: KubeObject,
  { spec = {}, metadata }: TokenRequest,
  reader: ObjectReader,
): KubeObject {
  const { name = '', namespace = '', uid = '' } = account.metadata ?? {};
  const asked = spec.expirationSeconds ?? 3600;
  checkLife(asked);
  const bound = boundRef(spec.boundObjectRef, namespace, reader);
  const now = Math.floor(clock.now() / 1000);
  // Pods' tokens are extended for clients that never read the file again; the answer still says when to rotate.
  const life = bound.pod && asked === podSeconds ? year : Math.min(asked, maxSeconds ?? Number.MAX_SAFE_INTEGER);
  const token = signer.sign({
    aud: spec.audiences?.length ? spec.audiences : audiences,
    exp: now + life,
    iat: now,
    iss: signer.issuer,
    jti: random.uuid(),
    'kubernetes.io': { namespace, ...bound, serviceaccount: { name, uid }, ...(life === asked ? {} : { warnafter: now + asked }) },
    nbf: now,
    sub: `system:serviceaccount:${namespace}:${name}`,
  });
  const answer = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { ...metadata, name, namespace, creationTimestamp: formatTime(clock.now()) },
    spec: {
      ...spec,
      audiences: spec.audiences?.length ? spec.audiences : [...audiences],
      expirationSeconds: asked,
      boundObjectRef: spec.boundObjectRef ?? null,
    },
    status: { token, expirationTimestamp: formatTime((now + asked) * 1000) },
  };
  return answer;
}
function checkLife(seconds: number): void {
  const refuse = (why: string): ApiError =>
    invalid(requests, '', [{ field: 'spec.expirationSeconds', reason: 'FieldValueInvalid', message: `Invalid value: ${seconds}: ${why}` }]);
  if (!Number.isInteger(seconds) || seconds < minSeconds) throw refuse('may not specify a duration less than 10 minutes');
  if (seconds > 2 ** 32) throw refuse('may not specify a duration larger than 2^32 seconds');
}
function boundRef(
  ref: NonNullable<TokenRequest['spec']>['boundObjectRef'],
  namespace: string,
  reader: ObjectReader,
): { pod?: BoundRef; secret?: BoundRef; node?: BoundRef } {
  if (!ref) return {};
  const plural = ref.kind === 'Pod' ? 'pods' : ref.kind === 'Secret' ? 'secrets' : undefined;
  const name = ref.name ?? '';
  if (!plural) throw badRequest(`cannot bind token for serviceaccount to object of type ${ref.apiVersion ?? ''}, Kind=${ref.kind ?? ''}`);
  const object = reader.get('', plural, namespace, name);
  const kind = { group: '', plural, kind: ref.kind as string };
  if (!object) throw notFound(kind, name);
  const uid = object.metadata?.uid ?? '';
  if (ref.uid && ref.uid !== uid)
    throw conflict(
      kind,
      name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (plural === 'secrets') return { secret: { name, uid } };
  const nodeName = (object as { spec?: { nodeName?: string } }).spec?.nodeName;
  const node = nodeName ? reader.get('', 'nodes', undefined, nodeName) : undefined;
  return { pod: { name, uid }, ...(node ? { node: { name: nodeName as string, uid: node.metadata?.uid ?? '' } } : {}) };
}
