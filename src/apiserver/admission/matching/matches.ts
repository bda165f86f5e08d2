import type { Kind } from '#machinery';
import type { AdmissionRequest, KindReader } from '../../types.ts';
import type { Constraints, Match } from './constraints.ts';
import type { Aim } from './rules.ts';

export interface Constrained {
  readonly constraints: Pick<Constraints, 'match' | 'admits'>;
}
/** A member that sorts of requests match by its rules. */
export interface Candidate<T> {
  readonly member: T;
  readonly match: Match;
  readonly aim: Aim;
}

/**
 * Which of some hooks or policies a request is about. Rules are evaluated once per kind, operation and subresource,
 * and again when the members or the kinds change, so that requests nobody cares for cost two look-ups.
 */
export class Matches<T extends Constrained> {
  #members: readonly T[] = [];
  #known = new Map<Kind, Map<string, readonly Candidate<T>[]>>();
  #reader: KindReader | undefined;
  start(reader: KindReader): void {
    this.#reader = reader;
    reader.onKinds(() => this.#forget());
  }
  set(members: readonly T[]): void {
    this.#members = members;
    this.#forget();
  }
  /** In the order of the members; by rules only. */
  candidates(request: AdmissionRequest): readonly Candidate<T>[] {
    if (this.#members.length === 0) return none;
    let known = this.#known.get(request.kind);
    if (!known) this.#known.set(request.kind, (known = new Map<string, readonly Candidate<T>[]>()));
    const key = request.subresource === undefined ? request.operation : `${request.operation} ${request.subresource}`;
    let found = known.get(key);
    // Subresource names come from paths: what matches nothing is not worth remembering without bound.
    if (!found) {
      found = this.#find({ kind: request.kind, operation: request.operation, subresource: request.subresource?.split('/', 1)[0] ?? '' });
      if (known.size < 64) known.set(key, found);
    }
    return found;
  }
  #find(aim: Aim): readonly Candidate<T>[] {
    const equivalents = (this.#reader?.kinds ?? []).filter((kind) => kind.prefix === aim.kind.prefix && kind.apiVersion !== aim.kind.apiVersion);
    const found = this.#members.flatMap((member) => {
      const match = member.constraints.match(aim, equivalents);
      return match ? [{ member, match, aim }] : [];
    });
    return found.length > 0 ? found : none;
  }
  #forget(): void {
    this.#known = new Map();
  }
}
const none: readonly never[] = [];
