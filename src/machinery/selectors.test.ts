import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import { fieldSelectorValue, parseFieldSelector } from './selectors-fields.ts';
import { formatLabelSelector, labelSelectorMatcher, parseLabelSelector } from './selectors.ts';

const matches: [selector: string, labels: Record<string, string> | undefined, wanted: boolean][] = [
  ['', { a: 'b' }, true],
  ['a=b', { a: 'b' }, true],
  ['a==b', { a: 'b' }, true],
  ['a = b , c', { a: 'b', c: '' }, true],
  ['a=b', undefined, false],
  ['a=', { a: '' }, true],
  ['a=,b', { a: '', b: '1' }, true],
  ['a!=b', { a: 'c' }, true],
  ['a!=b', {}, true],
  ['a!=b', { a: 'b' }, false],
  ['a in (x, y)', { a: 'y' }, true],
  ['a in (x,y)', { a: 'z' }, false],
  ['a in ()', { a: '' }, true],
  ['a notin (x,y)', {}, true],
  ['a notin (x,y)', { a: 'x' }, false],
  ['a', { a: '' }, true],
  ['a', {}, false],
  ['!a', {}, true],
  ['!a', { a: '1' }, false],
  ['example.com/a=b', { 'example.com/a': 'b' }, true],
  ['a>3', { a: '4' }, true],
  ['a<3', { a: '4' }, false],
  ['in in (in)', { in: 'in' }, true],
];
for (const [selector, labels, wanted] of matches) {
  test(`label selector "${selector}" on ${JSON.stringify(labels)}`, () => assert.equal(parseLabelSelector(selector)(labels), wanted));
}

const bad: [string, string][] = [
  ['a in (', "unable to parse requirement: found '', expected: ',', or ')'"],
  ['a in x', "unable to parse requirement: found 'x' expected: '('"],
  ['=a', "found '=', expected: !, identifier, or 'end of string'"],
  ['a=b,', "found '', expected: identifier after ','"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['a>x', "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer"],
];
for (const [selector, message] of bad) {
  test(`label selector "${selector}" is refused`, () =>
    assert.throws(
      () => parseLabelSelector(selector),
      (e) => isApiError(e, 'BadRequest') && e.message === message,
    ));
}
test('label selector: a bad value', () => {
  assert.throws(
    () => parseLabelSelector('a=-'),
    /^ApiError: unable to parse requirement: values\[0\]\[a\]: Invalid value: "-": a valid label must be an empty string or consist/,
  );
});

test('metav1.LabelSelector matches and prints', () => {
  const selector = {
    matchLabels: { b: '1' },
    matchExpressions: [
      { key: 'a', operator: 'In', values: ['y', 'x'] },
      { key: 'c', operator: 'DoesNotExist' },
    ],
  };
  assert.equal(labelSelectorMatcher(selector)({ a: 'x', b: '1' }), true);
  assert.equal(labelSelectorMatcher(selector)({ a: 'x', b: '1', c: '' }), false);
  assert.equal(labelSelectorMatcher({})({}), true);
  assert.equal(labelSelectorMatcher(undefined)({}), false);
  assert.equal(formatLabelSelector(selector), 'a in (x,y),b=1,!c');
  assert.equal(parseLabelSelector(formatLabelSelector(selector))({ a: 'x', b: '1' }), true);
});

const pods = { selectableFields: { 'status.phase': (o: KubeObject) => (o as { status?: { phase?: string } }).status?.phase ?? '' } };
test('field selectors', () => {
  const pod = { metadata: { name: 'a', namespace: 'n' }, status: { phase: 'Running' } } as KubeObject;
  assert.equal(parseFieldSelector('metadata.name=a', pods)(pod), true);
  assert.equal(parseFieldSelector('metadata.name==a,status.phase!=Pending', pods)(pod), true);
  assert.equal(parseFieldSelector('metadata.name!=a', pods)(pod), false);
  assert.equal(fieldSelectorValue('status.phase=x,metadata.name=b', 'metadata.name'), 'b');
  assert.throws(() => parseFieldSelector('spec.x=a', pods), { message: 'field label not supported: spec.x' });
  assert.throws(() => parseFieldSelector('spec.x=a', { selectableFields: {} }), {
    message: '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  });
  assert.throws(() => parseFieldSelector('oops', pods), { message: "invalid selector: 'oops'; can't understand 'oops'" });
});
