import { isSane, type Detector, type Found } from './detector.ts';

/** A package that is installed. */
export const npmPackage: Detector = {
  matches: (path, name) => name === 'package.json' && /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/.test(path),
  parse: (content) => ({ packages: one(JSON.parse(content.toString())) }),
};

/** What a lock file names; it counts only where nothing is installed beside it. */
export const npmLock: Detector = {
  matches: (path, name) => (name === 'package-lock.json' || name === 'npm-shrinkwrap.json') && !path.includes('node_modules/'),
  parse: (content) => ({ packages: locked(JSON.parse(content.toString())) }),
};

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

function one(value: unknown): Found[] {
  const { name, version, license } = fieldsOf(value);
  if (!isSane(name) || !isSane(version)) return [];
  return [{ type: 'npm', name, version, ...(isSane(license) ? { licenses: [license] } : {}) }];
}

function locked(value: unknown): Found[] {
  const { packages, dependencies } = fieldsOf(value);
  if (packages) {
    return Object.entries(fieldsOf(packages)).flatMap(([path, entry]) => {
      const { name, version, dev, link } = fieldsOf(entry);
      const at = path.lastIndexOf('node_modules/');
      return at < 0 || dev === true || link === true ? [] : one({ name: name ?? path.slice(at + 'node_modules/'.length), version });
    });
  }
  return [...old(fieldsOf(dependencies), 0)];
}
/** Lock files of npm before 7 nest what they name. */
function* old(dependencies: Fields, depth: number): Generator<Found> {
  if (depth > 50) return;
  for (const [name, entry] of Object.entries(dependencies)) {
    const { version, dev, dependencies: inner } = fieldsOf(entry);
    if (dev !== true) yield* one({ name, version });
    yield* old(fieldsOf(inner), depth + 1);
  }
}
