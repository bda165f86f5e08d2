import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1IngressClass, V1IngressClassParametersReference } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, required, tooLong, unchanged, unsupported } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain } from '../support/names.ts';
import { validateReference } from './ingress-validation.ts';

const maxController = 250;
const pathRule = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;

/** `example.com/controller`: a domain and a path. */
function validateController(field: string, controller: string | undefined): FieldError[] {
  if (!controller) return [required(field)];
  if (controller.length > maxController) return [tooLong(field, maxController)];
  const slash = controller.indexOf('/');
  const [domain, path] = [controller.slice(0, slash), controller.slice(slash + 1)];
  if (slash < 1 || path === '') return [invalidValue(field, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = checked(field, domain, dnsSubdomain);
  if (!pathRule.test(path)) errors.push(invalidValue(field, path, `Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`));
  return errors;
}

function validateParameters(at: string, reference: V1IngressClassParametersReference): FieldError[] {
  const { apiGroup, kind, name, namespace, scope } = reference;
  const errors = validateReference(at, { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name });
  if (!scope) return [...errors, required(`${at}.scope`)];
  if (scope === 'Cluster') return namespace === undefined ? errors : [...errors, forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'")];
  if (scope !== 'Namespace') return [...errors, unsupported(`${at}.scope`, scope, ['Cluster', 'Namespace'])];
  return [
    ...errors,
    ...(namespace ? checked(`${at}.namespace`, namespace, dnsLabel) : [required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'")]),
  ];
}

function parametersText({ spec }: V1IngressClass): string {
  const reference = spec?.parameters;
  if (!reference) return '<none>';
  return `${reference.kind}${reference.apiGroup ? `.${reference.apiGroup}` : ''}/${reference.name}`;
}

export const IngressClass: Kind<V1IngressClass> = defineKind<V1IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  schema: 'V1IngressClass',
  generation: true,
  columns: [
    nameColumn,
    column('Controller', 'string', 'Controller that is responsible for handling this class', ({ spec }) => spec?.controller),
    column('Parameters', 'string', 'A reference to a resource with additional parameters', parametersText),
    ageColumn,
  ],
  defaults({ spec }) {
    if (spec?.parameters) spec.parameters.scope ??= 'Cluster';
  },
  validate: ({ spec }, old) => [
    ...validateController('spec.controller', spec?.controller),
    ...(spec?.parameters ? validateParameters('spec.parameters', spec.parameters) : []),
    ...(old ? unchanged('spec.controller', spec?.controller, old.spec?.controller) : []),
  ],
});
