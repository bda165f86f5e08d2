import { compare as comparePep440, valid } from '@renovatebot/pep440';
import { compare as compareMaven } from 'mvncmp';
import type { PackageType } from '../types.ts';
import { compareAlpine } from './apk.ts';
import { compareComposer } from './composer.ts';
import { compareDebian } from './dpkg.ts';
import { compareGem } from './gem.ts';
import { compareRpm } from './rpm.ts';
import { compareSemver } from './semver.ts';

/** Below 0: a is before b. Undefined: one of them is no version of that sort. */
export type Compare = (a: string, b: string) => number | undefined;

/** Each ecosystem's own order of versions. */
export const comparers: Record<PackageType, Compare> = {
  deb: compareDebian,
  apk: compareAlpine,
  rpm: compareRpm,
  npm: compareSemver,
  golang: compareSemver,
  pypi: (a, b) => (valid(a) && valid(b) ? comparePep440(a, b) : undefined),
  maven: (a, b) => compareMaven(a, b),
  gem: compareGem,
  composer: compareComposer,
};
