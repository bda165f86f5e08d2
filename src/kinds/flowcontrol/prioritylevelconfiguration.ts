import { defineKind, type Column, type FieldError, type Kind } from '#machinery';
import type { V1LimitedPriorityLevelConfiguration, V1PriorityLevelConfiguration, V1QueuingConfiguration } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, nonNegative, required, unsupported } from '../support/errors.ts';
import { defaultPriorityLevels, mandatoryFlowControl } from './defaults.ts';
import { validateConditionTypes, validateFixed } from './fixed.ts';

/** What nobody may change; the exempt level is not among them: how much it lends is the cluster's affair. */
const fixedLevels = new Map(
  defaultPriorityLevels
    .filter(({ metadata, spec }) => mandatoryFlowControl.has(metadata!.name!) && spec?.limited)
    .map((one) => [one.metadata!.name!, one.spec]),
);
const maxQueues = 10_000_000;
/** Bits of the hash from which a hand of queues is dealt (shufflesharding). */
const maxEntropyBits = 60;

function entropyBits(deck: number, hand: number): number {
  let ways = 1;
  for (let i = 0; i < hand; i++) ways *= deck - i;
  return Math.log2(ways);
}

function validateQueuing(at: string, { queues = 0, handSize = 0, queueLengthLimit = 0 }: V1QueuingConfiguration): FieldError[] {
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0) errors.push(invalidValue(`${at}.queueLengthLimit`, queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalidValue(`${at}.queues`, queues, 'must be positive'));
  else if (queues > maxQueues) errors.push(invalidValue(`${at}.queues`, queues, `must not be greater than ${maxQueues}`));
  if (handSize <= 0) errors.push(invalidValue(`${at}.handSize`, handSize, 'must be positive'));
  else if (handSize > queues) errors.push(invalidValue(`${at}.handSize`, handSize, `should not be greater than queues (${queues})`));
  else if (entropyBits(queues, handSize) > maxEntropyBits)
    errors.push(
      invalidValue(
        `${at}.handSize`,
        handSize,
        `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${maxEntropyBits}`,
      ),
    );
  return errors;
}

const percent = (field: string, value: number | undefined): FieldError[] =>
  value !== undefined && (value < 0 || value > 100) ? [invalidValue(field, value, 'must be between 0 and 100, inclusive')] : [];
const count = (field: string, value: number | undefined, text: string): FieldError[] =>
  value !== undefined && value < 0 ? [invalidValue(field, value, text)] : [];

function validateLimited(at: string, limited: V1LimitedPriorityLevelConfiguration): FieldError[] {
  const { type, queuing } = limited.limitResponse ?? { type: '' };
  const errors = [
    ...count(`${at}.nominalConcurrencyShares`, limited.nominalConcurrencyShares, 'must be a non-negative integer'),
    ...percent(`${at}.lendablePercent`, limited.lendablePercent),
    ...count(`${at}.borrowingLimitPercent`, limited.borrowingLimitPercent, 'if specified, must be a non-negative integer'),
  ];
  const response = `${at}.limitResponse`;
  if (type === 'Queue')
    errors.push(
      ...(queuing
        ? validateQueuing(`${response}.queuing`, queuing)
        : [required(`${response}.queuing`, 'must not be empty if limited.limitResponse.type is Limited')]),
    );
  else if (type === 'Reject') errors.push(...(queuing ? [forbidden(`${response}.queuing`, 'must be nil if limited.limitResponse.type is not Limited')] : []));
  else errors.push(unsupported(`${response}.type`, type, ['Queue', 'Reject']));
  return errors;
}

function validate({ metadata, spec }: V1PriorityLevelConfiguration): FieldError[] {
  const type = spec?.type ?? '';
  const errors: FieldError[] = [];
  if (type !== 'Exempt' && type !== 'Limited') return [unsupported('spec.type', type, ['Exempt', 'Limited'])];
  if ((type === 'Exempt') !== (metadata?.name === 'exempt'))
    errors.push(invalidValue('spec.type', type, "type must be 'Exempt' if and only if `name` is 'exempt'"));
  if (type === 'Exempt') {
    if (spec?.limited) errors.push(forbidden('spec.limited', 'must be nil if the type is not Limited'));
    errors.push(
      ...nonNegative('spec.exempt.nominalConcurrencyShares', spec?.exempt?.nominalConcurrencyShares),
      ...percent('spec.exempt.lendablePercent', spec?.exempt?.lendablePercent),
    );
    return errors;
  }
  if (spec?.exempt) errors.push(forbidden('spec.exempt', 'must be nil if the type is Limited'));
  errors.push(...(spec?.limited ? validateLimited('spec.limited', spec.limited) : [required('spec.limited', 'must not be empty when type is Limited')]));
  return [...errors, ...validateFixed(metadata?.name, spec, fixedLevels)];
}

function defaults({ spec }: V1PriorityLevelConfiguration): void {
  if (spec?.type === 'Exempt') {
    const exempt = (spec.exempt ??= {});
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (!spec?.limited) return;
  spec.limited.nominalConcurrencyShares ??= 30;
  spec.limited.lendablePercent ??= 0;
  const response = spec.limited.limitResponse;
  const queuing = response?.type === 'Queue' ? (response.queuing ??= {}) : response?.queuing;
  if (!queuing) return;
  queuing.handSize ??= 8;
  queuing.queues ??= 64;
  queuing.queueLengthLimit ??= 50;
}

const queuingCell = (name: string, field: keyof V1QueuingConfiguration, description: string): Column<V1PriorityLevelConfiguration> =>
  column(name, 'string', description, ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.[field] ?? '<none>'));

export const PriorityLevelConfiguration: Kind<V1PriorityLevelConfiguration> = defineKind<V1PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  schema: 'V1PriorityLevelConfiguration',
  unconditionalUpdate: false,
  status: true,
  columns: [
    nameColumn,
    column('Type', 'string', 'type indicates whether this priority level is subject to limitation on request execution.', ({ spec }) => spec?.type),
    column('NominalConcurrencyShares', 'string', 'nominalConcurrencyShares contributes to the computation of the nominal concurrency limit.', ({ spec }) =>
      String(spec?.limited?.nominalConcurrencyShares ?? spec?.exempt?.nominalConcurrencyShares ?? '<none>'),
    ),
    queuingCell('Queues', 'queues', 'queues is the number of queues for this priority level.'),
    queuingCell('HandSize', 'handSize', 'handSize is a small positive number that configures the shuffle sharding of requests into queues.'),
    queuingCell('QueueLengthLimit', 'queueLengthLimit', 'queueLengthLimit is the maximum number of requests allowed to be waiting in a given queue.'),
    ageColumn,
  ],
  defaults,
  prepareCreate(level) {
    level.status = {};
  },
  validate,
  validateStatus: ({ status }) => validateConditionTypes(status?.conditions),
});
