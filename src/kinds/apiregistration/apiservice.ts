import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1APIService } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { invalidValue, required } from '../support/errors.ts';
import { checked, dnsLabel1035, dnsSubdomain, validPortNumber } from '../support/names.ts';

function availableText(service: V1APIService): string {
  const condition = service.status?.conditions?.find((c) => c.type === 'Available');
  if (!condition) return 'Unknown';
  return condition.status === 'True' || !condition.reason ? condition.status : `${condition.status} (${condition.reason})`;
}

function validateTls(api: V1APIService): FieldError[] {
  const { service, caBundle, insecureSkipTLSVerify } = api.spec ?? {};
  if (service) {
    return insecureSkipTLSVerify && caBundle ? [invalidValue('spec.insecureSkipTLSVerify', true, 'may not be true if caBundle is present')] : [];
  }
  return [
    ...(caBundle ? [invalidValue('spec.caBundle', `${Buffer.from(caBundle, 'base64').length} bytes`, 'local APIServices may not have a caBundle')] : []),
    ...(insecureSkipTLSVerify ? [invalidValue('spec.insecureSkipTLSVerify', true, 'local APIServices may not have insecureSkipTLSVerify')] : []),
  ];
}

function validate(api: V1APIService): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0, service } = api.spec ?? {};
  const name = `${version}.${group}`;
  const errors: FieldError[] = [];
  if (api.metadata?.name !== name)
    errors.push(invalidValue('metadata.name', api.metadata?.name ?? '', `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(name)}`));
  if (group) errors.push(...checked('spec.group', group, dnsSubdomain));
  else if (version !== 'v1') errors.push(required('spec.group', 'only v1 may have an empty group and it better be legacy kube'));
  errors.push(...checked('spec.version', version, dnsLabel1035));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20000)
    errors.push(invalidValue('spec.groupPriorityMinimum', groupPriorityMinimum, 'must be positive and less than 20000'));
  if (versionPriority <= 0 || versionPriority > 1000) errors.push(invalidValue('spec.versionPriority', versionPriority, 'must be positive and less than 1000'));
  if (service) {
    if (!service.namespace) errors.push(required('spec.service.namespace'));
    if (!service.name) errors.push(required('spec.service.name'));
    for (const text of validPortNumber(service.port ?? 443)) errors.push(invalidValue('spec.service.port', service.port, `port is not valid: ${text}`));
  }
  return [...errors, ...validateTls(api)];
}

export const APIService: Kind<V1APIService> = defineKind<V1APIService>({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1APIService',
  unconditionalUpdate: false,
  status: true,
  generation: false,
  // `v1.` is the name of the core group.
  nameRule: 'path-segment',
  columns: [
    nameColumn,
    column('Service', 'string', 'The reference to the service that hosts this API endpoint.', ({ spec }) =>
      spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local',
    ),
    column('Available', 'string', 'Whether this service is available.', availableText),
    ageColumn,
  ],
  defaults({ spec }) {
    if (spec?.service) spec.service.port ??= 443;
  },
  prepareCreate(api, { now }) {
    // What this process serves itself is there at once; others are looked for.
    const lastTransitionTime = `${new Date(now).toISOString().slice(0, 19)}Z`;
    api.status = api.spec?.service
      ? {}
      : { conditions: [{ type: 'Available', status: 'True', lastTransitionTime, reason: 'Local', message: 'Local APIServices are always available' }] };
  },
  validate,
});
