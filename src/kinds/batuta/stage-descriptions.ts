import type { TypeDescriptions } from '#machinery';

const of = (name: string, description: string, fields: { [field: string]: string } = {}): TypeDescriptions[string] => ({
  name: `io.x-k8s.kwok.v1alpha1.${name}`,
  description,
  fields,
});

/** What `kubectl explain` says of Stages. */
export const stageDescriptions: TypeDescriptions = {
  KwokStage: of('Stage', 'Stage says what becomes of Pods or Nodes of simulated machines that are in a certain state, after a while.', {
    spec: 'Which objects, when, and what becomes of them.',
    status: 'Whether the stage is understood.',
  }),
  KwokStageSpec: of('StageSpec', 'StageSpec is the behaviour of the objects that match.', {
    resourceRef: 'The kind of the objects: Pod or Node of v1.',
    selector: 'Which of them.',
    weight: 'Of several stages that match one is drawn, in proportion to the weights.',
    weightFrom: 'The weight, from a field of the object.',
    delay: 'How long an object matches before the stage is played.',
    next: 'What becomes of the object.',
    immediateNextStage: 'Accepted; what matches next is always looked for at once.',
  }),
  KwokStageResourceRef: of('StageResourceRef', 'StageResourceRef names a kind.', { apiGroup: 'Group and version. Default: v1.', kind: 'The kind.' }),
  KwokStageSelector: of('StageSelector', 'StageSelector selects objects that meet all of it.', {
    matchLabels: 'Labels that the object has.',
    matchAnnotations: 'Annotations that the object has.',
    matchExpressions: 'Requirements on fields of the object.',
  }),
  KwokStageRequirement: of('SelectorRequirement', 'SelectorRequirement is about what a path finds in the object.', {
    key: 'A path as jq writes it, such as .status.phase.',
    operator: 'In, NotIn, Exists or DoesNotExist.',
    values: 'For In and NotIn.',
  }),
  KwokStageExpression: of('ExpressionFromSource', 'ExpressionFromSource takes a value from the object.', { expressionFrom: 'A path as jq writes it.' }),
  KwokStageDelay: of('StageDelay', 'StageDelay is a time between the duration and, where that is longer, the jitter.', {
    durationMilliseconds: 'The least time.',
    durationFrom: 'The least time, from a field: a duration, or a time of day.',
    jitterDurationMilliseconds: 'The longest time.',
    jitterDurationFrom: 'The longest time, from a field.',
  }),
  KwokStageNext: of('StageNext', 'StageNext is what becomes of the object.', {
    event: 'An event about it.',
    finalizers: 'Its finalizers.',
    delete: 'Whether it is deleted, without a grace period.',
    patches: 'Patches of it.',
    statusTemplate: 'A Go template of the fields of its status that change.',
    statusSubresource: 'The subresource of statusTemplate. Default: status.',
    statusPatchAs: 'Not supported.',
  }),
  KwokStageEvent: of('StageEvent', 'StageEvent is an event.', { type: 'Normal or Warning.', reason: 'Its reason.', message: 'Its message.' }),
  KwokStageFinalizers: of('StageFinalizers', 'StageFinalizers changes finalizers.', { add: 'To be added.', remove: 'To be removed.', empty: 'Removes all.' }),
  KwokStageFinalizer: of('FinalizerItem', 'FinalizerItem is a finalizer.', { value: 'Its name.' }),
  KwokStagePatch: of('StagePatch', 'StagePatch is a patch of the object.', {
    subresource: 'Empty, or status.',
    root: 'The field that the template gives.',
    template: 'A Go template of YAML.',
    type: 'merge (the default), strategic or json.',
    impersonation: 'Not supported.',
  }),
  KwokStageUser: of('ImpersonationConfig', 'ImpersonationConfig names a user.', { username: 'The user.' }),
  KwokStageStatus: of('StageStatus', 'StageStatus says whether the stage is understood.', { conditions: 'Understood, and why not.' }),
  KwokStageCondition: of('Condition', 'Condition of a stage.'),
};
