import { bootstrapPolicy, reconciledBinding, reconciledRole, type Binding, type Role } from '#apiserver';
import { ClusterRole, ClusterRoleBinding, Role as RoleKind, RoleBinding } from '#kinds';
import { isApiError, type Api, type Kind, type KubeObject } from '#machinery';
import { turn } from './turn.ts';

/**
 * Stores the bootstrap policy, which holds whether it is stored or not, and mends what is stored of it. Without waiting
 * for one before the next (the store commits in groups), but a few in each turn, so that clients are answered meanwhile.
 * `namespaced` waits for the namespaces of the system.
 */
export async function storeBootstrapPolicy(api: Api, namespaced: Promise<unknown>): Promise<void> {
  const { clusterRoles, clusterRoleBindings, roles, roleBindings } = bootstrapPolicy;
  await inTurns([
    ...clusterRoles.map((role) => () => ensureRole(api, plain(ClusterRole), role)),
    ...clusterRoleBindings.map((binding) => () => ensureBinding(api, plain(ClusterRoleBinding), binding)),
  ]);
  await namespaced;
  await inTurns([
    ...roles.map((role) => () => ensureRole(api, plain(RoleKind), role)),
    ...roleBindings.map((binding) => () => ensureBinding(api, plain(RoleBinding), binding)),
  ]);
}

const perTurn = 8;
async function inTurns(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const going: Promise<void>[] = [];
  for (const [i, step] of steps.entries()) {
    if (i % perTurn === 0) await turn();
    const done = step();
    done.catch(() => {}); // the whole tells of it
    going.push(done);
  }
  await Promise.all(going);
}

/** The shapes are those of the kinds; only the types have other names. */
const plain = <T extends KubeObject>(kind: Kind<T>): Kind => kind as unknown as Kind;
const keyOf = ({ metadata }: KubeObject): { namespace: string | undefined; name: string } => ({ namespace: metadata?.namespace, name: metadata?.name ?? '' });

async function ensureRole(api: Api, kind: Kind, wanted: Role): Promise<void> {
  const stored = await find(api, kind, wanted);
  if (!stored) return void (await create(api, kind, wanted));
  const mended = reconciledRole(stored, wanted);
  if (mended) await api.update(kind, mended);
}
async function ensureBinding(api: Api, kind: Kind, wanted: Binding): Promise<void> {
  const stored = await find(api, kind, wanted);
  if (!stored) return void (await create(api, kind, wanted));
  const mended = reconciledBinding(stored as Binding, wanted);
  if (mended === 'replace') {
    await api.delete(kind, keyOf(wanted));
    await create(api, kind, wanted);
  } else if (mended) await api.update(kind, mended);
}
async function find(api: Api, kind: Kind, wanted: KubeObject): Promise<KubeObject | undefined> {
  try {
    return await api.get(kind, keyOf(wanted));
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    return undefined;
  }
}
async function create(api: Api, kind: Kind, wanted: KubeObject): Promise<void> {
  try {
    await api.create(kind, wanted);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}
