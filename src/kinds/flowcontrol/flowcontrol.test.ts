import assert from 'node:assert/strict';
import test from 'node:test';
import { type FieldError, renderTable } from '#machinery';
import { prepared, refused } from '../fixtures/objects.ts';
import { defaultFlowSchemas, defaultPriorityLevels } from './defaults.ts';
import { FlowSchema } from './flowschema.ts';
import { PriorityLevelConfiguration } from './prioritylevelconfiguration.ts';

test('schemas match something at a precedence of their own', () => {
  const schema = (spec: object): string[] => refused(FlowSchema, (object) => (object.spec = { priorityLevelConfiguration: { name: 'x' }, ...spec }));
  assert.deepEqual(schema({ matchingPrecedence: 1, distinguisherMethod: { type: 'ByMoon' }, priorityLevelConfiguration: { name: '' } }), [
    "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    'spec.distinguisherMethod.type: Unsupported value: "ByMoon": supported values: "ByNamespace", "ByUser"',
    'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
  ]);
  assert.deepEqual(schema({ matchingPrecedence: 0 }), ['spec.matchingPrecedence: Invalid value: 0: must be a positive value']);
  assert.deepEqual(schema({ matchingPrecedence: 10001 }), ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000']);
  assert.deepEqual(
    schema({
      rules: [
        {},
        {
          subjects: [{ kind: 'User' }, { kind: 'Robot' }, { kind: 'ServiceAccount', serviceAccount: { name: '*', namespace: '' }, user: { name: 'x' } }],
          resourceRules: [{ verbs: ['*', 'get'], apiGroups: [], resources: ['pods'] }],
          nonResourceRules: [{ verbs: ['peek'], nonResourceURLs: ['x'] }],
        },
      ],
    }),
    [
      'spec.rules[0].subjects: Required value: subjects must contain at least one value',
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
      "spec.rules[1].subjects[0].user: Required value: user is required when subject kind is 'User'",
      'spec.rules[1].subjects[1].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"',
      "spec.rules[1].subjects[2].user: Forbidden: user is forbidden when subject kind is not 'User'",
      'spec.rules[1].subjects[2].serviceAccount.namespace: Required value: must specify namespace for service account',
      `spec.rules[1].resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`,
      'spec.rules[1].resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'spec.rules[1].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace',
      'spec.rules[1].nonResourceRules[0].verbs: Unsupported value: ["peek"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"',
      `spec.rules[1].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "x": must start with slash`,
    ],
  );
});

test('paths and namespaces of a rule are spelled as the server reads them', () => {
  const rule = (rest: object): string[] =>
    refused(FlowSchema, (object) => {
      const subjects = [{ kind: 'User', user: { name: 'x' } }];
      object.spec = { priorityLevelConfiguration: { name: 'x' }, rules: [{ subjects, ...rest }] };
    });
  const at = 'spec.rules[0].nonResourceRules[0].nonResourceURLs';
  assert.deepEqual(rule({ nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/', '/a/*', '', '/a b', '/a//b', '/a*'] }] }), [
    `${at}[2]: Invalid value: "": must not be empty`,
    `${at}[3]: Invalid value: "/a b": must not contain white-space`,
    `${at}[4]: Invalid value: "/a//b": must not contain double slash`,
    `${at}[5]: Invalid value: "/a*": wildcard can only do suffix matching`,
  ]);
  const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
  assert.match(
    rule({ resourceRules: [{ ...everything, namespaces: ['A'] }] }).join(),
    /^spec\.rules\[0\]\.resourceRules\[0\]\.namespaces\[0\]: Invalid value: "A": each member of this list must be '\*' or a DNS-1123 label; a /,
  );
  assert.deepEqual(rule({ resourceRules: [{ ...everything, clusterScope: true }] }), []);
});

test('what must exist keeps its spec, and conditions their types', () => {
  for (const kind of [FlowSchema, PriorityLevelConfiguration] as const) {
    const wanted = (kind === FlowSchema ? defaultFlowSchemas : defaultPriorityLevels).find(({ metadata }) => metadata!.name === 'catch-all')!;
    const errors = (spec: object): FieldError[] => kind.validate!({ metadata: { name: 'catch-all' }, spec } as never, undefined);
    assert.deepEqual(errors(wanted.spec!), []);
    const changed = kind === FlowSchema ? { ...wanted.spec, matchingPrecedence: 9 } : { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } };
    assert.deepEqual(
      errors(changed).map(({ field, message }) => [field, message.includes("spec of 'catch-all' must equal the fixed value")]),
      [['spec', true]],
    );
    assert.deepEqual(
      kind.validateStatus!({ status: { conditions: [{ type: 'A' }, { type: 'A' }, {}] } } as never, {} as never).map(({ field }) => field),
      ['status.conditions[1].type', 'status.conditions[2].type'],
    );
  }
});

test('levels are completed', () => {
  const level = prepared(PriorityLevelConfiguration, { metadata: { name: 'l' }, spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue' } } } });
  assert.deepEqual(level.spec!.limited, {
    nominalConcurrencyShares: 30,
    lendablePercent: 0,
    limitResponse: { type: 'Queue', queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } },
  });
  const exempt = prepared(PriorityLevelConfiguration, { metadata: { name: 'exempt', creationTimestamp: '2031-01-01T00:00:00Z' }, spec: { type: 'Exempt' } });
  assert.deepEqual(exempt.spec!.exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 });
  assert.deepEqual(
    renderTable(PriorityLevelConfiguration, [level, exempt], 0).rows.map((row) => row.cells.slice(0, 6)),
    [
      ['l', 'Limited', '30', '64', '8', '50'],
      ['exempt', 'Exempt', '0', '<none>', '<none>', '<none>'],
    ],
  );
});

test('levels are exempt or limited, not both', () => {
  const level = (spec: object): string[] => refused(PriorityLevelConfiguration, (object) => (object.spec = spec as never));
  assert.deepEqual(level({ type: 'Free' }), ['spec.type: Unsupported value: "Free": supported values: "Exempt", "Limited"']);
  assert.deepEqual(level({ type: 'Exempt', limited: { limitResponse: { type: 'Reject' } } }), [
    "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if `name` is 'exempt'",
    'spec.limited: Forbidden: must be nil if the type is not Limited',
  ]);
  assert.deepEqual(level({ type: 'Limited' }), ['spec.limited: Required value: must not be empty when type is Limited']);
  assert.deepEqual(
    level({
      type: 'Limited',
      limited: { nominalConcurrencyShares: -1, lendablePercent: 101, borrowingLimitPercent: -1, limitResponse: { type: 'Reject', queuing: {} } },
    }),
    [
      'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
      'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
      'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
      'spec.limited.limitResponse.queuing: Forbidden: must be nil if limited.limitResponse.type is not Limited',
    ],
  );
  const queuing = (wanted: object): string[] => level({ type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: wanted } } });
  const at = 'spec.limited.limitResponse.queuing';
  assert.deepEqual(queuing({ queues: 4, handSize: 8, queueLengthLimit: 0 }), [
    `${at}.queueLengthLimit: Invalid value: 0: must be positive`,
    `${at}.handSize: Invalid value: 8: should not be greater than queues (4)`,
  ]);
  assert.deepEqual(queuing({ queues: 1000, handSize: 8, queueLengthLimit: 1 }), [
    `${at}.handSize: Invalid value: 8: required entropy bits of deckSize 1000 and handSize 8 should not be greater than 60`,
  ]);
});
