import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject } from '#machinery';
import { CronJob, Job, parseCron, type CronSchedule, type V1CronJob, type V1CronJobSpec, type V1Job, type V1JobSpec, type V1JobStatus } from '#kinds';
import { firstOverlap, parseIndexes } from '../support/indexes.ts';

const now = Date.parse('2026-01-03T01:00:00Z');
const pod = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1' }] };
function job(spec: Partial<V1JobSpec> = {}, name = 'j'): V1Job {
  const object: V1Job = { metadata: { name, namespace: 'default', uid: 'u1' }, spec: { template: { spec: cloneObject(pod) }, ...spec } };
  Job.defaults!(object);
  Job.prepareCreate!(object, { now });
  Job.defaults!(object);
  return object;
}
const lines = (errors: readonly { field: string; message: string }[]): string[] => errors.map((e) => `${e.field}: ${e.message}`);
const texts = (object: V1Job, old?: V1Job): string[] => lines(Job.validate!(object, old));

const generated = {
  'job-name': 'j',
  'batch.kubernetes.io/job-name': 'j',
  'controller-uid': 'u1',
  'batch.kubernetes.io/controller-uid': 'u1',
};

test('defaults and generated labels of a job', () => {
  const { metadata, spec, status } = job();
  const { template, ...rest } = spec!;
  assert.deepEqual(rest, {
    completions: 1,
    parallelism: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: 'TerminatingOrFailed',
    selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
  });
  assert.deepEqual(template.metadata!.labels, generated);
  // The job itself is labelled as its pods are, where it has no labels of its own.
  assert.deepEqual(metadata!.labels, generated);
  assert.deepEqual(status, {});
  assert.deepEqual(texts(job()), []);
  assert.deepEqual(job({ parallelism: 3 }).spec!.completions, undefined);
  assert.equal(job({ backoffLimitPerIndex: 1, completionMode: 'Indexed', completions: 2 }).spec!.backoffLimit, 2147483647);
});

test('findings on a job', () => {
  const indexed = { completionMode: 'Indexed', completions: 5 };
  const rule = { action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } };
  const cases: [Partial<V1JobSpec>, string[]][] = [
    [{ parallelism: -1 }, ['spec.parallelism: Invalid value: -1: must be greater than or equal to 0']],
    [{ completionMode: 'X' }, ['spec.completionMode: Unsupported value: "X": supported values: "NonIndexed", "Indexed"']],
    [{ completionMode: 'Indexed', parallelism: 2 }, ['spec.completions: Required value: when completion mode is Indexed']],
    [{ backoffLimitPerIndex: 1 }, ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode']],
    [{ ...indexed, maxFailedIndexes: 1 }, ['spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified']],
    [{ ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 6 }, ['spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions']],
    [{ managedBy: 'me' }, ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")']],
    [{ template: { spec: { ...pod, restartPolicy: 'Always' } } }, ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"']],
    [
      { podFailurePolicy: { rules: [rule] }, template: { spec: { ...pod, restartPolicy: 'OnFailure' } } },
      ['spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'],
    ],
    [
      { podFailurePolicy: { rules: [{ ...rule, action: 'X' }] } },
      ['spec.podFailurePolicy.rules[0].action: Unsupported value: "X": supported values: "Count", "FailIndex", "FailJob", "Ignore"'],
    ],
    [
      { podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [0] } }] } },
      [
        'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
        'spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      ],
    ],
    [
      { podFailurePolicy: { rules: [{ action: 'Count' }] } },
      ['spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required'],
    ],
    [
      { podFailurePolicy: { rules: [rule] }, podReplacementPolicy: 'TerminatingOrFailed' },
      ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
    ],
    [
      { successPolicy: { rules: [{ succeededCount: 1 }] } },
      ['spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode'],
    ],
    [
      { ...indexed, successPolicy: { rules: [] } },
      ['spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified'],
    ],
    [
      { ...indexed, successPolicy: { rules: [{ succeededCount: 3, succeededIndexes: '1-2' }] } },
      [
        'spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
      ],
    ],
    [
      { ...indexed, successPolicy: { rules: [{ succeededIndexes: '9' }] } },
      ['spec.successPolicy.rules[0].succeededIndexes: Invalid value: "9": error parsing succeededIndexes: too large index: "9"'],
    ],
  ];
  for (const [spec, expected] of cases) assert.deepEqual(texts(job(spec)), expected);
  const long = 'x'.repeat(62);
  assert.deepEqual(texts(job(indexed, long)), [`metadata.name: Invalid value: "${long}": will not able to create pod with invalid DNS label: ${long}-4`]);
});

test('a selector of one’s own is refused, unless it is meant', () => {
  const own = { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: cloneObject(pod) } };
  assert.deepEqual(texts(job(own)), [
    'spec.selector: Invalid value: {"matchLabels":{"batch.kubernetes.io/controller-uid":"u1","a":"b"}}: `selector` not auto-generated',
  ]);
  assert.deepEqual(texts(job({ ...own, manualSelector: true })), []);
  const stolen = { template: { metadata: { labels: { 'controller-uid': 'other' } }, spec: cloneObject(pod) } };
  assert.match(texts(job(stolen))[0]!, /^spec.template.metadata.labels: Invalid value: .*: must be 'u1'$/);
});

test('what may change in a job', () => {
  const update = (before: Partial<V1JobSpec>, change: (spec: V1JobSpec) => void, status: V1JobStatus = {}): string[] => {
    const old = { ...job(before), status };
    const changed = cloneObject(old);
    change(changed.spec!);
    return texts(changed, old).map((text) => text.replace(/Invalid value: \{.*\}: /, ''));
  };
  const image = (spec: V1JobSpec): void => void (spec.template.spec!.containers[0]!.image = 'other:1');
  assert.deepEqual(
    update({}, (spec) => Object.assign(spec, { parallelism: 2, suspend: true, backoffLimit: 1, activeDeadlineSeconds: 5 })),
    [],
  );
  assert.deepEqual(update({}, image), ['spec.template: field is immutable']);
  assert.deepEqual(update({ suspend: true }, image), ['spec.template: field is immutable']);
  const place = (spec: V1JobSpec): void => void (spec.template.spec!.nodeSelector = { zone: 'a' });
  assert.deepEqual(update({ suspend: true }, place), []);
  assert.deepEqual(update({}, place), ['spec.template: field is immutable']);
  const size = (spec: V1JobSpec): void => void (spec.template.spec!.containers[0]!.resources = { requests: { cpu: '2' } });
  assert.deepEqual(update({ suspend: true }, size), []);
  assert.deepEqual(update({}, size), ['spec.template: field is immutable']);
  const rename = (spec: V1JobSpec): void => void Object.assign(spec.template.spec!.containers[0]!, { name: 'other', resources: { requests: { cpu: '2' } } });
  assert.deepEqual(update({ suspend: true }, rename), ['spec.template: field is immutable']);
  assert.deepEqual(update({ suspend: true }, place, { startTime: '2026-01-01T00:00:00Z' }), ['spec.template: field is immutable']);
  assert.deepEqual(
    update({}, (spec) => (spec.completions = 2)),
    ['spec.completions: Invalid value: 2: field is immutable'],
  );
  const elastic = { completionMode: 'Indexed', completions: 2, parallelism: 2 };
  assert.deepEqual(
    update(elastic, (spec) => Object.assign(spec, { completions: 3, parallelism: 3 })),
    [],
  );
  assert.deepEqual(
    update(elastic, (spec) => (spec.completions = 3)),
    ['spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism'],
  );
});

const condition = (type: string): { type: string; status: string } => ({ type, status: 'True' });
test('what the status of a job may say', () => {
  const base = job();
  const status = (next: V1JobStatus, before: V1JobStatus = {}, spec: Partial<V1JobSpec> = {}): string[] =>
    lines(Job.validateStatus!({ ...base, spec: { ...base.spec!, ...spec }, status: next }, { ...base, status: before }));
  const start = '2026-01-01T00:00:00Z';
  const done = { startTime: start, completionTime: '2026-01-01T00:01:00Z', conditions: [condition('SuccessCriteriaMet'), condition('Complete')], succeeded: 1 };
  assert.deepEqual(status(done), []);
  assert.deepEqual(status({ ...done, active: 1 }), ['status.active: Invalid value: 1: active>0 is invalid for finished job']);
  assert.deepEqual(status({ startTime: start, conditions: [condition('Failed')] }), [
    'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
  ]);
  assert.deepEqual(status({ startTime: start }, done), [
    'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
    'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
    'status.succeeded: Invalid value: 0: cannot decrease the succeeded counter',
  ]);
  assert.deepEqual(status({}, { startTime: start }), ['status.startTime: Required value: startTime cannot be removed for unsuspended job']);
  const resumed = { startTime: '2026-01-01T00:09:00Z', conditions: [{ type: 'Suspended', status: 'False' }] };
  assert.deepEqual(status(resumed, { startTime: start, conditions: [condition('Suspended')] }), [], 'a resumed job starts anew');
  assert.equal(status(resumed, { startTime: start, conditions: [{ type: 'Suspended', status: 'False' }] }).length, 1);
  const { startTime: _start, ...never } = done;
  assert.deepEqual(status(never), ['status.startTime: Required value: startTime is required for finished job']);
  assert.deepEqual(status(never, {}, { suspend: true, completions: 0 }), []);
  assert.deepEqual(status({ ready: 2, active: 1 }), ['status.ready: Invalid value: 2: cannot set more ready pods than active']);
  const indexed = { completionMode: 'Indexed', completions: 5, backoffLimitPerIndex: 1 };
  assert.deepEqual(status({ completedIndexes: '0-2', failedIndexes: '2' }, {}, indexed), [
    'status.failedIndexes: Invalid value: "2": failedIndexes and completedIndexes overlap at index: 2',
  ]);
  assert.deepEqual(status({ completedIndexes: '1' }), [
    'status.completedIndexes: Invalid value: "1": cannot set non-empty completedIndexes when non-indexed completion mode',
    'status.completedIndexes: Invalid value: "1": error parsing completedIndexes: too large index: "1"',
  ]);
  assert.deepEqual(status({ uncountedTerminatedPods: { succeeded: ['a'], failed: ['a', ''] } }), [
    'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
    'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
  ]);
});

test('columns of a job', () => {
  const show = (status: V1JobStatus, spec: Partial<V1JobSpec> = {}): unknown[] =>
    Job.columns.map((column) => column.value({ ...job(spec), status } as never, now)).slice(1, 4);
  assert.deepEqual(show({}), ['Running', '0/1', '']);
  assert.deepEqual(show({ startTime: '2026-01-03T00:59:00Z', conditions: [condition('Suspended')] }), ['Suspended', '0/1', '60s']);
  assert.deepEqual(show({ startTime: '2026-01-03T00:00:00Z', completionTime: '2026-01-03T00:00:07Z', succeeded: 1, conditions: [condition('Complete')] }), [
    'Complete',
    '1/1',
    '7s',
  ]);
  assert.deepEqual(show({}, { parallelism: 3 }), ['Running', '0/1 of 3', '']);
});

function cronJob(spec: Partial<V1CronJobSpec> = {}, name = 'c'): V1CronJob {
  const object: V1CronJob = {
    metadata: { name, namespace: 'default' },
    spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template: { spec: cloneObject(pod) } } }, ...spec },
  };
  CronJob.defaults!(object);
  return object;
}

test('cron jobs: defaults, findings, columns', () => {
  const { jobTemplate, ...spec } = cronJob().spec!;
  assert.deepEqual(spec, { schedule: '*/5 * * * *', concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
  // Jobs get their defaults when they are made.
  assert.equal(jobTemplate.spec!.completions, undefined);
  const findings = (change: Partial<V1CronJobSpec>, name?: string, old?: V1CronJob): string[] => lines(CronJob.validate!(cronJob(change, name), old));
  assert.deepEqual(findings({}), []);
  assert.deepEqual(findings({ schedule: '' }), ['spec.schedule: Required value']);
  assert.deepEqual(findings({ schedule: '* * *' }), ['spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]']);
  assert.deepEqual(findings({ schedule: 'TZ=UTC 0 * * * *' }), [
    'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
  ]);
  assert.deepEqual(findings({ timeZone: 'Mars/Base' }), ['spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base']);
  assert.deepEqual(findings({ timeZone: 'Europe/Madrid' }), []);
  assert.deepEqual(findings({ concurrencyPolicy: 'X' }), ['spec.concurrencyPolicy: Unsupported value: "X": supported values: "Allow", "Forbid", "Replace"']);
  const long = 'c'.repeat(53);
  assert.deepEqual(findings({}, long), [`metadata.name: Invalid value: "${long}": must be no more than 52 characters`]);
  assert.deepEqual(findings({}, long, cronJob({}, long)), []);
  assert.deepEqual(findings({ jobTemplate: { spec: { template: { spec: pod }, selector: {} } } }), [
    'spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated',
  ]);
  const shown: V1CronJob = { ...cronJob(), status: { active: [{}], lastScheduleTime: '2026-01-03T00:59:00Z' } };
  assert.deepEqual(
    CronJob.columns.map((column) => column.value(shown, now)),
    ['c', '*/5 * * * *', '<none>', 'False', 1, '60s', '<unknown>', 'c', 'busybox:1', '<none>'],
  );
});

test('cron schedules', () => {
  const parsed = (text: string): CronSchedule => parseCron(text) as CronSchedule;
  assert.deepEqual([...parsed('0-10/5,30 1 * jan-mar mon').minutes], [0, 5, 10, 30]);
  assert.deepEqual([...parsed('5 1 * jan-mar mon').months], [1, 2, 3]);
  assert.deepEqual([...parsed('5 1 * * mon').daysOfWeek], [1]);
  assert.deepEqual([...parsed('50/5 * * * *').minutes], [50, 55]);
  assert.deepEqual([parsed('* * ? * 1').anyDayOfMonth, parsed('* * ? * 1').anyDayOfWeek], [true, false]);
  assert.deepEqual(parsed('@hourly'), parsed('0 * * * *'));
  assert.deepEqual(parseCron('@every 1h30m'), { everySeconds: 5400 });
  const refused: [string, RegExp][] = [
    ['', /^empty spec string$/],
    ['60 * * * *', /^end of range \(60\) above maximum \(59\): 60$/],
    ['* * 0 * *', /^beginning of range \(0\) below minimum \(1\): 0$/],
    ['5-1 * * * *', /^beginning of range \(5\) beyond end of range \(1\): 5-1$/],
    ['*/0 * * * *', /^step of range should be a positive number: \*\/0$/],
    ['1-2-3 * * * *', /^too many hyphens: 1-2-3$/],
    ['1/2/3 * * * *', /^too many slashes: 1\/2\/3$/],
    ['a * * * *', /^failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax$/],
    ['@often', /^unrecognized descriptor: @often$/],
    ['@every soon', /^failed to parse duration @every soon: time: invalid duration "soon"$/],
  ];
  for (const [text, message] of refused) assert.throws(() => parseCron(text), { message });
});

test('index lists', () => {
  assert.deepEqual(parseIndexes('1,3-5', 6), [
    [1, 1],
    [3, 5],
  ]);
  for (const [text, message] of [
    ['1,1', 'non-increasing order, previous: 1, current: 1'],
    ['3-3', 'non-increasing order, previous: 3, current: 3'],
    ['6', 'too large index: "6"'],
    ['x', 'cannot convert string to integer for index: "x"'],
  ] as const)
    assert.throws(() => parseIndexes(text, 6), { message });
  assert.equal(
    firstOverlap(
      [
        [0, 1],
        [4, 9],
      ],
      [
        [2, 3],
        [8, 8],
      ],
    ),
    8,
  );
  assert.equal(firstOverlap([[0, 1]], [[2, 3]]), undefined);
});
