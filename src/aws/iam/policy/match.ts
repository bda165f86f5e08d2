const literals: Readonly<Record<string, string>> = { '*': '\uE000', '?': '\uE001', '\uE000': '*', '\uE001': '?' };

/** Text that stands for itself in a pattern: what a policy variable brings in must not become a wildcard. */
export const quote = (text: string): string => text.replaceAll(/[*?]/g, (c) => literals[c] as string);
/** The text of a pattern that is none: what was quoted, as it was. */
export const unquote = (text: string): string => text.replaceAll(/[\uE000\uE001]/g, (c) => literals[c] as string);

/**
 * Wildcards of policies: `*` any run of characters, `?` one. Written without regular expressions, whose backtracking a
 * policy's author could make exponential; this is linear in practice and quadratic at worst.
 */
export function glob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (p < pattern.length && pattern[p] !== '*' && (pattern[p] === '?' || unquote(pattern[p] as string) === text[t])) {
      p++;
      t++;
    } else if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** `service:Action`, without regard to case, as IAM compares actions. */
export const matchesAction = (pattern: string, action: string): boolean => glob(pattern.toLowerCase(), action.toLowerCase());

/** The six parts of an ARN; the last one keeps its colons. */
export function splitArn(arn: string): string[] | undefined {
  const parts = arn.split(':');
  if (parts.length < 6 || parts[0] !== 'arn') return undefined;
  return [...parts.slice(0, 5), parts.slice(5).join(':')];
}

/** Part by part (IAM reference, ARN condition operators): a wildcard in one part never reaches into the next. */
export function matchesArn(pattern: string, arn: string): boolean {
  if (pattern === '*') return true;
  const wanted = splitArn(pattern);
  const given = splitArn(arn);
  if (!wanted || !given) return unquote(pattern) === arn;
  return wanted.every((part, i) => glob(part, given[i] as string));
}
