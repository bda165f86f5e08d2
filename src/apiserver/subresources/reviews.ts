import type { KubeObject, UserInfo } from '#machinery';
import type { Authorizer, VirtualResource } from '../types.ts';

interface AccessSpec {
  user?: string;
  uid?: string;
  groups?: string[];
  resourceAttributes?: { namespace?: string; verb?: string; group?: string; version?: string; resource?: string; subresource?: string; name?: string };
  nonResourceAttributes?: { path?: string; verb?: string };
}
interface AccessReview extends KubeObject {
  spec?: AccessSpec;
}

/** The reviews of authentication.k8s.io and authorization.k8s.io: who am I, may I, may he, whose token is this. */
export function reviews(authorizer: Authorizer, reviewToken: (token: string, audiences?: readonly string[]) => UserInfo | undefined): VirtualResource[] {
  const access = (plural: string, kind: string, namespaced: boolean, who: (spec: AccessSpec, user: UserInfo) => UserInfo): VirtualResource => ({
    group: 'authorization.k8s.io',
    version: 'v1',
    plural,
    kind,
    namespaced,
    create(body, user) {
      const spec = (body as AccessReview).spec ?? {};
      const { allowed, reason } = ask(authorizer, spec, who(spec, user));
      return answer(body, kind, 'authorization.k8s.io/v1', { allowed, ...(reason ? { reason } : {}) });
    },
  });
  const other = (spec: AccessSpec): UserInfo => ({ username: spec.user ?? '', groups: spec.groups ?? [], ...(spec.uid ? { uid: spec.uid } : {}) });
  return [
    access('selfsubjectaccessreviews', 'SelfSubjectAccessReview', false, (_spec, user) => user),
    access('subjectaccessreviews', 'SubjectAccessReview', false, other),
    access('localsubjectaccessreviews', 'LocalSubjectAccessReview', true, other),
    {
      group: 'authentication.k8s.io',
      version: 'v1',
      plural: 'selfsubjectreviews',
      kind: 'SelfSubjectReview',
      namespaced: false,
      create: (body, user) => answer(body, 'SelfSubjectReview', 'authentication.k8s.io/v1', { userInfo: shown(user) }),
    },
    {
      group: 'authentication.k8s.io',
      version: 'v1',
      plural: 'tokenreviews',
      kind: 'TokenReview',
      namespaced: false,
      create(body) {
        const { token = '', audiences } = (body as KubeObject & { spec?: { token?: string; audiences?: string[] } }).spec ?? {};
        const user = reviewToken(token, audiences?.length ? audiences : undefined);
        return answer(
          body,
          'TokenReview',
          'authentication.k8s.io/v1',
          user ? { authenticated: true, user: shown(user), ...(audiences ? { audiences } : {}) } : { user: {}, error: 'invalid bearer token' },
        );
      },
    },
  ];
}

function ask(
  authorizer: Authorizer,
  { resourceAttributes: at, nonResourceAttributes: path }: AccessSpec,
  user: UserInfo,
): { allowed: boolean; reason?: string } {
  return authorizer.authorize({
    user,
    verb: at?.verb ?? path?.verb ?? '',
    resource: path === undefined,
    group: at?.group ?? '',
    version: at?.version ?? '',
    plural: at?.resource ?? '',
    subresource: at?.subresource ?? '',
    namespace: at?.namespace ?? '',
    name: at?.name ?? '',
    path: path?.path ?? '',
  });
}
function answer(body: KubeObject, kind: string, apiVersion: string, status: unknown): KubeObject {
  return { ...body, kind, apiVersion, metadata: { ...body.metadata }, status } as KubeObject;
}
function shown({ username, uid, groups, extra }: UserInfo): unknown {
  return { username, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}
