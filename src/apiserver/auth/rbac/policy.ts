import { ApiError, notFound, type KubeObject, type UserInfo } from '#machinery';
import type { ObjectReader } from '../../types.ts';
import { rbacGroup, type Binding, type PolicyRule, type Role, type RoleRef, type Subject } from './types.ts';

/** A binding as one of its subjects sees it. */
export class Grant {
  readonly namespace: string;
  readonly roleRef: RoleRef;
  readonly #name: string;
  readonly #subject: Subject;
  #allowed: { readonly allowed: true; readonly reason: string } | undefined;
  constructor(name: string, namespace: string, roleRef: RoleRef, subject: Subject) {
    this.namespace = namespace;
    this.roleRef = roleRef;
    this.#name = name;
    this.#subject = subject;
  }
  /** The verdict of every request that this grant allows: made once, so that allowing allocates nothing. */
  get allowed(): { readonly allowed: true; readonly reason: string } {
    return (this.#allowed ??= { allowed: true, reason: `RBAC: allowed by ${this.#description()}` });
  }
  #description(): string {
    const { kind, name, namespace = this.namespace } = this.#subject;
    const binding = this.namespace ? `RoleBinding ${JSON.stringify(`${this.#name}/${this.namespace}`)}` : `ClusterRoleBinding ${JSON.stringify(this.#name)}`;
    const subject = `${kind} ${JSON.stringify(kind === 'ServiceAccount' ? `${name}/${namespace}` : name)}`;
    return `${binding} of ${this.roleRef.kind} ${JSON.stringify(this.roleRef.name)} to ${subject}`;
  }
}

const nothing: readonly PolicyRule[] = [];

/** Roles by name and grants by subject, kept in step with the cache: a question costs what the asker's own grants cost. */
export class Policy {
  readonly #clusterRoles = new Map<string, Role>();
  readonly #roles = new Map<string, Role>();
  /** Subject → namespace ('' for the whole cluster) → grants. */
  readonly #grants = new Map<string, Map<string, Set<Grant>>>();
  /** Binding → its grants with their subjects' keys, to take them back. */
  readonly #bindings = new Map<string, readonly (readonly [string, Grant])[]>();

  /** What holds until the cache says otherwise, name by name. */
  preset(objects: { readonly clusterRoles?: readonly Role[]; readonly roles?: readonly Role[]; readonly bindings?: readonly Binding[] }): void {
    for (const role of objects.clusterRoles ?? []) put(this.#clusterRoles, role, undefined);
    for (const role of objects.roles ?? []) put(this.#roles, role, undefined);
    for (const binding of objects.bindings ?? []) this.#bind(binding, undefined);
  }
  follow(reader: ObjectReader): void {
    reader.observe(rbacGroup, 'clusterroles', (object, old) => put(this.#clusterRoles, object, old));
    reader.observe(rbacGroup, 'roles', (object, old) => put(this.#roles, object, old));
    const bind = (object: KubeObject | undefined, old: KubeObject | undefined): void => this.#bind(object as Binding | undefined, old as Binding | undefined);
    reader.observe(rbacGroup, 'clusterrolebindings', bind);
    reader.observe(rbacGroup, 'rolebindings', bind);
  }
  #bind(object: Binding | undefined, old: Binding | undefined): void {
    const key = keyOf((object ?? old) as Binding);
    for (const [subject, grant] of this.#bindings.get(key) ?? []) this.#revoke(subject, grant);
    this.#bindings.delete(key);
    if (!object) return;
    const { name = '', namespace = '' } = object.metadata ?? {};
    const grants = (object.subjects ?? []).flatMap((subject) => {
      const holder = subjectKey(subject, namespace);
      return holder ? [[holder, new Grant(name, namespace, object.roleRef, subject)] as const] : [];
    });
    for (const [subject, grant] of grants) this.#grant(subject, grant);
    this.#bindings.set(key, grants);
  }
  #grant(subject: string, grant: Grant): void {
    let places = this.#grants.get(subject);
    if (!places) this.#grants.set(subject, (places = new Map<string, Set<Grant>>()));
    const present = places.get(grant.namespace);
    if (present) present.add(grant);
    else places.set(grant.namespace, new Set([grant]));
  }
  #revoke(subject: string, grant: Grant): void {
    const places = this.#grants.get(subject);
    const present = places?.get(grant.namespace);
    if (!places || !present) return;
    present.delete(grant);
    if (present.size === 0) places.delete(grant.namespace);
    if (places.size === 0) this.#grants.delete(subject);
  }

  /** Calls `visit` with every grant that counts for a request of `user` in `namespace` until it gives true. */
  visit(user: UserInfo, namespace: string, visit: (grant: Grant) => boolean): void {
    if (this.#visitPlace(user, '', visit) || namespace === '') return;
    this.#visitPlace(user, namespace, visit);
  }
  #visitPlace(user: UserInfo, namespace: string, visit: (grant: Grant) => boolean): boolean {
    if (this.#visitSubject(`u ${user.username}`, namespace, visit)) return true;
    for (const group of user.groups) if (this.#visitSubject(`g ${group}`, namespace, visit)) return true;
    return false;
  }
  #visitSubject(subject: string, namespace: string, visit: (grant: Grant) => boolean): boolean {
    const grants = this.#grants.get(subject)?.get(namespace);
    if (grants) for (const grant of grants) if (visit(grant)) return true;
    return false;
  }
  /** The rules of a role; undefined when there is none. */
  rules(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    const role = ref.kind === 'ClusterRole' ? this.#clusterRoles.get(ref.name) : this.#roles.get(`${namespace}/${ref.name}`);
    return role && (role.rules ?? nothing);
  }
  /** Throws NotFound where a binding refers to nothing. */
  requireRules(ref: RoleRef, namespace: string): readonly PolicyRule[] {
    const rules = this.rules(ref, namespace);
    if (rules) return rules;
    throw notFound({ group: rbacGroup, plural: ref.kind === 'ClusterRole' ? 'clusterroles' : 'roles', kind: ref.kind }, ref.name);
  }
  /** Everything that `user` holds in `namespace`, and what is wrong with his bindings. */
  rulesFor(user: UserInfo, namespace: string): { rules: PolicyRule[]; errors: string[] } {
    const rules: PolicyRule[] = [];
    const errors: string[] = [];
    this.visit(user, namespace, (grant) => {
      const found = this.rules(grant.roleRef, grant.namespace);
      if (found) rules.push(...found);
      else errors.push(danglingText(grant.roleRef));
      return false;
    });
    return { rules, errors };
  }
}

/** As kube-apiserver's listers say it: in the singular. */
export function danglingText({ kind, name }: RoleRef): string {
  return new ApiError('NotFound', `${kind.toLowerCase()}.${rbacGroup} ${JSON.stringify(name)} not found`).message;
}
function put(map: Map<string, Role>, object: KubeObject | undefined, old: KubeObject | undefined): void {
  const key = keyOf((object ?? old) as KubeObject);
  if (object) map.set(key, object);
  else map.delete(key);
}
function keyOf({ metadata }: KubeObject): string {
  return metadata?.namespace ? `${metadata.namespace}/${metadata.name ?? ''}` : (metadata?.name ?? '');
}
function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === 'User') return `u ${name}`;
  if (kind === 'Group') return `g ${name}`;
  const place = namespace || bindingNamespace;
  return kind === 'ServiceAccount' && place ? `u system:serviceaccount:${place}:${name}` : undefined;
}
