import { ClusterRole, type V1ClusterRole, type V1PolicyRule } from '#kinds';
import { labelSelectorMatcher } from '#machinery';
import { keyFor, type Controller } from '../controller.ts';

/** The rules that a ClusterRole gathers: those of the roles that its selectors choose, by name, each rule once. */
export function gatheredRules(role: V1ClusterRole, all: readonly V1ClusterRole[]): V1PolicyRule[] {
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  const rules = new Map<string, V1PolicyRule>();
  for (const selector of selectors) {
    const matches = labelSelectorMatcher(selector);
    const chosen = all.filter((other) => other.metadata?.name !== role.metadata?.name && matches(other.metadata?.labels));
    for (const { rules: more } of chosen.toSorted(byName)) for (const rule of more ?? []) rules.set(JSON.stringify(canonical(rule)), rule);
  }
  return [...rules.values()];
}
const byName = (a: V1ClusterRole, b: V1ClusterRole): number => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1);
function canonical({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: V1PolicyRule): unknown {
  return [apiGroups ?? [], resources ?? [], resourceNames ?? [], nonResourceURLs ?? [], verbs];
}

/** Fills ClusterRoles that have an aggregationRule. Keys are their names. */
export const clusterRoleAggregationController: Controller = {
  name: 'clusterrole-aggregation',
  component: 'clusterrole-aggregation-controller',
  setup(context) {
    const roles = context.informer(ClusterRole);
    roles.addIndex('gathering', (role) => (role.aggregationRule ? ['yes'] : []));
    context.watch(ClusterRole, (role) => {
      const gathering = new Set(roles.byIndex('gathering', 'yes').map(keyFor));
      if (role?.aggregationRule) gathering.add(keyFor(role));
      return [...gathering];
    });
    return async (name) => {
      const role = roles.get(undefined, name);
      if (!role?.aggregationRule || role.metadata?.deletionTimestamp) return;
      const rules = gatheredRules(role, roles.list());
      if (JSON.stringify(rules.map(canonical)) === JSON.stringify((role.rules ?? []).map(canonical))) return;
      await context.api.update(ClusterRole, { ...role, rules });
    };
  },
};
