import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { zipOf as zip } from '../testing.ts';
import { builtIn, builtInUpdated } from './built-in.ts';
import { versionOf } from '../version-of.ts';
import { AdvisoryDatabase, AdvisoryWriter } from './database.ts';
import { ensureAdvisories, updateAdvisories } from './update.ts';

const osv = (id: string, day: number, fixed = '2.0.0'): object => ({
  id,
  modified: `2024-01-0${day}T00:00:00Z`,
  aliases: ['CVE-2024-0001'],
  affected: [{ package: { ecosystem: 'npm', name: 'a' }, ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed }] }] }],
});
async function inDirectory(run: (dir: string, file: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-advisories-'));
  try {
    await run(dir, join(dir, 'data/advisories.db'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
const save = (path: string, value: unknown): string => {
  writeFileSync(path, typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value));
  return path;
};
function reading<T>(file: string, read: (db: AdvisoryDatabase) => T): T {
  const db = new AdvisoryDatabase(file);
  try {
    return read(db);
  } finally {
    db.close();
  }
}

test('the first file has what the program brings along', () =>
  inDirectory(async (_dir, file) => {
    ensureAdvisories(file);
    const first = versionOf(file);
    ensureAdvisories(file);
    assert.equal(versionOf(file), first);
    reading(file, (db) => {
      assert.equal(db.updated, builtInUpdated);
      assert.deepEqual(db.sources(), [{ name: 'built-in', updated: builtInUpdated, advisories: builtIn().length }]);
      assert.deepEqual(db.find('CVE-2022-0778'), ['ALPINE-CVE-2022-0778', 'DEBIAN-CVE-2022-0778']);
      assert.deepEqual(db.find('lodash'), ['GHSA-35jh-r3h4-6jhm']);
      assert.equal(db.advisory('GHSA-35jh-r3h4-6jhm')?.affected[0]?.package, 'lodash');
      assert.equal(db.advisory('none'), undefined);
      assert.deepEqual(db.lookup('npm', 'none'), []);
    });
  }));

test('updates bring what is new or newer, from files, directories and dumps', () =>
  inDirectory(async (dir, file) => {
    const update = (...from: string[]): ReturnType<typeof updateAdvisories> => updateAdvisories({ file, from, now: 5000 });
    const fixedIn = (): unknown => reading(file, (db) => db.lookup('npm', 'a').map((one) => one.affected.ranges[0]?.events[1]?.fixed));
    assert.deepEqual(await update(save(join(dir, 'one.json'), osv('GHSA-1', 2))), { added: 1, changed: 0, unchanged: 0, removed: 0, rejected: [] });
    assert.deepEqual(await update(join(dir, 'one.json')), { added: 0, changed: 0, unchanged: 1, removed: 0, rejected: [] });
    await update(save(join(dir, 'older.json'), osv('GHSA-1', 1, '9.9.9')));
    assert.deepEqual(fixedIn(), ['2.0.0'], 'an older state does not come back');
    assert.equal((await update(save(join(dir, 'all.zip'), zip({ 'GHSA-1.json': JSON.stringify(osv('GHSA-1', 3, '2.0.1')), 'GHSA-2.json': JSON.stringify(osv('GHSA-2', 3)), 'readme.txt': 'x', 'bad.json': '{' })))).changed, 1); // prettier-ignore
    assert.deepEqual(fixedIn(), ['2.0.1', '2.0.0']);
    mkdirSync(join(dir, 'many/deep'), { recursive: true });
    save(join(dir, 'many/list.json'), [osv('GHSA-3', 1), { id: 'no' }]);
    save(join(dir, 'many/deep/api.json'), { vulns: [osv('GHSA-4', 1)] });
    const many = await update(join(dir, 'many'));
    assert.deepEqual([many.added, many.rejected], [2, ['list.json: no: modified is no time']]);
    reading(file, (db) => {
      assert.deepEqual(
        db.sources().map((one) => `${one.name} ${one.advisories}`),
        ['all.zip 2', `built-in ${builtIn().length}`, 'many 2', 'older.json 0', 'one.json 0'],
      );
      assert.deepEqual(db.find('CVE-2024-0001'), ['GHSA-1', 'GHSA-2', 'GHSA-3', 'GHSA-4']);
      assert.deepEqual(
        db.ecosystems().find((one) => one.name === 'npm'),
        { name: 'npm', advisories: 5 },
      );
    });
    assert.deepEqual(readdirSync(join(dir, 'data')), ['advisories.db'], 'nothing else stays');
  }));

test('a dump takes the place of what the program brings along', () =>
  inDirectory(async (dir, file) => {
    ensureAdvisories(file);
    const mine = { ...osv('GHSA-35jh-r3h4-6jhm', 1), withdrawn: '2024-01-02T00:00:00Z' };
    await updateAdvisories({ file, from: [save(join(dir, 'x.json'), mine)], now: 2 });
    assert.deepEqual(
      reading(file, (db) => [db.lookup('npm', 'lodash'), db.lookup('npm', 'a')]),
      [[], []],
      'withdrawn',
    );
    await updateAdvisories({ file, from: [save(join(dir, 'y.json'), osv('GHSA-9', 1))], now: 3 });
    assert.deepEqual(
      reading(file, (db) => db.lookup('npm', 'lodash')),
      [],
      'and it does not come back',
    );
  }));

test('the tracker of Debian, whole each time', () =>
  inDirectory(async (dir, file) => {
    const issue = (status: string, fixed?: string, urgency = 'not yet assigned'): object => ({
      scope: 'remote',
      description: 'text',
      releases: { bookworm: { status, ...(fixed === undefined ? {} : { fixed_version: fixed }), urgency }, sid: { status: 'open' } },
    });
    const update = async (packages: object): Promise<unknown> => {
      const { added, changed, removed } = await updateAdvisories({ file, from: [save(join(dir, 'tracker.json'), packages)], now: (now += 1000) });
      return { added, changed, removed };
    };
    let now = 1000;
    assert.deepEqual(
      await update({
        curl: { 'CVE-2024-1': issue('resolved', '7.88-1', 'low'), 'CVE-2024-2': issue('open') },
        other: { 'CVE-2024-2': issue('resolved', '0'), 'TEMP-1-A': issue('undetermined') },
      }),
      { added: 3, changed: 0, removed: 0 },
    );
    const curl = (): unknown =>
      reading(file, (db) =>
        db.lookup('Debian', 'curl').map(({ advisory, affected }) => [advisory.id, affected.ecosystem, affected.severity, affected.ranges[0]?.events]),
      );
    assert.deepEqual(curl(), [
      ['DEBIAN-CVE-2024-1', 'Debian:12', 'LOW', [{ introduced: '0' }, { fixed: '7.88-1' }]],
      ['DEBIAN-CVE-2024-2', 'Debian:12', undefined, [{ introduced: '0' }]],
    ]);
    assert.deepEqual(
      reading(file, (db) => db.lookup('Debian', 'other')),
      [],
      'version 0: never affected; undetermined: nobody knows',
    );
    assert.deepEqual(await update({ curl: { 'CVE-2024-2': issue('resolved', '8.0-1') } }), { added: 0, changed: 1, removed: 2 });
    assert.deepEqual(curl(), [['DEBIAN-CVE-2024-2', 'Debian:12', undefined, [{ introduced: '0' }, { fixed: '8.0-1' }]]]);
  }));

test('an update that fails changes nothing', () =>
  inDirectory(async (dir, file) => {
    await updateAdvisories({ file, from: [save(join(dir, 'one.json'), osv('GHSA-1', 2))], now: 1 });
    const before = versionOf(file);
    const fails = (from: string, why: RegExp): Promise<void> => assert.rejects(updateAdvisories({ file, from: [join(dir, 'one.json'), from], now: 2 }), why);
    await fails(join(dir, 'none.json'), /none\.json: no such file or directory/);
    await fails(save(join(dir, 'bad.json'), '{'), /bad\.json holds no advisories: bad\.json: .*JSON/);
    await fails(save(join(dir, 'empty.json'), '[]'), /neither OSV records nor the tracker/);
    await fails(save(join(dir, 'cut.zip'), zip({ 'a.json': JSON.stringify(osv('GHSA-7', 1)) }).subarray(0, 60)), /./);
    await fails('http://127.0.0.1:1/all.zip', /127\.0\.0\.1:1\/all\.zip: /);
    const server = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await fails(`http://127.0.0.1:${(server.address() as AddressInfo).port}/all.zip`, /404 Not Found/);
    server.close();
    assert.equal(versionOf(file), before);
    assert.deepEqual(readdirSync(join(dir, 'data')), ['advisories.db']);
  }));

test('a dump from a server; readers keep what they opened', () =>
  inDirectory(async (dir, file) => {
    ensureAdvisories(file);
    const open = new AdvisoryDatabase(file);
    const body = zip({ 'GHSA-1.json': JSON.stringify(osv('GHSA-1', 1)) });
    const server = createServer((_request, response) => response.end(body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/npm/all.zip`;
    const lines: string[] = [];
    await updateAdvisories({ file, from: [`${url}?token=secret`], now: 2, progress: (line) => lines.push(line) });
    server.close();
    assert.equal(open.lookup('npm', 'a').length, 0);
    assert.notEqual(open.version, versionOf(file));
    open.close();
    reading(file, (db) =>
      assert.deepEqual(
        db.sources().map((one) => one.name),
        ['built-in', url],
      ),
    );
    assert.deepEqual(readdirSync(join(dir, 'data')), ['advisories.db']);
    assert.equal(lines.length, 1);
  }));

test('two updates at once: the second is refused; what a crash left is thrown away', () =>
  inDirectory(async (_dir, file) => {
    ensureAdvisories(file);
    const first = new AdvisoryWriter(file);
    assert.throws(() => new AdvisoryWriter(file), /being updated already/);
    first.close();
    assert.ok(!existsSync(`${file}.next`));
    writeFileSync(`${file}.next`, 'half of something');
    const second = new AdvisoryWriter(file);
    second.commit(new Map([['x', 2]]));
    assert.deepEqual(
      reading(file, (db) => db.sources().map((one) => one.name)),
      ['built-in', 'x'],
    );
  }));

test('other files are not taken for advisories', () =>
  inDirectory(async (dir, file) => {
    mkdirSync(join(dir, 'data'));
    save(file, 'no database, but long enough to be looked at'.repeat(30));
    assert.throws(() => new AdvisoryDatabase(file), /not a database/);
    assert.throws(() => new AdvisoryWriter(file), /not a database/);
  }));
