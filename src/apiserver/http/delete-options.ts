import { badRequest, type DeleteOptions, type FieldError } from '#machinery';
import { plainObject, type Body } from './decoding.ts';
import { booleanParameter, numberParameter } from './negotiate.ts';
import { checkDryRun, refused } from './write-options.ts';

interface Given {
  gracePeriodSeconds?: unknown;
  propagationPolicy?: unknown;
  orphanDependents?: unknown;
  preconditions?: unknown;
  dryRun?: unknown;
}
const policies: readonly unknown[] = ['Orphan', 'Background', 'Foreground'];

/** metav1.DeleteOptions from the body, or from the query where the body says nothing. Throws BadRequest, Invalid. */
export function deleteOptions(query: URLSearchParams, body: Body | undefined): DeleteOptions {
  const given: Given = body ? (plainObject(body) as Given) : {};
  const grace = given.gracePeriodSeconds ?? numberParameter(query, 'gracePeriodSeconds');
  const orphan = given.orphanDependents ?? booleanParameter(query, 'orphanDependents');
  const policy = (given.propagationPolicy ?? query.get('propagationPolicy')) || undefined;
  const dryRun = given.dryRun ?? [];
  if (grace !== undefined && (typeof grace !== 'number' || !Number.isSafeInteger(grace))) throw wrongType(grace, 'gracePeriodSeconds', 'int64');
  if (orphan !== undefined && typeof orphan !== 'boolean') throw wrongType(orphan, 'orphanDependents', 'bool');
  if (policy !== undefined && typeof policy !== 'string') throw wrongType(policy, 'propagationPolicy', 'v1.DeletionPropagation');
  if (!Array.isArray(dryRun)) throw wrongType(dryRun, 'dryRun', '[]string');
  checkOptions(policy, orphan, dryRun);
  const chosen = policy ?? (orphan === undefined ? undefined : orphan ? 'Orphan' : 'Background');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(chosen ? { propagationPolicy: chosen as NonNullable<DeleteOptions['propagationPolicy']> } : {}),
    ...preconditionsOf(given.preconditions),
    ...(dryRun.length > 0 ? { dryRun: true } : {}),
  };
}

function checkOptions(policy: string | undefined, orphan: boolean | undefined, dryRun: readonly unknown[]): void {
  const errors: FieldError[] = [];
  const invalidPolicy = (message: string): void =>
    void errors.push({ field: 'propagationPolicy', reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(policy)}: ${message}` });
  if (policy !== undefined && orphan !== undefined) invalidPolicy('orphanDependents and deletionPropagation cannot be both set');
  if (policy !== undefined && !policies.includes(policy))
    errors.push({
      field: 'propagationPolicy',
      reason: 'FieldValueNotSupported',
      message: `Unsupported value: ${JSON.stringify(policy)}: supported values: "Foreground", "Background", "Orphan", "nil"`,
    });
  checkDryRun(dryRun, errors);
  if (errors.length > 0) throw refused('DeleteOptions', errors);
}

function preconditionsOf(value: unknown): Pick<DeleteOptions, 'preconditions'> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, 'preconditions', 'v1.Preconditions');
  const { uid, resourceVersion } = value as { uid?: unknown; resourceVersion?: unknown };
  for (const [name, text] of Object.entries({ uid, resourceVersion }))
    if (text !== undefined && text !== null && typeof text !== 'string') throw wrongType(text, `preconditions.${name}`, 'string');
  return { preconditions: { ...(typeof uid === 'string' ? { uid } : {}), ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}) } };
}
function wrongType(value: unknown, field: string, type: string): Error {
  const given = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return badRequest(`json: cannot unmarshal ${given} into Go struct field DeleteOptions.${field} of type ${type}`);
}
