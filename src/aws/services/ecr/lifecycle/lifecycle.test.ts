import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { LifecyclePolicyError, parseLifecyclePolicy } from './parse.ts';
import { matchesTag, planLifecycle, type LifecycleImage } from './plan.ts';

const DAY = 24 * 60 * 60 * 1000;
const NOW = 1_000 * DAY;
const rule = (rulePriority: number, selection: object, action: object = { type: 'expire' }): object => ({ rulePriority, selection, action });
const older = (days: number, more: object = {}): object => ({ tagStatus: 'any', countType: 'sinceImagePushed', countUnit: 'days', countNumber: days, ...more });
const more = (count: number, fields: object = {}): object => ({ tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: count, ...fields });
/** An image that was pushed so many days ago. */
const image = (digest: string, age: number, fields: Partial<LifecycleImage> = {}): LifecycleImage => ({
  digest,
  tags: [],
  pushedAt: NOW - age * DAY,
  pulledAt: undefined,
  archivedAt: undefined,
  children: [],
  subject: undefined,
  usedBy: [],
  ...fields,
});
const plan = (rules: object[], images: LifecycleImage[]) => planLifecycle(parseLifecyclePolicy(JSON.stringify({ rules })), images, NOW);
const expired = (rules: object[], images: LifecycleImage[]): [string, number][] => plan(rules, images).steps.map((s) => [s.image.digest, s.rule]);

describe('what ECR refuses', () => {
  const selection = more(1);
  const cases: [string, unknown, string][] = [
    ['no rules', {}, 'object has missing required properties (["rules"])'],
    ['an empty list', { rules: [] }, 'array is too short: must have at least 1 elements but instance has 0 elements'],
    ['no object', [], 'instance type (array) does not match any allowed primitive type (allowed: ["object"])'],
    ['more fields', { rules: [], x: 1 }, 'object instance has properties which are not allowed by the schema: (["x"])'],
    ['no action', { rules: [{ rulePriority: 1, selection }] }, 'object has missing required properties (["action"])'],
    ['priority 0', { rules: [rule(0, selection)] }, 'numeric instance is lower than the required minimum (minimum: 1, found: 0)'],
    [
      'a text as priority',
      { rules: [{ ...rule(1, selection), rulePriority: '1' }] },
      'instance type (string) does not match any allowed primitive type (allowed: ["integer"])',
    ],
    [
      'another action',
      { rules: [rule(1, selection, { type: 'keep' })] },
      'instance value ("keep") not found in enum (possible values: ["expire","transition"])',
    ],
    [
      'days without a unit',
      { rules: [rule(1, { tagStatus: 'any', countType: 'sinceImagePushed', countNumber: 1 })] },
      'object has missing required properties (["countUnit"])',
    ],
    [
      'a unit of a count',
      { rules: [rule(1, more(1, { countUnit: 'days' }))] },
      'object instance has properties which are not allowed by the schema: (["countUnit"])',
    ],
    [
      'tagged without tags',
      { rules: [rule(1, more(1, { tagStatus: 'tagged' }))] },
      'exactly one of tagPrefixList and tagPatternList must be given when tagStatus is tagged',
    ],
    [
      'no prefix in the list',
      { rules: [rule(1, more(1, { tagStatus: 'tagged', tagPrefixList: [] }))] },
      'array is too short: must have at least 1 elements but instance has 0 elements',
    ],
    [
      'prefixes of untagged ones',
      { rules: [rule(1, more(1, { tagStatus: 'untagged', tagPrefixList: ['a'] }))] },
      'object instance has properties which are not allowed by the schema: (["tagPrefixList"])',
    ],
    [
      'one priority twice',
      { rules: [rule(1, more(1, { tagStatus: 'untagged' })), rule(1, selection)] },
      'More than one rule has priority 1: priorities must be unique',
    ],
    [
      'any before others',
      { rules: [rule(1, selection), rule(2, more(1, { tagStatus: 'untagged' }))] },
      'The rule with tagStatus=any must have the lowest priority, that is, the highest rulePriority',
    ],
    [
      'five wildcards',
      { rules: [rule(1, more(1, { tagStatus: 'tagged', tagPatternList: ['*a*b*c*d*'] }))] },
      'a tag pattern has at most 4 wildcards (*): *a*b*c*d*',
    ],
    ['expiry by pulls', { rules: [rule(1, older(1, { countType: 'sinceImagePulled' }))] }, 'sinceImagePulled goes with the action transition only'],
  ];
  for (const [name, document, message] of cases) {
    test(name, () => assert.throws(() => parseLifecyclePolicy(JSON.stringify(document)), new LifecyclePolicyError(message)));
  }
  test('what is no JSON', () => assert.throws(() => parseLifecyclePolicy('{'), LifecyclePolicyError));
});

describe('what a policy does', () => {
  test('by age, strictly', () => {
    assert.deepEqual(expired([rule(1, older(14))], [image('a', 13), image('b', 14), image('c', 15)]), [['c', 1]]);
  });
  test('by number: the newest stay', () => {
    assert.deepEqual(expired([rule(1, more(2))], [image('a', 1), image('b', 9), image('c', 5), image('d', 7)]), [
      ['b', 1],
      ['d', 1],
    ]);
  });
  test('untagged and tagged', () => {
    const images = [image('a', 9), image('b', 9, { tags: ['v1'] })];
    assert.deepEqual(expired([rule(1, older(1, { tagStatus: 'untagged' }))], images), [['a', 1]]);
    assert.deepEqual(expired([rule(1, older(1, { tagStatus: 'tagged', tagPrefixList: ['v'] }))], images), [['b', 1]]);
  });
  test('an image must have all of the prefixes', () => {
    const images = [image('a', 9, { tags: ['alpha1'] }), image('b', 9, { tags: ['alpha2', 'beta2'] })];
    assert.deepEqual(expired([rule(1, older(1, { tagStatus: 'tagged', tagPrefixList: ['alpha', 'beta'] }))], images), [['b', 1]]);
  });
  test('the first rule whose tags an image has decides, also when it leaves it alone', () => {
    const images = [image('a', 9, { tags: ['prod-1'] }), image('b', 8, { tags: ['prod-2'] }), image('c', 20)];
    const keepOne = rule(1, more(1, { tagStatus: 'tagged', tagPrefixList: ['prod'] }));
    assert.deepEqual(expired([rule(2, older(1)), keepOne], images), [
      ['a', 1],
      ['c', 2],
    ]);
  });
  test('later rules count what earlier ones take', () => {
    const images = [image('a', 1, { tags: ['x'] }), image('b', 2, { tags: ['x'] }), image('c', 3)];
    assert.deepEqual(expired([rule(1, more(1, { tagStatus: 'tagged', tagPrefixList: ['x'] })), rule(2, more(2))], images), [
      ['b', 1],
      ['c', 2],
    ]);
  });
  test('what an index names stays; what is about an image goes with it', () => {
    const images = [
      image('index', 1, { children: ['arm'] }),
      image('arm', 50),
      image('signature', 50, { subject: 'index' }),
      image('orphan', 50, { subject: 'gone' }),
    ];
    assert.deepEqual(expired([rule(1, older(14))], images), [['orphan', 1]]);
  });
  test('what runs is guarded, by its index too', () => {
    const images = [image('a', 50, { usedBy: ['pod default/x'] }), image('index', 50, { children: ['arm'] }), image('arm', 50, { usedBy: ['task y'] })];
    const { steps, guarded } = plan([rule(1, older(14))], images);
    assert.deepEqual(steps, []);
    assert.deepEqual(
      guarded.map((s) => [s.image.digest, s.image.usedBy]),
      [
        ['a', ['pod default/x']],
        ['index', ['task y']],
      ],
    );
  });
  test('what is seldom pulled moves to the archive, and expires from there', () => {
    const rules = [
      rule(1, older(30, { countType: 'sinceImagePulled' }), { type: 'transition', targetStorageClass: 'archive' }),
      rule(2, older(90, { countType: 'sinceImageTransitioned', storageClass: 'archive' })),
    ];
    const images = [
      image('pulled', 60, { pulledAt: NOW - DAY }),
      image('never', 60),
      image('old', 200, { archivedAt: NOW - 100 * DAY }),
      image('new', 200, { archivedAt: NOW - DAY }),
    ];
    assert.deepEqual(
      plan(rules, images).steps.map((s) => [s.image.digest, s.action]),
      [
        ['never', 'transition'],
        ['old', 'expire'],
      ],
    );
  });
  test('patterns', () => {
    assert.ok(matchesTag('prod*web', 'prod-1-web'));
    assert.ok(!matchesTag('prod*web', 'prod-web-1'));
    assert.ok(!matchesTag('v1.0', 'v1x0'));
    assert.ok(matchesTag('*', 'anything'));
  });
});
