import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { takeInventory } from '../image/inventory.ts';
import { defaultLimits } from '../image/limits.ts';
import { apk, debian, dpkg, imageOf, tarOf, zipOf as zip, type TestFile } from '../testing.ts';
import type { Inventory } from '../types.ts';

const inventory = async (files: Record<string, TestFile>, limits = defaultLimits): Promise<Inventory> => takeInventory(imageOf(await tarOf(files)), limits);
const found = async (files: Record<string, TestFile>): Promise<string[]> => (await inventory(files)).packages.map((p) => `${p.type} ${p.name} ${p.version}`);

test('dpkg: sources, states, and one file for a package', async () => {
  const status = [
    dpkg('libssl1.0.0', '1.0.1e-2', 'Source: openssl\n'),
    dpkg('bash', '5.2-1+b2', 'Source: bash (5.2-1)\n'),
    'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n',
    'Package: half\nStatus: install ok unpacked\nVersion: 1\n\n',
    'Package: bad name\nStatus: install ok installed\nVersion: 1\n\n',
  ].join('');
  const { packages } = await inventory({
    'var/lib/dpkg/status': status,
    'var/lib/dpkg/status.d/tzdata': 'Package: tzdata\nVersion: 2024a-0\n',
    'var/lib/dpkg/status.d/tzdata.md5sums': 'x',
  });
  assert.deepEqual(
    packages.map((p) => [p.name, p.version, p.source]),
    [
      ['bash', '5.2-1+b2', { name: 'bash', version: '5.2-1' }],
      ['libssl1.0.0', '1.0.1e-2', { name: 'openssl', version: '1.0.1e-2' }],
      ['tzdata', '2024a-0', undefined],
    ],
  );
});

test('apk: origins and licences', async () => {
  const { packages } = await inventory({
    'usr/lib/apk/db/installed': apk('libssl3', '3.1.0-r0', 'o:openssl\nL:Apache-2.0\nF:usr/lib\nR:libssl.so.3\n') + apk('musl', '1.2.4-r0'),
  });
  assert.deepEqual(packages[0], {
    type: 'apk', name: 'libssl3', version: '3.1.0-r0', arch: 'x86_64', source: { name: 'openssl', version: '3.1.0-r0' }, licenses: ['Apache-2.0'],
    path: 'usr/lib/apk/db/installed', layer: packages[0]?.layer as string,
  }); // prettier-ignore
  assert.match(packages[0]?.layer ?? '', /^sha256:/);
  assert.equal(packages[1]?.name, 'musl');
});

test('rpm: the SQLite database is read from memory, also one in WAL mode', async () => {
  const header = rpmHeader({
    1000: 'openssl-libs',
    1001: '3.0.1',
    1002: '41.el9',
    1003: 1,
    1014: 'ASL 2.0',
    1022: 'x86_64',
    1044: 'openssl-3.0.1-41.el9.src.rpm',
  });
  const key = rpmHeader({ 1000: 'gpg-pubkey', 1001: '1', 1002: '2' });
  for (const wal of [false, true]) {
    const database = rpmDatabase([header, key]);
    if (wal) database.fill(2, 18, 20);
    const { packages, warnings } = await inventory({ 'var/lib/rpm/rpmdb.sqlite': database });
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      packages.map((p) => [p.type, p.name, p.version, p.arch, p.source, p.licenses]),
      [['rpm', 'openssl-libs', '1:3.0.1-41.el9', 'x86_64', { name: 'openssl', version: '1:3.0.1-41.el9' }, ['ASL 2.0']]],
    );
  }
});

test('rpm: what cannot be read is told of', async () => {
  const warning = async (files: Record<string, TestFile>): Promise<string> => (await inventory(files)).warnings.join('\n');
  assert.match(await warning({ 'var/lib/rpm/Packages': 'x' }), /Berkeley DB databases of rpm are not supported/);
  assert.match(await warning({ 'usr/lib/sysimage/rpm/Packages.db': 'x' }), /ndb databases of rpm are not supported/);
  assert.match(await warning({ 'var/lib/rpm/rpmdb.sqlite': 'x' }), /no SQLite database/);
  const endless = new DatabaseSync(':memory:');
  endless.exec('CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS hnum, x AS blob FROM c');
  assert.match(await warning({ 'var/lib/rpm/rpmdb.sqlite': Buffer.from(endless.serialize()) }), /no table Packages/);
  const computed = new DatabaseSync(':memory:');
  computed.exec('CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob AS (zeroblob(1000000000))); INSERT INTO Packages VALUES (1)');
  assert.match(await warning({ 'var/lib/rpm/rpmdb.sqlite': Buffer.from(computed.serialize()) }), /no table Packages/);
  const damaged = rpmDatabase([rpmHeader({ 1000: 'a' }).subarray(0, 12)]);
  assert.match(await warning({ 'var/lib/rpm/rpmdb.sqlite': damaged }), /cut off|out of/);
});

test('npm: installed packages, and a lock file where nothing is installed', async () => {
  const lock = JSON.stringify({ lockfileVersion: 3, packages: { '': { name: 'app', version: '1.0.0' }, 'node_modules/lodash': { version: '4.17.20' }, 'node_modules/x/node_modules/@s/y': { version: '1.2.3' }, 'node_modules/tap': { version: '1.0.0', dev: true }, 'node_modules/w': { link: true } } }); // prettier-ignore
  assert.deepEqual(await found({ 'app/package.json': '{"name":"app","version":"1.0.0"}', 'app/package-lock.json': lock }), [
    'npm @s/y 1.2.3',
    'npm lodash 4.17.20',
  ]);
  assert.deepEqual(await found({ 'app/package-lock.json': lock, 'app/node_modules/@s/z/package.json': '{"name":"@s/z","version":"3.0.0"}', 'app/node_modules/@s/z/lib/package.json': '{"name":"no","version":"1.0.0"}' }), ['npm @s/z 3.0.0']); // prettier-ignore
  const old = JSON.stringify({ dependencies: { a: { version: '1.0.0', dependencies: { b: { version: '2.0.0' } } }, c: { version: '3.0.0', dev: true } } });
  assert.deepEqual(await found({ 'package-lock.json': old }), ['npm a 1.0.0', 'npm b 2.0.0']);
  assert.deepEqual(await found({ 'node_modules/a/package.json': '{"name":"a","version":7}', 'node_modules/b/package.json': 'null' }), []);
  assert.match((await inventory({ 'node_modules/a/package.json': '{' })).warnings.join(), /node_modules\/a\/package\.json: .*JSON/);
});

test('Python: wheels and eggs, but not what dpkg put there', async () => {
  const metadata = (name: string, version: string): string => `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\nLicense: MIT\n\nName: not this\n`;
  assert.deepEqual(
    await found({
      'usr/local/lib/python3/site-packages/Jinja2-2.10.dist-info/METADATA': metadata('Jinja2', '2.10'),
      'opt/zope.interface-5.0.egg-info/PKG-INFO': metadata('zope.interface', '5.0'),
      'usr/lib/python3/dist-packages/six-1.16.0.egg-info': metadata('six', '1.16.0'),
      'var/lib/dpkg/info/python3-six.list': '/.\n/usr\n/usr/lib/python3/dist-packages/six-1.16.0.egg-info\n',
    }),
    ['pypi jinja2 2.10', 'pypi zope-interface 5.0'],
  );
});

test('Ruby and PHP', async () => {
  const gemspec = 'Gem::Specification.new do |s|\n\n  s.name = "rack".freeze\n  s.version = "2.0.1"\nend\n';
  assert.deepEqual(await found({ 'usr/local/bundle/specifications/rack-2.0.1.gemspec': gemspec, 'app/own.gemspec': gemspec }), ['gem rack 2.0.1']);
  const installed = (value: unknown): Record<string, string> => ({ 'app/vendor/composer/installed.json': JSON.stringify(value) });
  assert.deepEqual(await found(installed({ packages: [{ name: 'Twig/twig', version: 'v1.0.0' }, {}] })), ['composer twig/twig 1.0.0']);
  assert.deepEqual(await found(installed([{ name: 'a/b', version: '1' }, null])), ['composer a/b 1']);
});

test('Java: archives within archives', async () => {
  const properties = (group: string, artifact: string, version: string): Record<string, string> => ({
    [`META-INF/maven/${group}/${artifact}/pom.properties`]: `#made\ngroupId=${group}\nartifactId=${artifact}\r\nversion=${version}\n`,
  });
  const core = zip(properties('org.apache.logging.log4j', 'log4j-core', '2.14.1'));
  const bundle = zip({ 'META-INF/MANIFEST.MF': 'Manifest-Version: 1.0\r\nBundle-SymbolicName: com.exam\r\n ple.util\r\nImplementation-Version: 9\r\n\r\n' });
  const war = zip({ 'WEB-INF/lib/log4j-core-2.14.1.jar': core, 'WEB-INF/lib/exa-util-1.5.jar': bundle, 'WEB-INF/lib/broken.jar': 'no zip' });
  assert.deepEqual(await found({ 'srv/app.war': war }), ['maven com.example:exa-util 1.5', 'maven org.apache.logging.log4j:log4j-core 2.14.1']);
  assert.match((await inventory({ 'srv/app.war': war })).warnings.join(), /srv\/app\.war!WEB-INF\/lib\/broken\.jar/);
  let nested = core;
  for (let i = 0; i < 6; i++) nested = zip({ 'a.jar': nested });
  const deep = await inventory({ 'b.jar': nested });
  assert.match(deep.warnings.join(), /nested too deep/);
  // All that are open at once are in memory: together they have a limit too.
  const outer = zip({ 'd.jar': zip({ 'e.jar': core, x: Buffer.alloc(3000) }) });
  const held = await inventory({ 'b.jar': outer }, { ...defaultLimits, fileBytes: outer.length });
  assert.deepEqual(held.warnings, ['b.jar!d.jar!e.jar: e.jar is too large']);
  await assert.rejects(
    inventory({ 'b.jar': zip(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}`, '']))) }, { ...defaultLimits, entries: 20 }),
    /more than 20 files/,
  );
});

test('Go: modules of a program, wherever its list stands in the file', async () => {
  const list =
    'path\tcmd/x\nmod\texample.com/x\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:=\ndep\tgolang.org/x/text\tv0.3.0\n=>\tgolang.org/x/text\tv0.3.8\th1:=\ndep\tlocal/z\tv0.0.0\n=>\t./z\t(devel)\t\nbuild\t-compiler=gc\n';
  const wanted = ['golang golang.org/x/net v0.1.0', 'golang golang.org/x/text v0.3.8', 'golang stdlib 1.20.1'];
  for (const at of [16, 992, 1008, 65536, 3_000_000])
    assert.deepEqual(await found({ 'bin/x': { mode: 0o755, content: goProgram(list, at) } }), wanted, `at ${at}`);
  // The mark alone, as in Go's own tools, is no list; the next one may be.
  const twice = goProgram(list, 8192);
  twice.write('\xff Go buildinf:', 4096, 'latin1');
  assert.deepEqual(await found({ 'bin/x': { mode: 0o755, content: twice } }), wanted);
  assert.deepEqual(await found({ 'bin/x': { mode: 0o644, content: goProgram(list, 16) } }), [], 'not executable');
  assert.deepEqual(await found({ 'bin/x': { mode: 0o755, content: Buffer.concat([Buffer.alloc(16), goProgram(list, 16)]) } }), [], 'no program');
  assert.deepEqual(await found({ 'bin/x': { mode: 0o755, content: goProgram(list, 8192).subarray(0, 8300) } }), [], 'cut off');
});

test('files of the distribution win; an image without any is empty', async () => {
  assert.equal((await inventory({ 'usr/lib/os-release': debian('11'), 'etc/os-release': debian('12') })).distribution?.versionId, '12');
  assert.equal((await inventory({ 'usr/lib/os-release': debian('11') })).distribution?.versionId, '11');
  const empty = await inventory({ 'bin/hello': 'x' });
  assert.deepEqual([empty.distribution, empty.packages], [undefined, []]);
});

/** A header as rpm's database has it: strings (type 6) and numbers (type 4). */
function rpmHeader(values: Record<number, string | number>): Buffer {
  const entries = Object.entries(values);
  const index = Buffer.alloc(8 + entries.length * 16);
  let data = Buffer.alloc(0);
  for (const [i, [tag, value]] of entries.entries()) {
    if (typeof value === 'number') data = Buffer.concat([data, Buffer.alloc((4 - (data.length % 4)) % 4)]);
    [Number(tag), typeof value === 'number' ? 4 : 6, data.length, 1].forEach((word, j) => index.writeUInt32BE(word, 8 + i * 16 + j * 4));
    const bytes = typeof value === 'number' ? Buffer.from([value >>> 24, value >>> 16, value >>> 8, value]) : Buffer.from(`${value}\0`);
    data = Buffer.concat([data, bytes]);
  }
  index.writeUInt32BE(entries.length, 0);
  index.writeUInt32BE(data.length, 4);
  return Buffer.concat([index, data]);
}
function rpmDatabase(headers: Buffer[]): Buffer {
  const db = new DatabaseSync(':memory:');
  db.exec("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)");
  for (const header of headers) db.prepare('INSERT INTO Packages (blob) VALUES (?)').run(header);
  const bytes = Buffer.from(db.serialize());
  db.close();
  return bytes;
}
/** Something that begins as a program does and has a list of modules at a place. */
function goProgram(list: string, at: number): Buffer {
  const text = (value: string): Buffer => {
    const length: number[] = [];
    for (let rest = Buffer.byteLength(value, 'latin1'); ; rest >>>= 7) {
      length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
      if (rest <= 0x7f) break;
    }
    return Buffer.concat([Buffer.from(length), Buffer.from(value, 'latin1')]);
  };
  const mark = '0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6';
  const head = Buffer.alloc(at);
  head.write('\x7fELF', 0, 'latin1');
  const info = Buffer.alloc(32);
  info.write('\xff Go buildinf:', 0, 'latin1');
  info[14] = 8;
  info[15] = 2;
  return Buffer.concat([head, info, text('go1.20.1'), text(`${mark}${list}${mark}`), Buffer.alloc(5000)]);
}
