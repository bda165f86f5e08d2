import {
  celAuthorizer,
  celRequestResource,
  CelError,
  LazyFields,
  type AuthorizerCheck,
  type Budget,
  type CelProgram,
  type CelValue,
  type Json,
  type KubeObject,
  type UserInfo,
} from '#machinery';
import type { AdmissionRequest, Attributes, Authorizer, KindReader } from '../../types.ts';
import { reviewRequest, type Versioned } from '../webhooks/review.ts';
import { isNamespaces } from './constraints.ts';

/** Values of the variables of an expression; functions are asked when a variable is first read. */
export type Activation = { readonly [name: string]: CelValue | Json | (() => CelValue | Json) };

export interface ActivationDeps {
  readonly reader: KindReader;
  readonly authorizer: Authorizer;
}

/** What expressions about a request see, save for variables. */
export function activationOf({ reader, authorizer }: ActivationDeps, request: AdmissionRequest, versioned: Versioned, params?: KubeObject | null): Activation {
  const { kind, subresource, namespace, name, operation, context } = request;
  const { object: _object, oldObject: _old, ...shown } = reviewRequest(request, versioned);
  const check = checkOf(authorizer, context.user);
  const { as } = versioned;
  const own = { group: as.group, version: as.version, resource: as.plural, subresource: subresource ?? '', namespace: namespace ?? '', name };
  return {
    object: operation === 'DELETE' ? null : (versioned.object as Json),
    oldObject: (versioned.old ?? null) as Json,
    request: shown as unknown as Json,
    ...(params === undefined ? {} : { params: params as Json }),
    namespaceObject: () => (isNamespaces(kind) || !namespace ? null : (namespaceView(reader.get('', 'namespaces', undefined, namespace)) as Json)),
    authorizer: () => celAuthorizer(check),
    'authorizer.requestResource': () => celRequestResource(check, own),
  };
}
function namespaceView(namespace: KubeObject | undefined): unknown {
  if (!namespace) return null;
  const { uid, ...metadata } = namespace.metadata ?? {};
  return { ...namespace, metadata: { ...metadata, ...(uid ? { UID: uid } : {}) } };
}

function checkOf(authorizer: Authorizer, user: UserInfo): AuthorizerCheck {
  return (question) => {
    const { serviceAccount: account, path } = question;
    const who = account ? serviceAccountUser(account) : user;
    const resource = path === undefined;
    const attributes: Attributes = {
      user: who,
      verb: question.verb,
      resource,
      group: question.group,
      version: question.version,
      plural: question.resource,
      subresource: question.subresource,
      namespace: question.namespace,
      name: question.name,
      path: path ?? '',
    };
    const { allowed, reason } = authorizer.authorize(attributes);
    return { allowed, ...(reason === undefined ? {} : { reason }) };
  };
}
function serviceAccountUser({ namespace, name }: { namespace: string; name: string }): UserInfo {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

/** The same with `variables`, each computed when it is first read and then kept. */
export function withVariables(activation: Activation, programs: ReadonlyMap<string, CelProgram>, budget: Budget): Activation {
  const all: { [name: string]: Activation[string] } = { ...activation };
  const fields = new Map<string, () => CelValue>();
  for (const [name, program] of programs) {
    fields.set(name, () => {
      try {
        return program.evaluate(all, budget).value;
      } catch (error) {
        if (error instanceof CelError) throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${error.message}`);
        throw error;
      }
    });
  }
  all['variables'] = new LazyFields(fields);
  return all;
}
