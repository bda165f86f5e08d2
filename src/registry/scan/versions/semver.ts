import { compare, parse } from 'semver';

/** Semantic versions 2.0.0, a leading v allowed. Undefined: one of them is none. */
export function compareSemver(a: string, b: string): number | undefined {
  const [x, y] = [read(a), read(b)];
  return x && y ? compare(x, y) : undefined;
}
const form = /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+)|((?:rc|beta)\d+))?(?:\+.*)?$/;
/** OSV writes short forms, as in Go's `1.18` and `1.22.0-0`; Go's own are `1.21rc2`. */
const read = (text: string): ReturnType<typeof parse> => {
  const trimmed = text.trim().replace(/^[vV]/, '');
  const [, major, minor = 0, patch = 0, suffix, go] = form.exec(trimmed) ?? [];
  const rest = suffix ?? go?.replace(/(\d+)$/, '.$1');
  return parse(major === undefined ? trimmed : `${major}.${minor}.${patch}${rest === undefined ? '' : `-${rest}`}`, { loose: true });
};
