import { defineKind, humanDuration, type FieldError, type Kind } from '#machinery';
import type { V1CertificateSigningRequest, V1CertificateSigningRequestCondition } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, forbidden, invalidValue, oneOf, required, sameJson, unsupported } from '../support/errors.ts';
import { checked, dnsSubdomain } from '../support/names.ts';

const usages = new Set(
  `signing,digital signature,content commitment,key encipherment,key agreement,data encipherment,cert sign,crl sign,encipher only,decipher only,any,server auth,client auth,code signing,email protection,s/mime,ipsec end system,ipsec tunnel,ipsec user,timestamping,ocsp signing,microsoft sgc,netscape sgc`.split(
    ',',
  ),
);

function validateRequest(base64: string | undefined): FieldError[] {
  if (!base64) return [required('spec.request')];
  const pem = Buffer.from(base64, 'base64').toString('latin1');
  const block = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/.exec(pem);
  if (block?.[1] === 'CERTIFICATE REQUEST') return [];
  return [invalidValue('spec.request', base64, 'PEM block type must be CERTIFICATE REQUEST')];
}

/** `example.com/signer-name`: a domain of at least two labels, and a path. */
function validateSigner(name: string | undefined): FieldError[] {
  const field = 'spec.signerName';
  if (!name) return [required(field)];
  const [domain = '', ...path] = name.split('/');
  if (path.length === 0) return [invalidValue(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")];
  if (path.length > 1 || path[0] === '')
    return [
      invalidValue(
        field,
        name,
        path[0] === '' ? 'signer name must not be empty' : "must be a fully qualified domain and path of the form 'example.com/signer-name'",
      ),
    ];
  const errors = checked(field, domain, dnsSubdomain);
  if (errors.length === 0 && !domain.includes('.')) errors.push(invalidValue(field, domain, 'should be a domain with at least two segments separated by dots'));
  return [...errors, ...checked(field, path[0]!, dnsSubdomain)];
}

function validateUsages(given: string[] | undefined): FieldError[] {
  if (!given?.length) return [required('spec.usages')];
  return given.flatMap((usage, i) => {
    const field = `spec.usages[${i}]`;
    if (!usages.has(usage)) return [unsupported(field, usage, [...usages])];
    return given.indexOf(usage) < i ? [duplicate(field, usage)] : [];
  });
}

/** What v1beta1 filled in where nobody named a signer. */
const legacySigner = 'kubernetes.io/legacy-unknown';
const decisions = ['Approved', 'Denied', 'Failed'];

/** Conditions may be added, one of each type; a request is approved or denied, never both, and for good. */
export function validateConditions(conditions: V1CertificateSigningRequestCondition[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, i) => {
    const at = `status.conditions[${i}]`;
    const errors: FieldError[] = condition.type ? [] : [required(`${at}.type`)];
    errors.push(...oneOf(`${at}.status`, condition.status, decisions.includes(condition.type) ? ['True'] : ['False', 'True', 'Unknown']));
    if ((condition.type === 'Denied' && seen.has('Approved')) || (condition.type === 'Approved' && seen.has('Denied')))
      errors.push(invalidValue('status.conditions', condition.type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(condition.type)) errors.push(duplicate(`${at}.type`, condition.type));
    seen.add(condition.type);
    return errors;
  });
}

/** Decisions are for the approval subresource. */
function decidesNothing(request: V1CertificateSigningRequest, old: V1CertificateSigningRequest): FieldError[] {
  return ['Approved', 'Denied'].flatMap((type) => {
    const find = (from: V1CertificateSigningRequest): unknown => from.status?.conditions?.find((condition) => condition.type === type);
    if (!find(request) || sameJson(find(request), find(old))) return [];
    const what = find(old) ? 'modify' : 'add';
    return [
      { field: 'status.conditions', reason: 'FieldValueForbidden', message: `Forbidden: updates may not ${what} a condition of type ${JSON.stringify(type)}` },
    ];
  });
}

/** PEM, and only certificates in it. */
function certificateProblem(base64: string): string | undefined {
  const blocks = [
    ...Buffer.from(base64, 'base64')
      .toString('latin1')
      .matchAll(/-----BEGIN ([^-]+)-----([^-]*)-----END \1-----/g),
  ];
  const other = blocks.find(([, type]) => type !== 'CERTIFICATE');
  if (other) return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(other[1])}`;
  if (blocks.some(([, , body]) => body!.includes(':'))) return 'no PEM block headers are permitted';
  return blocks.length === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}

/** The approval subresource decides, the status subresource brings the certificate; neither takes a decision back. */
export function validateStatus(request: V1CertificateSigningRequest, old: V1CertificateSigningRequest): FieldError[] {
  const errors = validateConditions(request.status?.conditions);
  for (const type of ['Approved', 'Denied', 'Failed']) {
    const find = (from: V1CertificateSigningRequest): unknown => from.status?.conditions?.find((condition) => condition.type === type);
    if (find(old) && !find(request)) errors.push(forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`));
  }
  const [now, before] = [request.status?.certificate, old.status?.certificate];
  if (before && !sameJson(now, before)) errors.push(forbidden('status.certificate', 'updates may not modify existing certificate content'));
  const wrong = now && now !== before ? certificateProblem(now) : undefined;
  return wrong === undefined ? errors : [...errors, invalidValue('status.certificate', '<certificate data>', wrong)];
}

function conditionText({ status }: V1CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) === true;
  const decided = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decided, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',');
}

/** Who asked (username, uid, groups, extra) is written by admission, from the request's user. */
export const CertificateSigningRequest: Kind<V1CertificateSigningRequest> = defineKind<V1CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  schema: 'V1CertificateSigningRequest',
  status: true,
  generation: false,
  aspects: {
    approval: {
      confine: (wanted, old) => ({ ...old, status: { ...old.status, ...(wanted.status?.conditions ? { conditions: wanted.status.conditions } : {}) } }),
      validate: validateStatus,
    },
  },
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', 'string', 'signerName indicates the requested signer.', ({ spec }) => spec?.signerName),
    column('Requestor', 'string', 'username contains the name of the user that created the CertificateSigningRequest.', ({ spec }) => spec?.username ?? ''),
    column('RequestedDuration', 'string', 'expirationSeconds is the requested duration of validity of the issued certificate.', ({ spec }) =>
      spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    ),
    column('Condition', 'string', 'conditions applied to the request.', conditionText),
  ],
  selectableFields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  prepareCreate(request) {
    request.status = {};
  },
  prepareUpdate(request, old) {
    request.spec = old.spec;
  },
  validate: ({ spec }, old) => [
    ...validateRequest(spec?.request),
    ...validateUsages(spec?.usages),
    ...(spec?.signerName === legacySigner && old?.spec?.signerName !== legacySigner
      ? [invalidValue('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version')]
      : validateSigner(spec?.signerName)),
    ...(spec?.expirationSeconds !== undefined && spec.expirationSeconds < 600
      ? [invalidValue('spec.expirationSeconds', spec.expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)')]
      : []),
  ],
  validateStatus: (request, old) => [...validateStatus(request, old), ...decidesNothing(request, old)],
});
