import type { UserInfo } from '#machinery';
import type { RequestInfo } from '../http/request-info.ts';
import { Level, readLevel, type LevelSpec } from './level.ts';
import { inOrder, matches, readSchema, rulesFor, type Schema } from './match.ts';
import { divide, SeatPool, type Share } from './seats.ts';
import type { FlowSchema, PolicyRules, PriorityLevelConfiguration } from './specs.ts';

/** Objects that hold until others are stored under their names. */
export interface BuiltIn {
  readonly schemas: readonly FlowSchema[];
  readonly levels: readonly PriorityLevelConfiguration[];
}
/** What a request is, as far as fairness goes. */
export interface Classified {
  readonly schema: Schema;
  readonly level: Level;
}
type Candidate = Classified & { readonly rules: readonly PolicyRules[] };

const mandatory = new Set(['exempt', 'catch-all']);
const mostUsers = 1000;

/** Which FlowSchemas and levels there are, and which of them a request falls under. */
export class Config {
  readonly pool: SeatPool;
  readonly #builtIn: BuiltIn;
  readonly #levels = new Map<string, Level>();
  /** Levels that are configured no longer and still have requests. */
  readonly #retired = new Set<Level>();
  #schemas: readonly Schema[] = [];
  /** Users come again and again: their schemas are sorted out once. */
  readonly #users = new Map<string, { groups: string; candidates: readonly Candidate[] }>();

  constructor(total: number, builtIn: BuiltIn) {
    this.pool = new SeatPool(total);
    this.#builtIn = builtIn;
    this.load([], []);
  }
  /** Takes over what is stored. */
  load(schemas: readonly FlowSchema[], levels: readonly PriorityLevelConfiguration[]): void {
    this.#loadLevels(complete(levels, this.#builtIn.levels).map(readLevel));
    this.#schemas = inOrder(complete(schemas, this.#builtIn.schemas).map(readSchema)).filter((schema) => this.#levels.has(schema.level));
    this.#users.clear();
  }
  #loadLevels(specs: readonly LevelSpec[]): void {
    const limited = specs.filter((spec) => !spec.exempt);
    const shares = divide(this.pool.total, limited);
    const shareOf = new Map(limited.map((spec, i) => [spec, shares[i] as Share]));
    const wanted = new Set(specs.map((spec) => spec.name));
    for (const [name, level] of this.#levels) {
      if (wanted.has(name)) continue;
      level.retire();
      this.#levels.delete(name);
      this.#retired.add(level);
    }
    for (const spec of specs) {
      const share = shareOf.get(spec) ?? { nominal: 0, min: 0, max: 0 };
      const known = this.#levels.get(spec.name);
      if (known) known.update(spec, share);
      else this.#levels.set(spec.name, new Level(spec, share, this.pool));
    }
  }
  /** All levels that have requests or may get some. */
  levels(): Level[] {
    for (const level of this.#retired) if (level.idle) this.#retired.delete(level);
    return [...this.#levels.values(), ...this.#retired];
  }
  get schemas(): readonly Schema[] {
    return this.#schemas;
  }
  classify(user: UserInfo, info: RequestInfo): Classified {
    for (const candidate of this.#candidates(user)) if (matches(candidate.rules, info)) return candidate;
    // Nobody is outside of catch-all; a user without any group is in it too.
    const schema = this.#schemas.findLast((one) => one.name === 'catch-all') ?? (this.#schemas.at(-1) as Schema);
    return { schema, level: this.#levels.get(schema.level) as Level };
  }
  #candidates(user: UserInfo): readonly Candidate[] {
    const groups = user.groups.length === 1 ? (user.groups[0] as string) : user.groups.join('\0');
    const known = this.#users.get(user.username);
    if (known?.groups === groups) return known.candidates;
    const candidates = this.#schemas.flatMap((schema): Candidate[] => {
      const rules = rulesFor(schema, user);
      return rules.length > 0 ? [{ schema, level: this.#levels.get(schema.level) as Level, rules }] : [];
    });
    if (this.#users.size >= mostUsers) this.#users.clear();
    this.#users.set(user.username, { groups, candidates });
    return candidates;
  }
}

/** Before anything is stored, everything is built in; then only what must exist is. */
function complete<T extends FlowSchema | PriorityLevelConfiguration>(stored: readonly T[], builtIn: readonly T[]): readonly T[] {
  if (stored.length === 0) return builtIn;
  const names = new Set(stored.map((object) => object.metadata?.name));
  return [...stored, ...builtIn.filter(({ metadata }) => mandatory.has(metadata?.name ?? '') && !names.has(metadata?.name))];
}
