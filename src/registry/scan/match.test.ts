import assert from 'node:assert/strict';
import test from 'node:test';
import { builtIn } from './advisories/built-in.ts';
import type { Known } from './advisories/database.ts';
import { baseOf, readOsv, type Advisory, type Affected } from './advisories/osv.ts';
import { findVulnerabilities, isAffected } from './match.ts';
import { scoreOf, severityFrom, severityOf } from './severity.ts';
import type { Finding, Inventory, Package, ScanMode } from './types.ts';
import { comparers } from './versions/index.ts';

/** Advisories in memory. */
const within = (advisories: Advisory[]): { lookup(base: string, name: string): { advisory: Known; affected: Affected }[] } => ({
  lookup: (base, name) =>
    advisories
      .filter((one) => !one.withdrawn)
      .flatMap((advisory) => advisory.affected.filter((a) => baseOf(a.ecosystem) === base && a.package === name).map((affected) => ({ advisory, affected }))),
});
const record = (id: string, affected: object[], extra: object = {}): Advisory => readOsv({ id, modified: '2024-01-01T00:00:00Z', affected, ...extra });
const range = (ecosystem: string, name: string, ...events: object[]): object => ({ package: { ecosystem, name }, ranges: [{ type: 'ECOSYSTEM', events }] });
const image = (id: string, versionId: string, ...packages: Partial<Package>[]): Inventory => ({
  digest: 'sha256:x',
  distribution: { id, idLike: [], versionId, name: id },
  architecture: 'amd64',
  packages: packages.map((one) => ({ type: 'deb', name: 'openssl', version: '1', path: 'p', ...one })),
  warnings: [],
});
const found = (inventory: Inventory, advisories: Advisory[], mode: ScanMode = 'enhanced'): Finding[] =>
  findVulnerabilities(inventory, within(advisories), mode);
const told = (findings: Finding[]): string[] => findings.map((f) => `${f.name} ${f.severity} ${f.package.name} ${f.package.version} → ${f.fixedIn ?? '-'}`);

test('ranges are evaluated as OSV says', () => {
  const npm = (version: string, ...events: object[]): string => {
    const [affected] = record('X', [range('npm', 'a', ...events)]).affected;
    const verdict = isAffected(affected as Affected, version, comparers.npm);
    return verdict ? `affected, ${verdict.fixedIn ?? 'no fix'}` : 'no';
  };
  const two = [{ introduced: '0' }, { fixed: '1.2.0' }, { introduced: '2.0.0' }, { fixed: '2.1.0' }];
  for (const events of [two, [...two].reverse()]) {
    assert.equal(npm('1.1.9', ...events), 'affected, 1.2.0');
    assert.equal(npm('1.2.0', ...events), 'no');
    assert.equal(npm('2.0.0-rc.1', ...events), 'no');
    assert.equal(npm('2.0.0', ...events), 'affected, 2.1.0');
    assert.equal(npm('2.1.0', ...events), 'no');
  }
  assert.equal(npm('1.0.0', { introduced: '0' }), 'affected, no fix');
  assert.equal(npm('1.5.0', { introduced: '1.0.0' }, { last_affected: '1.5.0' }), 'affected, no fix');
  assert.equal(npm('1.5.1', { introduced: '1.0.0' }, { last_affected: '1.5.0' }), 'no');
  assert.equal(npm('not-a-version', { introduced: '0' }, { fixed: '1.0.0' }), 'no');
  assert.equal(npm('1.0.0'), 'no', 'no events');
  const listed = record('X', [
    { package: { ecosystem: 'npm', name: 'a' }, versions: ['1.0.0'], ranges: [{ type: 'GIT', repo: 'r', events: [{ introduced: '0' }] }] },
  ]).affected[0] as Affected;
  assert.deepEqual(isAffected(listed, '1.0.0', comparers.npm), { fixedIn: undefined });
  assert.equal(isAffected(listed, '1.0.1', comparers.npm), undefined);
});

test('the built-in advisories find what they are about, and not what was mended', () => {
  const all = builtIn();
  const openssl = (id: string, release: string, type: Package['type'], version: string): string[] =>
    told(found(image(id, release, { type, name: 'libssl', version, source: { name: 'openssl', version } }), all));
  assert.deepEqual(openssl('debian', '7', 'deb', '1.0.1e-2+deb7u4'), ['CVE-2014-0160 HIGH libssl 1.0.1e-2+deb7u4 → 1.0.1e-2+deb7u5']);
  assert.deepEqual(openssl('debian', '7', 'deb', '1.0.1e-2+deb7u5'), []);
  assert.deepEqual(openssl('debian', '7', 'deb', '0.9.8o-4'), [], 'before it came in');
  assert.deepEqual(openssl('debian', '11', 'deb', '1.1.1k-1'), [
    'CVE-2021-3711 CRITICAL libssl 1.1.1k-1 → 1.1.1k-1+deb11u1',
    'CVE-2022-0778 HIGH libssl 1.1.1k-1 → 1.1.1k-1+deb11u2',
  ]);
  assert.deepEqual(openssl('debian', '12', 'deb', '1.1.1k-1'), [], 'another release');
  assert.deepEqual(
    openssl('alpine', '3.14.2', 'apk', '1.1.1k-r0').map((one) => one.slice(0, 13)),
    ['CVE-2021-3711', 'CVE-2022-0778'],
  );
  assert.deepEqual(openssl('ubuntu', '22.04', 'deb', '3.0.2-0ubuntu1.6'), ['CVE-2022-3602 HIGH libssl 3.0.2-0ubuntu1.6 → 3.0.2-0ubuntu1.7']);
  const languages = image('none', '', { type: 'npm', name: 'lodash', version: '4.17.20' }, { type: 'maven', name: 'org.apache.logging.log4j:log4j-core', version: '2.11.0' }, { type: 'pypi', name: 'pyyaml', version: '5.3.1' }, { type: 'golang', name: 'stdlib', version: '1.21.0' }, { type: 'golang', name: 'golang.org/x/net', version: 'v0.17.0' }); // prettier-ignore
  assert.deepEqual(told(found(languages, all)), [
    'CVE-2021-44228 CRITICAL org.apache.logging.log4j:log4j-core 2.11.0 → 2.12.2',
    'CVE-2020-14343 CRITICAL pyyaml 5.3.1 → 5.4',
    'CVE-2023-39325 HIGH stdlib 1.21.0 → 1.21.3',
    'CVE-2021-23337 HIGH lodash 4.17.20 → 4.17.21',
  ]);
  assert.deepEqual(found(languages, all, 'basic'), [], 'basic looks at the distribution alone');
});

test('several advisories about one vulnerability are one finding', () => {
  const debian = record('DEBIAN-CVE-2022-0778', [range('Debian:11', 'openssl', { introduced: '0' }, { fixed: '2' })], { upstream: ['CVE-2022-0778'], severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H' }], details: 'long' }); // prettier-ignore
  const notice = record('DSA-5103-1', [range('Debian:11', 'openssl', { introduced: '0' }, { fixed: '2' })], {
    upstream: ['CVE-2022-0778', 'CVE-2021-4160'],
    summary: 'openssl - security update',
  });
  const [first, second, ...rest] = found(image('debian', '11', {}), [notice, debian]);
  assert.deepEqual([first?.name, first?.severity, first?.title, first?.description, first?.advisories, first?.cvss[0]?.score], ['CVE-2022-0778', 'HIGH', 'openssl - security update', 'openssl - security update', ['DSA-5103-1', 'DEBIAN-CVE-2022-0778'], 7.5]); // prettier-ignore
  assert.deepEqual(first?.aliases, ['DSA-5103-1', 'CVE-2021-4160', 'DEBIAN-CVE-2022-0778']);
  assert.deepEqual([second?.name, second?.severity], ['CVE-2021-4160', 'UNDEFINED']);
  assert.deepEqual(rest, []);
  const twice = found(image('debian', '11', {}, { path: 'q' }), [debian]);
  assert.equal(twice.length, 2, 'two copies in two places are two');
});

test('releases of distributions', () => {
  const affected = (ecosystem: string, id: string, version: string, type: Package['type']): boolean =>
    found(image(id, version, { type }), [record('X-1', [range(ecosystem, 'openssl', { introduced: '0' })])]).length > 0;
  assert.ok(affected('Ubuntu:22.04:LTS', 'ubuntu', '22.04', 'deb'));
  assert.ok(!affected('Ubuntu:Pro:22.04:LTS', 'ubuntu', '22.04', 'deb'), 'what only subscribers get');
  assert.ok(!affected('Debian:1', 'debian', '11', 'deb'));
  assert.ok(affected('Debian', 'debian', '11', 'deb'), 'no release is every release');
  assert.ok(affected('Alpine:v3.18', 'alpine', '3.18.4', 'apk'));
  assert.ok(affected('Rocky Linux:9', 'rocky', '9.3', 'rpm'));
  assert.ok(affected('Red Hat:enterprise_linux:9::baseos', 'rhel', '9.2', 'rpm'));
  assert.ok(affected('openSUSE:Leap 15.5', 'opensuse-leap', '15.5', 'rpm'));
  assert.ok(affected('SUSE:Linux Enterprise Server 15 SP5', 'sles', '15.5', 'rpm'));
  assert.ok(!affected('Alpine:v3.18', 'alpine', '3.18.4', 'deb'), 'a package of another sort');
  assert.ok(!affected('Debian:11', 'nobody', '11', 'deb'));
});

test('sources: Debian compares the source, rpm both', () => {
  const both = (type: Package['type'], id: string, ecosystem: string, name: string): number =>
    found(image(id, '9', { type, name: 'libs', version: '2-1', source: { name: 'src', version: '1-1' } }), [
      record('X-1', [range(ecosystem, name, { introduced: '0' }, { fixed: '2-1' })]),
    ]).length;
  assert.equal(both('deb', 'debian', 'Debian:9', 'src'), 1, 'the version of the source counts');
  assert.equal(both('deb', 'debian', 'Debian:9', 'libs'), 0);
  assert.equal(both('rpm', 'rocky', 'Rocky Linux:9', 'src'), 1);
  assert.equal(both('rpm', 'rocky', 'Rocky Linux:9', 'libs'), 0, 'its own version is mended');
});

test('severities: the word of the vendor, then the score', () => {
  const severity = (extra: object, own: object = {}): string =>
    found(image('debian', '11', {}), [record('X-1', [{ ...range('Debian:11', 'openssl', { introduced: '0' }), ...own }], extra)])[0]?.severity ?? 'none';
  const high = [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }];
  assert.equal(severity({}), 'UNDEFINED');
  assert.equal(severity({ severity: high }), 'CRITICAL');
  assert.equal(severity({ severity: high, database_specific: { severity: 'MODERATE' } }), 'MEDIUM');
  assert.equal(severity({ severity: high }, { ecosystem_specific: { urgency: 'unimportant' } }), 'INFORMATIONAL');
  assert.equal(severity({ severity: high }, { ecosystem_specific: { urgency: 'not yet assigned' } }), 'CRITICAL');
  assert.equal(severity({ severity: [{ type: 'Ubuntu', score: 'low' }, ...high] }), 'LOW');
  assert.equal(severity({ severity: [{ type: 'CVSS_V3', score: 'nonsense' }] }), 'UNDEFINED');
  assert.equal(severityOf('low**'), 'LOW');
  const score = (vector: string): [string, number, string] | undefined => {
    const one = scoreOf(vector, 'NVD');
    return one && [one.version, one.score, severityFrom(undefined, [one])];
  };
  assert.deepEqual(score('AV:N/AC:L/Au:N/C:C/I:C/A:C'), ['2.0', 10, 'HIGH']);
  assert.deepEqual(score('CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H'), ['3.0', 10, 'CRITICAL']);
  assert.deepEqual(score('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N'), ['3.1', 0, 'INFORMATIONAL']);
  assert.deepEqual(score('CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N'), ['4.0', 9.3, 'CRITICAL']);
  assert.equal(score('CVSS:3.1/AV:N'), undefined, 'not whole');
});

test('records: withdrawn, malicious and broken ones', () => {
  const affected = [range('npm', 'evil', { introduced: '0' })];
  const evil = image('none', '', { type: 'npm', name: 'evil', version: '1.0.0' });
  assert.deepEqual(told(found(evil, [record('MAL-2024-1', affected)])), ['MAL-2024-1 CRITICAL evil 1.0.0 → -']);
  assert.deepEqual(found(evil, [record('GHSA-x', affected, { withdrawn: '2024-02-01T00:00:00Z' })]), []);
  for (const bad of [null, [], 'x', {}, { id: 'X' }, { id: 'X', modified: 'never' }, { id: 7, modified: '2024-01-01T00:00:00Z' }])
    assert.throws(() => readOsv(bad), /no id|no time/);
  const odd = readOsv({ id: 'X', modified: '2024-01-01T00:00:00Z', affected: [null, {}, { package: { ecosystem: 'npm' } }, { package: { ecosystem: 'npm', name: 'a' }, ranges: [null, { type: 'SEMVER', events: [null, {}, { fixed: 1 }] }], versions: 'x' }], aliases: 'x', severity: 'x', references: [{}] }); // prettier-ignore
  assert.deepEqual(odd.affected, [{ ecosystem: 'npm', package: 'a', ranges: [{ type: 'SEMVER', events: [] }], versions: [] }]);
});
