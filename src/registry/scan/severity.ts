import calculator from 'ae-cvss-calculator';
import { severities, type CvssScore, type Severity } from './types.ts';

/** Words of the databases, in the words that ECR has. */
const words: Record<string, Severity> = {
  critical: 'CRITICAL',
  high: 'HIGH',
  important: 'HIGH',
  medium: 'MEDIUM',
  moderate: 'MEDIUM',
  low: 'LOW',
  minor: 'LOW',
  negligible: 'INFORMATIONAL',
  unimportant: 'INFORMATIONAL',
  none: 'INFORMATIONAL',
};

/** What somebody called it; undefined for words that rate nothing ("not yet assigned"). */
export const severityOf = (word: unknown): Severity | undefined =>
  typeof word === 'string' ? words[word.toLowerCase().replaceAll('*', '').trim()] : undefined;

/** Qualitative rating of a score: CVSS 3 and 4 have the same bounds; NVD rates scores of CVSS 2, which end at HIGH. */
export function rate({ version, score }: Pick<CvssScore, 'version' | 'score'>): Severity {
  if (score >= 9 && version !== '2.0') return 'CRITICAL';
  if (score >= 7) return 'HIGH';
  if (score >= 4) return 'MEDIUM';
  return score > 0 || version === '2.0' ? 'LOW' : 'INFORMATIONAL';
}

/** Undefined for what is no vector, or not a whole one. */
export function scoreOf(vector: string, source: string): CvssScore | undefined {
  try {
    const score = calculator.fromVector(vector)?.calculateScores()['base'];
    if (typeof score !== 'number' || !Number.isFinite(score)) return undefined;
    return { version: /^CVSS:(\d\.\d)\//.exec(vector)?.[1] ?? '2.0', vector, score, source };
  } catch {
    return undefined;
  }
}

/** The vendor's word first (it knows how the package is built), then the score of the newest widely used version. */
export function severityFrom(word: Severity | undefined, scores: readonly CvssScore[]): Severity {
  if (word) return word;
  const best = ['3.1', '3.0', '4.0', '2.0'].map((version) => scores.find((one) => one.version === version)).find((one) => one !== undefined);
  return best ? rate(best) : 'UNDEFINED';
}
export const worst = (a: Severity, b: Severity): Severity => (severities.indexOf(a) <= severities.indexOf(b) ? a : b);
