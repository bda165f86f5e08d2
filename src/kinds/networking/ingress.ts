import { defineKind, type Kind } from '#machinery';
import type { V1Ingress } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { classAnnotation, validateIngress, validateIngressStatus } from './ingress-validation.ts';

const maxShown = 3;

function hostsText({ spec }: V1Ingress): string {
  const rules = spec?.rules ?? [];
  const shown = rules
    .map((rule) => rule.host ?? '')
    .filter(Boolean)
    .slice(0, maxShown);
  if (shown.length === 0) return '*';
  return rules.length > maxShown ? `${shown.join(',')} + ${rules.length - maxShown} more...` : shown.join(',');
}
const addressText = ({ status }: V1Ingress): string =>
  [...new Set((status?.loadBalancer?.ingress ?? []).map((ingress) => ingress.ip || ingress.hostname || '').filter(Boolean))].toSorted().join(',');

export const Ingress: Kind<V1Ingress> = defineKind<V1Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  namespaced: true,
  schema: 'V1Ingress',
  status: true,
  columns: [
    nameColumn,
    column(
      'Class',
      'string',
      'The name of the IngressClass resource that should be used for additional configuration',
      ({ spec, metadata }) => spec?.ingressClassName ?? metadata?.annotations?.[classAnnotation] ?? '<none>',
    ),
    column('Hosts', 'string', 'Hosts that incoming requests are matched against before the ingress rule', hostsText),
    column('Address', 'string', 'Address is a list containing ingress points for the load-balancer', addressText),
    column('Ports', 'string', 'Ports of TLS configurations that open', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
  prepareCreate(ingress) {
    ingress.status = { loadBalancer: {} };
  },
  validate: validateIngress,
  validateStatus: validateIngressStatus,
  warnings: ({ metadata }, old) =>
    metadata?.annotations?.[classAnnotation] !== undefined && !old
      ? [`annotation "${classAnnotation}" is deprecated, please use 'spec.ingressClassName' instead`]
      : [],
});
