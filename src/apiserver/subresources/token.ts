import { formatTime, type Clock, type Random } from '#base';
import { badRequest, conflict, invalid, notFound, type FieldError, type KubeObject } from '#machinery';
import type { BoundRef, TokenSigner } from '../pki/jwt.ts';
import type { ObjectReader, RequestContext, SubresourceHandler } from '../types.ts';
import { checkShape } from './shape.ts';

interface ObjectRef {
  kind?: string;
  apiVersion?: string;
  name?: string;
  uid?: string;
}
interface TokenRequest extends KubeObject {
  spec?: { audiences?: string[]; expirationSeconds?: number; boundObjectRef?: ObjectRef | null };
}
interface Pod extends KubeObject {
  spec?: { nodeName?: string; serviceAccountName?: string };
}
export interface TokenOptions {
  readonly signer: TokenSigner;
  /** Audiences of a request that names none. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** Longest life, seconds (--service-account-max-token-expiration). Default: as asked. */
  readonly maxSeconds?: number;
}
type Bound = { pod?: BoundRef; secret?: BoundRef; node?: BoundRef };

const requests = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' };
const minSeconds = 600;
const maxSafeSeconds = 2 ** 32;
/** What the ServiceAccount admission asks for in pods; such tokens are extended, for clients that read the file once. */
const podSeconds = 3607;
const year = 365 * 24 * 3600;

/** serviceaccounts/token: signs a JWT for the account, bound to a Pod, Node or Secret if asked (TokenRequest API). */
export function serviceAccountToken(options: TokenOptions): SubresourceHandler {
  return {
    name: 'token',
    verbs: ['create'],
    handles: (kind) => kind.group === '' && kind.plural === 'serviceaccounts',
    async handle({ kind, key, body, writer, context }) {
      checkShape(body as KubeObject, 'TokenRequest', {
        audiences: ['string'],
        expirationSeconds: 'number',
        boundObjectRef: { kind: 'string', apiVersion: 'string', name: 'string', uid: 'string' },
      });
      const account = writer.get('', 'serviceaccounts', key.namespace, key.name);
      if (!account) throw notFound(kind, key.name);
      return issue(options, account, body as TokenRequest, writer, context);
    },
  };
}

function issue(options: TokenOptions, account: KubeObject, request: TokenRequest, reader: ObjectReader, context: RequestContext): KubeObject {
  const { signer, clock, random } = options;
  const { name = '', namespace = '', uid = '' } = account.metadata ?? {};
  const { spec = {}, metadata } = request;
  checkIdentity(request, name, namespace);
  const asked = lifeOf(spec.expirationSeconds ?? 3600, options.maxSeconds, context);
  const audiences = spec.audiences?.length ? spec.audiences : options.audiences;
  const bound = boundTo(spec.boundObjectRef ?? undefined, name, namespace, reader);
  const now = Math.floor(clock.now() / 1000);
  const extend = bound.pod !== undefined && asked === podSeconds && audiences.every((audience) => options.audiences.includes(audience));
  const sign = (): string =>
    signer.sign({
      aud: audiences,
      exp: now + (extend ? year : asked),
      iat: now,
      iss: signer.issuer,
      jti: random.uuid(),
      'kubernetes.io': { namespace, ...bound, serviceaccount: { name, uid }, ...(extend ? { warnafter: now + asked } : {}) },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    });
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { ...metadata, name, namespace, creationTimestamp: formatTime(clock.now()) },
    spec: { ...spec, audiences: [...audiences], expirationSeconds: asked, boundObjectRef: spec.boundObjectRef ?? null },
    // Nothing that works may come of a dry run.
    status: { token: context.dryRun ? '' : sign(), expirationTimestamp: formatTime((now + asked) * 1000) },
  } as KubeObject;
}

function checkIdentity({ metadata }: TokenRequest, name: string, namespace: string): void {
  const differs = (field: 'name' | 'namespace', value: string): FieldError => ({
    field: `metadata.${field}`,
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${JSON.stringify(value)}: must match the service account ${field} if specified`,
  });
  if (metadata?.name && metadata.name !== name) throw invalid(requests, name, [differs('name', metadata.name)]);
  if (metadata?.namespace && metadata.namespace !== namespace) throw invalid(requests, name, [differs('namespace', metadata.namespace)]);
}
function lifeOf(seconds: number, max: number | undefined, context: RequestContext): number {
  const refuse = (why: string): Error =>
    invalid(requests, '', [{ field: 'spec.expirationSeconds', reason: 'FieldValueInvalid', message: `Invalid value: ${seconds}: ${why}` }]);
  if (!Number.isInteger(seconds))
    throw badRequest('TokenRequest in version "v1" cannot be handled as a TokenRequest: spec.expirationSeconds must be an integer');
  if (seconds < minSeconds) throw refuse('may not specify a duration less than 10 minutes');
  if (seconds > maxSafeSeconds) throw refuse('may not specify a duration larger than 2^32 seconds');
  if (max === undefined || seconds <= max) return seconds;
  context.warnings.push(`requested expiration of ${seconds} seconds shortened to ${max} seconds`);
  return max;
}

function boundTo(ref: ObjectRef | undefined, account: string, namespace: string, reader: ObjectReader): Bound {
  if (!ref) return {};
  if (ref.apiVersion === 'v1' && ref.kind === 'Pod') return boundToPod(ref, account, namespace, reader);
  if (ref.apiVersion === 'v1' && ref.kind === 'Node') return { node: refTo(ref, 'nodes', undefined, reader).ref };
  if (ref.apiVersion === 'v1' && ref.kind === 'Secret') return { secret: refTo(ref, 'secrets', namespace, reader).ref };
  const { apiVersion = '', kind = '' } = ref;
  throw badRequest(`cannot bind token for serviceaccount to object of type ${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`);
}
function boundToPod(ref: ObjectRef, account: string, namespace: string, reader: ObjectReader): Bound {
  const { object, ref: pod } = refTo(ref, 'pods', namespace, reader);
  const { nodeName, serviceAccountName } = (object as Pod).spec ?? {};
  if (serviceAccountName !== account)
    throw badRequest(`cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`);
  if (!nodeName) return { pod };
  return { pod, node: { name: nodeName, uid: reader.get('', 'nodes', undefined, nodeName)?.metadata?.uid ?? '' } };
}
function refTo(
  { name = '', uid: wanted, kind = '' }: ObjectRef,
  plural: string,
  namespace: string | undefined,
  reader: ObjectReader,
): { object: KubeObject; ref: BoundRef } {
  const object = reader.get('', plural, namespace, name);
  if (!object) throw notFound({ group: '', plural, kind }, name);
  const uid = object.metadata?.uid ?? '';
  if (!wanted || wanted === uid) return { object, ref: { name, uid } };
  throw conflict(
    { group: '', plural: kind, kind },
    name,
    `the UID in the bound object reference (${wanted}) does not match the UID in record. The object might have been deleted and then recreated`,
  );
}
