import { defineKind, type CompactTypes, type FieldError, type Kind, type KubeObject } from '#machinery';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, nonNegative, oneOf, required } from '../support/errors.ts';

export interface StageExpression {
  expressionFrom?: string;
}
export interface StageSelector {
  matchLabels?: { [name: string]: string };
  matchAnnotations?: { [name: string]: string };
  matchExpressions?: { key?: string; operator?: string; values?: string[] }[];
}
export interface StageDelay {
  durationMilliseconds?: number;
  durationFrom?: StageExpression;
  jitterDurationMilliseconds?: number;
  jitterDurationFrom?: StageExpression;
}
export interface StagePatch {
  subresource?: string;
  root?: string;
  template?: string;
  type?: string;
  impersonation?: { username?: string };
}
export interface StageNext {
  event?: { type?: string; reason?: string; message?: string };
  finalizers?: { add?: { value?: string }[]; remove?: { value?: string }[]; empty?: boolean };
  delete?: boolean;
  patches?: StagePatch[];
  statusTemplate?: string;
  statusSubresource?: string;
  statusPatchAs?: { username?: string };
}
/** kwok's Stage: what becomes of objects that are in a certain state, after a while. */
export interface Stage extends KubeObject {
  spec?: {
    resourceRef?: { apiGroup?: string; kind?: string };
    selector?: StageSelector;
    weight?: number;
    weightFrom?: StageExpression;
    delay?: StageDelay;
    next?: StageNext;
    immediateNextStage?: boolean;
  };
  status?: { conditions?: { type?: string; status?: string; reason?: string; message?: string; lastTransitionTime?: string }[] };
}

export const stageTypes: CompactTypes = {
  KwokStage: { apiVersion: 's', kind: 's', metadata: 'V1ObjectMeta', spec: 'KwokStageSpec', status: 'KwokStageStatus' },
  KwokStageSpec: {
    resourceRef: 'KwokStageResourceRef',
    selector: 'KwokStageSelector',
    weight: 'i',
    weightFrom: 'KwokStageExpression',
    delay: 'KwokStageDelay',
    next: 'KwokStageNext',
    immediateNextStage: 'b',
  },
  KwokStageResourceRef: { apiGroup: 's', kind: 's' },
  KwokStageSelector: { matchLabels: 's{}', matchAnnotations: 's{}', matchExpressions: 'KwokStageRequirement[]' },
  KwokStageRequirement: { key: 's', operator: 's', values: 's[]' },
  KwokStageExpression: { expressionFrom: 's' },
  KwokStageDelay: {
    durationMilliseconds: 'l',
    durationFrom: 'KwokStageExpression',
    jitterDurationMilliseconds: 'l',
    jitterDurationFrom: 'KwokStageExpression',
  },
  KwokStageNext: {
    event: 'KwokStageEvent',
    finalizers: 'KwokStageFinalizers',
    delete: 'b',
    patches: 'KwokStagePatch[]',
    statusTemplate: 's',
    statusSubresource: 's',
    statusPatchAs: 'KwokStageUser',
  },
  KwokStageEvent: { type: 's', reason: 's', message: 's' },
  KwokStageFinalizers: { add: 'KwokStageFinalizer[]', remove: 'KwokStageFinalizer[]', empty: 'b' },
  KwokStageFinalizer: { value: 's' },
  KwokStagePatch: { subresource: 's', root: 's', template: 's', type: 's', impersonation: 'KwokStageUser' },
  KwokStageUser: { username: 's' },
  KwokStageStatus: { conditions: 'KwokStageCondition[]' },
  KwokStageCondition: { type: 's', status: 's', reason: 's', message: 's', lastTransitionTime: 't' },
};

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'];
function validateSelector(selector: StageSelector): FieldError[] {
  return (selector.matchExpressions ?? []).flatMap(({ key, operator, values = [] }, i) => {
    const at = `spec.selector.matchExpressions[${i}]`;
    const errors = [...(key ? [] : [required(`${at}.key`, '')]), ...oneOf(`${at}.operator`, operator, operators)];
    const needs = operator === 'In' || operator === 'NotIn';
    if (needs && values.length === 0) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    if (!needs && values.length > 0) errors.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    return errors;
  });
}

export const Stage: Kind<Stage> = defineKind<Stage>({
  group: 'kwok.x-k8s.io',
  version: 'v1alpha1',
  kind: 'Stage',
  plural: 'stages',
  namespaced: false,
  schema: 'KwokStage',
  nameRule: 'dns-subdomain',
  status: true,
  columns: [
    nameColumn,
    column('Kind', 'string', 'What it is about.', ({ spec }) => spec?.resourceRef?.kind ?? ''),
    column('Understood', 'string', 'Whether it is played here.', ({ status }) => status?.conditions?.find((c) => c.type === 'Understood')?.status ?? ''),
    ageColumn,
  ],
  defaults(stage) {
    const ref = stage.spec?.resourceRef;
    if (ref) ref.apiGroup ??= 'v1';
  },
  prepareCreate(stage) {
    delete stage.status;
  },
  validate({ spec = {} }) {
    const { resourceRef, selector, weight, delay } = spec;
    return [
      ...(resourceRef?.kind ? [] : [required('spec.resourceRef.kind', '')]),
      ...(selector ? validateSelector(selector) : []),
      ...nonNegative('spec.weight', weight),
      ...nonNegative('spec.delay.durationMilliseconds', delay?.durationMilliseconds),
      ...nonNegative('spec.delay.jitterDurationMilliseconds', delay?.jitterDurationMilliseconds),
    ];
  },
});
