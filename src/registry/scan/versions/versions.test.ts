import assert from 'node:assert/strict';
import test from 'node:test';
import type { PackageType } from '../types.ts';
import { comparers } from './index.ts';

/** Lists in ascending order; every pair of a list is compared, both ways. */
const ascending: [PackageType, string][] = [
  // deb-version(7), Debian policy 5.6.12
  ['deb', '~~ ~~a ~ 0 a'],
  ['deb', '1.0~beta1~svn1245 1.0~beta1 1.0 1.0-1 1.0-1+deb8u1 1.0-1.1 1.0a 1.0+b'],
  ['deb', '9.99 1:0.1 1:0.1-1 2:0'],
  ['deb', '1.0.1e-2 1.0.1e-2+deb7u4 1.0.1e-2+deb7u5 1.0.1f-1 1.0.1g-1 1.1.1k-1 3.0.2-0ubuntu1 3.0.2-0ubuntu1.1'],
  ['deb', '1.2.3-1~bpo10+1 1.2.3-1 1.2.3-1+b1 1.2.3-1+b2 1.2.3-2'],
  // rpm's own tests of rpmvercmp
  ['rpm', '1.0~rc1~git123 1.0~rc1 1.0~rc2 1.0 1.0^ 1.0^git1~pre2 1.0^git1 1.0.1'],
  ['rpm', '5.5p1 5.5p2 5.5p10'],
  ['rpm', 'xyz10 xyz10.1 10xyz'],
  ['rpm', 'xyz.4 2 8'],
  ['rpm', '1.0.1e-15.el6 1.0.1e-16.el6_5.7 1:0.1-1 2:0.0-1'],
  ['rpm', '2.0.1 2.0.1a 2.0.1.1'],
  ['rpm', '1.0010 1.11 20101121 20101122'],
  // apk-tools, test/version.data
  ['apk', '0.1.0_alpha 0.1.0_alpha1 0.1.0_alpha2 0.1.0_beta 0.1.0_pre2 0.1.0_rc1 0.1.0 0.1.0_cvs1 0.1.0_p1 0.1.1'],
  ['apk', '1.0.1-r0 1.0.1g-r0 1.0.2-r0 1.0.2-r1 1.0.2-r10 1.0.10-r0'],
  ['apk', '2.34 2.34.1 2.35_alpha 2.35 2.35_p20160101'],
  ['apk', '1.010 1.02 1.1 1.10'],
  // semver.org, 11
  ['npm', '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 2.0.0 2.1.0 2.1.1'],
  ['golang', 'v0.0.0-20191109021931-daa7c04131f5 v0.0.1 1.18 1.18.1 1.21-rc.1 1.21rc2 1.21.0 1.22.0-0 1.22.0'],
  // PEP 440
  [
    'pypi',
    '1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev456 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15 1.1.dev1 1!0.1',
  ],
  // Maven, POM reference, "Version Order Specification"
  ['maven', '1-alpha 1-beta 1-milestone 1-rc 1-snapshot 1 1-sp 1-foo2 1-foo10 1-1 1.1'],
  ['maven', '2.0-beta9 2.0-rc1 2.0 2.12.1 2.14.1 2.15.0 2.17.1'],
  ['gem', '1.0.a 1.0.b1 1.0.rc1 1.0 1.0.1 1.10'],
  ['composer', '1.0.0-dev 1.0.0-alpha1 1.0.0-beta2 1.0.0-RC1 1.0.0 1.0.0-patch1 1.0.1 v1.10.0'],
];
const equal: [PackageType, string][] = [
  ['deb', '1.0 0:1.0 1.0-0 1.00'],
  ['rpm', '1.0 1_0 1.0. 1..0'],
  ['rpm', '2.50 2..50 2_50'],
  ['apk', '1.2.3 1.2.3-r0'],
  ['npm', '1.2.3 v1.2.3 1.2.3+build'],
  ['pypi', '1.0 1 1.0.0 v1.0'],
  ['pypi', '1.0rc1 1.0-rc.1 1.0c1 1.0.RC1'],
  ['maven', '1 1.0 1-0 1.0-ga 1.0.RELEASE'],
  ['gem', '1 1.0 1.0.0'],
  ['composer', '1 1.0 v1.0.0 1.0.0.0 1.0.0-stable'],
];

test('versions are in the published order of their ecosystem', () => {
  for (const [type, list] of ascending) {
    const versions = list.split(' ');
    const compare = comparers[type];
    for (const [i, a] of versions.entries()) {
      assert.equal(compare(a, a), 0, `${type}: ${a} is itself`);
      for (const b of versions.slice(i + 1)) {
        assert.ok((compare(a, b) as number) < 0, `${type}: ${a} < ${b}`);
        assert.ok((compare(b, a) as number) > 0, `${type}: ${b} > ${a}`);
      }
    }
  }
  for (const [type, list] of equal) {
    const versions = list.split(' ');
    for (const a of versions) for (const b of versions) assert.equal(comparers[type](a, b), 0, `${type}: ${a} = ${b}`);
  }
});

test('what is no version is not compared', () => {
  for (const [type, bad] of [
    ['apk', '1.0-x'],
    ['apk', '1.0_foo'],
    ['npm', 'latest'],
    ['golang', '(devel)'],
    ['pypi', 'not a version'],
    ['gem', ''],
    ['composer', 'dev-main'],
  ] as const) {
    assert.equal(comparers[type](bad, '1.0.0'), undefined, `${type} ${bad}`);
    assert.equal(comparers[type]('1.0.0', bad), undefined, `${type} ${bad}`);
  }
});

test('numbers longer than a machine word have their order', () => {
  const long = '9'.repeat(40);
  for (const type of ['deb', 'rpm', 'apk', 'gem', 'composer'] as const) assert.ok((comparers[type](long, `1${'0'.repeat(40)}`) as number) < 0, type);
});
