import { CelError, celToJson, celTypes, compileCel, type CelProgram, type CelType, type Json } from '#machinery';

const { dyn, string, listOf, mapOf, objectOf } = celTypes;
const claimsType = mapOf(string, dyn);
const userType = objectOf('kubernetes.UserInfo', { username: string, uid: string, groups: listOf(string), extra: mapOf(string, listOf(string)) });

/** An expression of an AuthenticationConfiguration, compiled. */
export interface TokenExpression {
  readonly source: string;
  /** Runs it on the claims of a token, or on the user that they make. Throws Error that says why it cannot be. */
  evaluate(value: Json): Json;
  /** Whether it mentions a claim. */
  reads(claim: string): boolean;
}

/** What an expression may read. */
const scopes = { claims: claimsType, user: userType } as const;
/** What a mapping may come to: what is only known at run time is looked at then. */
const results = { text: ['string'], texts: ['string', 'list'], condition: ['bool'] } as const satisfies { [sort: string]: readonly CelType['kind'][] };

/** Throws Error with the listing of what is wrong with it. */
export function tokenExpression(source: string, scope: keyof typeof scopes, result: keyof typeof results): TokenExpression {
  const program: CelProgram = compileCel(source, { variables: { [scope]: scopes[scope] }, returns: results[result] });
  return {
    source,
    evaluate(value) {
      try {
        return celToJson(program.evaluate({ [scope]: value }).value);
      } catch (error) {
        if (error instanceof CelError) throw new Error(`expression '${source}' resulted in error: ${error.message}`, { cause: error });
        throw error;
      }
    },
    reads: (claim) => new RegExp(`\\bclaims\\s*(\\.\\s*\\??\\s*${claim}\\b|\\[\\s*\\??\\s*["']${claim}["'])`).test(source),
  };
}
