import type { Distribution, PackageType } from './types.ts';

/** Where advisories about a distribution's packages are: an ecosystem of OSV, and the releases of it that apply. */
export interface Releases {
  readonly base: string;
  /** What may stand after the colon, or before another colon there; undefined where there are no releases. */
  readonly release: string | undefined;
  readonly type: PackageType;
}

const major = (version: string): string => version.split('.')[0] ?? '';
const minor = (version: string): string => version.split('.').slice(0, 2).join('.');

/** A distribution that OSV knows is a line. */
const known: Record<string, (version: string) => Releases> = {
  debian: (version) => ({ base: 'Debian', release: major(version), type: 'deb' }),
  ubuntu: (version) => ({ base: 'Ubuntu', release: version, type: 'deb' }),
  alpine: (version) => ({ base: 'Alpine', release: `v${minor(version)}`, type: 'apk' }),
  wolfi: () => ({ base: 'Wolfi', release: undefined, type: 'apk' }),
  chainguard: () => ({ base: 'Chainguard', release: undefined, type: 'apk' }),
  rocky: (version) => ({ base: 'Rocky Linux', release: major(version), type: 'rpm' }),
  almalinux: (version) => ({ base: 'AlmaLinux', release: major(version), type: 'rpm' }),
  rhel: (version) => ({ base: 'Red Hat', release: `enterprise_linux:${major(version)}`, type: 'rpm' }),
  'opensuse-leap': (version) => ({ base: 'openSUSE', release: `Leap ${version}`, type: 'rpm' }),
  'opensuse-tumbleweed': () => ({ base: 'openSUSE', release: 'Tumbleweed', type: 'rpm' }),
  sles: (version) => ({ base: 'SUSE', release: `Linux Enterprise Server ${version.replace(/\.0$/, '').replace('.', ' SP')}`, type: 'rpm' }),
  mageia: (version) => ({ base: 'Mageia', release: version, type: 'rpm' }),
  azurelinux: (version) => ({ base: 'Azure Linux', release: major(version), type: 'rpm' }),
};

/** Undefined: nobody that we can read has advisories for it. */
export const releasesOf = (distribution: Distribution | undefined): Releases | undefined => distribution && known[distribution.id]?.(distribution.versionId);

/** Whether an advisory's ecosystem, `Ubuntu:22.04:LTS` say, is of this release. One without a release is of all. */
export function isOfRelease(ecosystem: string, { base, release }: Releases): boolean {
  if (ecosystem === base) return true;
  if (release === undefined || !ecosystem.startsWith(`${base}:`)) return false;
  const rest = ecosystem.slice(base.length + 1);
  return rest === release || rest.startsWith(`${release}:`);
}

/** Ecosystems of packages that no distribution has. */
export const languages: Partial<Record<PackageType, string>> = {
  npm: 'npm',
  pypi: 'PyPI',
  golang: 'Go',
  maven: 'Maven',
  gem: 'RubyGems',
  composer: 'Packagist',
};
