import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '#base';
import { service, settings, slice } from './fixtures.ts';
import { serviceUnit } from './service.ts';
import { Table } from './table.ts';
import type { Unit } from './unit.ts';

/** Just enough of nft to follow our own transactions; throws where the kernel would refuse. */
class Model {
  readonly chains = new Map<string, string[]>();
  readonly sets = new Map<string, Map<string, string>>();
  apply(text: string): void {
    for (const line of text.split('\n').filter(Boolean)) this.#command(line);
    this.#checkReferences();
  }
  #command(line: string): void {
    const [, verb, noun, name = '', rest = ''] = /^(\w+) (\w+) ip batuta-test (\S+) ?(.*)$/.exec(line) ?? assert.fail(line);
    if (noun === 'chain') return this.#chain(verb ?? '', name);
    if (noun === 'rule') return void (this.chains.get(name) ?? assert.fail(line)).push(rest);
    if (noun === 'element') return this.#elements(verb ?? '', name, rest);
    if (verb === 'add') this.sets.set(name, new Map());
    else assert.ok(this.sets.delete(name), line);
  }
  #chain(verb: string, name: string): void {
    if (verb === 'add') this.chains.set(name, []);
    else if (verb === 'flush') (this.chains.get(name) ?? assert.fail(name)).length = 0;
    else assert.ok(this.chains.delete(name), name);
  }
  #elements(verb: string, name: string, rest: string): void {
    const set = this.sets.get(name) ?? assert.fail(name);
    for (const element of rest.replace(/^\{ | \}$/g, '').split(', ')) {
      const [key = '', value = ''] = element.split(' : ');
      assert.equal(set.has(key), verb === 'delete', `${verb} ${key} in ${name}`);
      if (verb === 'add') set.set(key, value);
      else set.delete(key);
    }
  }
  #checkReferences(): void {
    const texts = [...[...this.chains.values()].flat(), ...[...this.sets.values()].flatMap((s) => [...s.values()])];
    for (const text of texts) {
      for (const [, chain = ''] of text.matchAll(/goto ([^\s,}]+)/g)) assert.ok(chain === 'refuse' || this.chains.has(chain), `no chain ${chain}`);
      for (const [, set = ''] of text.matchAll(/@(\S+)/g)) assert.ok(this.sets.has(set), `no set ${set}`);
    }
  }
}

function fresh(): { table: Table; model: Model } {
  const model = new Model();
  for (const name of ['service-ips', 'service-nodeports', 'no-endpoint-services', 'no-endpoint-nodeports', 'host-ports', 'hairpin'])
    model.sets.set(name, new Map());
  return { table: new Table(settings), model };
}
const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
const sorted = (map: ReadonlyMap<string, string[] | Map<string, string>>): unknown[] =>
  [...map].map(([k, v]): [string, unknown] => [k, v instanceof Map ? [...v].sort(byKey) : v]).sort(byKey);

test('changes lead where a table built at once would be (random runs)', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const pick = (n: number): number => Math.floor(random.next() * n);
    const { table, model } = fresh();
    const last = new Map<string, Unit>();
    for (let round = 0; round < 25; round++) {
      const changes = new Map<string, Unit | undefined>();
      for (let k = pick(3); k >= 0; k--) changes.set(`service/default/s${pick(5)}`, undefined);
      for (const key of changes.keys()) {
        if (pick(5) === 0) continue;
        const spec = {
          clusterIP: `10.96.0.${pick(4) + 1}`,
          clusterIPs: [],
          type: 'NodePort',
          ports: [{ name: 'http', port: 80, nodePort: 30000 + pick(3) }],
          ...(pick(3) === 0 ? { sessionAffinity: 'ClientIP' } : {}),
          ...(pick(3) === 0 ? { externalTrafficPolicy: 'Local' } : {}),
        };
        const endpoints = Array.from({ length: pick(4) }, () => ({ ip: `10.64.0.${pick(6) + 2}`, node: 'node-0' }));
        changes.set(key, serviceUnit(service(key.split('/')[2] ?? '', spec), [slice('x', endpoints)], settings));
      }
      model.apply(table.change(changes));
      for (const [key, unit] of changes)
        if (unit) last.set(key, unit);
        else last.delete(key);
    }
    const once = fresh();
    once.model.apply(once.table.change(last));
    assert.deepEqual(sorted(model.chains), sorted(once.model.chains), `seed ${seed}`);
    assert.deepEqual(sorted(model.sets), sorted(once.model.sets), `seed ${seed}`);
  }
});

test('nothing to do is an empty transaction', () => {
  const { table } = fresh();
  const unit = (): Unit => serviceUnit(service('web', {}), [slice('web', ['10.64.0.5'])], settings);
  assert.notEqual(table.change(new Map([['a', unit()]])), '');
  assert.equal(table.change(new Map([['a', unit()]])), '');
  assert.equal(table.change(new Map([['b', undefined]])), '');
});

test('one endpoint more touches one chain', () => {
  const { table } = fresh();
  table.change(new Map([['a', serviceUnit(service('web', {}), [slice('web', ['10.64.0.5', '10.64.0.6'])], settings)]]));
  const text = table.change(new Map([['a', serviceUnit(service('web', {}), [slice('web', ['10.64.0.5', '10.64.0.6', '10.64.0.7'])], settings)]]));
  assert.equal(
    text,
    [
      'flush chain ip batuta-test svc/default/web/tcp/80',
      'add rule ip batuta-test svc/default/web/tcp/80 meta l4proto tcp dnat ip to numgen random mod 3 map { 0 : 10.64.0.5 . 8080, 1 : 10.64.0.6 . 8080, 2 : 10.64.0.7 . 8080 }',
      'add element ip batuta-test hairpin { 10.64.0.7 . 10.64.0.7 }',
      '',
    ].join('\n'),
  );
});
