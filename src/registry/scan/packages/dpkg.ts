import { isSane, readFields, type Detector, type Found } from './detector.ts';

/** The database of dpkg, and the files that distroless images have in its place, one for a package. */
export const dpkgStatus: Detector = {
  matches: (path, name) => path === 'var/lib/dpkg/status' || (path.startsWith('var/lib/dpkg/status.d/') && !name.endsWith('.md5sums')),
  parse: (content) => ({ packages: readStatus(content.toString()) }),
};

/** Which files are dpkg's. */
export const dpkgFiles: Detector = {
  matches: (path) => path.startsWith('var/lib/dpkg/info/') && path.endsWith('.list'),
  parse: (content) => ({ packages: [], owned: ownedPaths(content.toString().split('\n')) }),
};

/** Only what another detector could take for a package of its own is worth keeping. */
export const ownedPaths = (lines: readonly string[]): string[] =>
  lines
    .filter((line) => /(?:METADATA|PKG-INFO|\.egg-info|package\.json|\.[jwe]ar|\.gemspec|installed\.json)$/.test(line))
    .map((line) => line.replace(/^\/+/, ''));

function readStatus(text: string): Found[] {
  const packages: Found[] = [];
  for (const stanza of text.split(/\n\s*\n/)) {
    const fields = readFields(stanza);
    const [name, version, status, arch] = ['package', 'version', 'status', 'architecture'].map((field) => fields.get(field));
    if (!isSane(name) || !isSane(version)) continue;
    // "hold ok installed": the third word is the state. Removed packages that left configuration behind are listed too.
    if (status !== undefined && status.split(/\s+/)[2] !== 'installed') continue;
    const source = /^(\S+)(?:\s+\((\S+)\))?$/.exec(fields.get('source') ?? '');
    packages.push({
      type: 'deb',
      name,
      version,
      ...(arch === undefined ? {} : { arch }),
      ...(source ? { source: { name: source[1] as string, version: source[2] ?? version } } : {}),
    });
  }
  return packages;
}
