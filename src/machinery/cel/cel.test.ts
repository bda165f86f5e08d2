import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import type { Json } from '../object.ts';
import {
  celToJson,
  celTypes as t,
  CelCompileError,
  CelCostError,
  CelError,
  celAuthorizer,
  celRequestResource,
  compileCel,
  LazyFields,
  type AuthorizationQuestion,
  type CelType,
} from './index.ts';

const selfType = t.objectOf('Self', {
  name: { kind: 'string', max: 40 },
  replicas: t.int,
  'a-b': t.string,
  namespace: t.string,
  when: t.timestamp,
  ratio: t.double,
  tags: { kind: 'list', element: t.string, listType: 'set', max: 10 },
  ports: { kind: 'list', element: t.objectOf('Port', { port: t.int, name: t.string }), listType: 'map', mapKeys: ['port'], max: 5 },
  any: t.dyn,
  labels: t.mapOf(t.string, t.string),
});
const evaluate = (source: string, self: Json = {}, type: CelType = selfType): Json =>
  celToJson(compileCel(source, { variables: { self: type } }).evaluate({ self }).value);
const failure = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof CelError || error instanceof CelCompileError || error instanceof CelCostError) return error.message;
    throw error;
  }
  return '';
};

describe('libraries of Kubernetes', () => {
  const cases: [source: string, expected: Json][] = [
    ['"a,b".split(",")', ['a', 'b']],
    ['"hello".substring(1, 3)', 'el'],
    ['["a", "b"].join("-")', 'a-b'],
    ['[1, 2, 3].sum() + [3, 1].min() + [3, 1].max()', 10],
    ['[1, 3, 2].isSorted()', false],
    ['["a", "b", "a"].lastIndexOf("a")', 2],
    ['sets.intersects([1, 2], [2, 3])', true],
    ['"abc 123".find("[0-9]+")', '123'],
    ['"123 abc 456".findAll("[0-9]+", 1)', ['123']],
    ['url("https://example.com:80/path?k=v").getHostname()', 'example.com'],
    ['isURL("../relative")', false],
    ['url("https://[::1]:80/").getHost()', '[::1]:80'],
    ['ip("192.168.0.1").isGlobalUnicast()', true],
    ['ip.isCanonical("2001:DB8::1")', false],
    ['isIP("::ffff:1.2.3.4")', false],
    ['cidr("192.168.0.0/16").containsCIDR("192.168.10.0/24")', true],
    ['string(cidr("192.168.5.9/16").masked())', '192.168.0.0/16'],
    ['quantity("50k").add(20).sub(quantity("1m")).compareTo(quantity("50019999m"))', 0],
    ['quantity("1.5").isInteger()', false],
    ['isQuantity("1 GB")', false],
    ['semver("1.10.0").isGreaterThan(semver("1.9.9"))', true],
    ['isSemver("v1.0", true)', true],
    ['format.dns1123Label().validate("a").hasValue()', false],
    ['format.named("no-such").hasValue()', false],
    ['jsonpatch.escapeKey("a/b~c")', 'a~1b~0c'],
    ['"%s=%d %.2f".format([dyn("a"), dyn(1), dyn(1.005)])', 'a=1 1.00'],
    ['[1, 2].transformList(i, v, i + v)', [1, 3]],
    ['{"a": 1}.transformMapEntry(k, v, {string(v): k})', { '1': 'a' }],
    ['cel.bind(x, "a", x + x)', 'aa'],
    ['timestamp("2026-11-24T10:00:00Z").getHours("Europe/Berlin")', 11],
    ['string(duration("90m"))', '5400s'],
  ];
  for (const [source, expected] of cases) test(source, () => assert.deepEqual(evaluate(source), expected));
});

describe('declared data', () => {
  const cases: [source: string, self: Json, expected: Json][] = [
    ['self.a__dash__b + self.__namespace__', { 'a-b': 'x', namespace: 'y' }, 'xy'],
    ['has(self.a__dash__b)', {}, false],
    ['self.when > timestamp("2026-01-01T00:00:00Z")', { when: '2026-11-24T10:00:00Z' }, true],
    ['self.ratio / 2.0', { ratio: 3 }, 1.5],
    ['self.tags == ["b", "a"]', { tags: ['a', 'b'] }, true],
    ['(self.tags + ["b", "c"]).size()', { tags: ['a', 'b'] }, 3],
    [
      'self.ports.filter(p, p.port > 1).map(p, p.name)',
      {
        ports: [
          { port: 1, name: 'x' },
          { port: 2, name: 'y' },
        ],
      },
      ['y'],
    ],
    ['self.any == 5 || self.any == "5"', { any: 5 }, true],
    ['self.labels.all(k, self.labels[k] != "")', { labels: { a: '1' } }, true],
    ['self.?name.orValue("none")', {}, 'none'],
    ['self.labels[?"a"].optMap(v, v + "!").orValue("")', { labels: { a: 'x' } }, 'x!'],
  ];
  for (const [source, self, expected] of cases) test(source, () => assert.deepEqual(evaluate(source, self), expected));
  test('names of Object.prototype are not there', () => assert.equal(evaluate('has(self.labels.constructor)', { labels: {} }), false));
});

describe('what does not compile', () => {
  const cases: [source: string, expected: string][] = [
    ['self.', "ERROR: <input>:1:6: Syntax error: no viable alternative at input '.'\n | self.\n | .....^"],
    ['self.nope == 1', "ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^"],
    [
      'self.replicas + "a"',
      "ERROR: <input>:1:15: found no matching overload for '_+_' applied to '(int, string)'\n | self.replicas + \"a\"\n | ..............^",
    ],
    ['nope(1)', "ERROR: <input>:1:5: undeclared reference to 'nope' (in container '')\n | nope(1)\n | ....^"],
    ['other', "ERROR: <input>:1:1: undeclared reference to 'other' (in container '')\n | other\n | ^"],
    [
      'self.name.all(x, true)',
      "ERROR: <input>:1:5: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)\n | self.name.all(x, true)\n | ....^",
    ],
    ['[1, "a"]', "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, \"a\"]\n | ....^"],
    [
      'self.name == 1 &&\n  nope',
      "ERROR: <input>:1:11: found no matching overload for '_==_' applied to '(string, int)'\n | self.name == 1 &&\n | ..........^\nERROR: <input>:2:3: undeclared reference to 'nope' (in container '')\n |   nope\n | ..^",
    ],
  ];
  for (const [source, expected] of cases)
    test(source, () =>
      assert.equal(
        failure(() => evaluate(source)),
        expected,
      ),
    );
  test('a result of another type than asked for', () => assert.throws(() => compileCel('1', { variables: {}, returns: ['bool'] }), /must evaluate to bool/));
});

describe('what fails', () => {
  const cases: [source: string, self: Json, expected: string][] = [
    ['self.name', {}, 'no such key: name'],
    ['self.tags[3]', { tags: [] }, 'index out of bounds: 3'],
    ['1 / self.replicas', { replicas: 0 }, 'division by zero'],
    ['self.name.startsWith("a")', { name: null }, 'no such overload'],
    ['9223372036854775807 + self.replicas', { replicas: 1 }, 'integer overflow'],
    ['self.name.matches(self.a__dash__b)', { name: 'a', 'a-b': '(' }, 'error parsing regexp: missing closing ): `(`'],
    ['optional.none().value()', {}, 'optional.none() dereference'],
  ];
  for (const [source, self, expected] of cases)
    test(source, () =>
      assert.equal(
        failure(() => evaluate(source, self)),
        expected,
      ),
    );
  test('the side that decides hides the failure of the other', () => assert.equal(evaluate('self.name == "a" || true'), true));
  test('and an element that decides the failures of the rest', () => assert.equal(evaluate('[0, 1].exists(x, 1 / x == 1)'), true));
});

describe('cost', () => {
  const cubic = 'self.tags.all(a, self.tags.all(b, self.tags.all(c, a != b + c)))';
  const tags = Array.from({ length: 200 }, (_, i) => `t${i}`);
  test('an expression ends at its limit, whatever absorbs errors', () => {
    assert.equal(
      failure(() => evaluate(`${cubic} || true`, { tags })),
      'operation cancelled: actual cost limit exceeded',
    );
  });
  test('what it cost is taken off the budget, also when it fails', () => {
    const budget = { remaining: 500 };
    const program = compileCel(cubic, { variables: { self: selfType } });
    assert.throws(() => program.evaluate({ self: { tags } }, budget), CelCostError);
    assert.ok(budget.remaining <= 0);
  });
  test('the estimate bounds the real cost', () => {
    const program = compileCel('self.ports.all(p, p.port > 0) && self.name.contains("x")', { variables: { self: selfType } });
    const ports = Array.from({ length: 5 }, (_, port) => ({ port: port + 1, name: 'a' }));
    const { cost } = program.evaluate({ self: { ports, name: 'a'.repeat(40) } });
    assert.ok(cost <= program.estimatedCost.max && cost >= program.estimatedCost.min, `${cost} in ${JSON.stringify(program.estimatedCost)}`);
  });
  test('data without bounds has none either', () =>
    assert.equal(compileCel('self.labels.all(k, k != "")', { variables: { self: selfType } }).estimatedCost.max, Infinity));
});

describe('admission', () => {
  test('the authorizer is asked what the expression says', () => {
    const asked: AuthorizationQuestion[] = [];
    const check = (question: AuthorizationQuestion): { allowed: boolean } => {
      asked.push(question);
      return { allowed: question.verb === 'create' };
    };
    const source = `authorizer.serviceAccount('ns', 'sa').group('apps').resource('deployments').subresource('scale').namespace('a').name('b').check('create').allowed()
      && !authorizer.path('/healthz').check('get').allowed() && !authorizer.requestResource.check('delete').allowed()`;
    const variables = {
      authorizer: t.opaque('kubernetes.authorization.Authorizer'),
      'authorizer.requestResource': t.opaque('kubernetes.authorization.ResourceCheck'),
    };
    const program = compileCel(source, { variables, returns: ['bool'], costLimit: 2_000_000 });
    const { value } = program.evaluate({ authorizer: celAuthorizer(check), 'authorizer.requestResource': celRequestResource(check, { resource: 'pods' }) });
    assert.equal(value, true);
    assert.deepEqual(asked[0], {
      serviceAccount: { namespace: 'ns', name: 'sa' },
      verb: 'create',
      group: 'apps',
      version: '*',
      resource: 'deployments',
      subresource: 'scale',
      namespace: 'a',
      name: 'b',
    });
    assert.equal(asked[1]?.path, '/healthz');
    assert.equal(asked[2]?.resource, 'pods');
  });
  test('lazy variables are computed when they are read, once', () => {
    let count = 0;
    const fields = new LazyFields(
      new Map([
        ['a', () => BigInt(++count)],
        ['b', () => assert.fail('not read')],
      ]),
    );
    const program = compileCel('variables.a + variables.a', { variables: { variables: t.objectOf('Variables', { a: t.int, b: t.int }) } });
    assert.equal(program.evaluate({ variables: fields }).value, 2n);
  });
  test('structs of known types', () => {
    const patch = t.objectOf('JSONPatch', { op: t.string, path: t.string, value: t.dyn });
    const structs = { find: (name: string) => (name === 'JSONPatch' ? patch : undefined) };
    const program = compileCel('[JSONPatch{op: "add", path: "/a", value: 1}]', { variables: {}, structs });
    assert.deepEqual(celToJson(program.evaluate({}).value), [{ op: 'add', path: '/a', value: 1 }]);
    assert.match(
      failure(() => compileCel('JSONPatch{nope: 1}', { variables: {}, structs })),
      /undefined field 'nope'/,
    );
  });
});

describe('literals that can never be read', () => {
  const cases: [source: string, expected: string][] = [
    ['"a".matches("(")', 'ERROR: <input>:1:13: invalid matches argument\n | "a".matches("(")\n | ............^'],
    ['duration("1x") == duration("1s")', 'ERROR: <input>:1:10: invalid duration argument\n | duration("1x") == duration("1s")\n | .........^'],
    ['timestamp("now") == timestamp(0)', 'ERROR: <input>:1:11: invalid timestamp argument\n | timestamp("now") == timestamp(0)\n | ..........^'],
  ];
  for (const [source, expected] of cases)
    test(source, () =>
      assert.equal(
        failure(() => evaluate(source)),
        expected,
      ),
    );
});

describe('results that would be too large are not made', () => {
  const big = 'a'.repeat(1_000_000);
  const cases: [source: string, self: Json][] = [
    ['self.name.replace("", self.name)', { name: big }],
    ['[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(x, self.name).join("")', { name: big }],
    ['"%s%s%s%s%s%s%s%s%s%s%s".format([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map(x, self.name))', { name: big }],
  ];
  for (const [source, self] of cases)
    test(source, () =>
      assert.equal(
        failure(() => evaluate(source, self)),
        'operation cancelled: actual cost limit exceeded',
      ),
    );
  test('large sets are compared in one pass', () => {
    const tags = Array.from({ length: 100_000 }, (_, i) => `t${i}`);
    const program = compileCel('self.tags == other.tags', { variables: { self: selfType, other: selfType } });
    assert.equal(program.evaluate({ self: { tags }, other: { tags: tags.toReversed() } }).value, true);
  });
});
