import { fixed } from '../cost-rules.ts';
import type { FunctionSpec } from '../functions.ts';
import { Opaque } from '../values.ts';

/** What an expression asks to be authorized, and for whom: the request's user, or a service account. */
export interface AuthorizationQuestion {
  serviceAccount?: { namespace: string; name: string };
  /** A path outside of resources; then only `verb` matters beside it. */
  path?: string;
  verb: string;
  group: string;
  /** `*` means every version. */
  version: string;
  resource: string;
  subresource: string;
  namespace: string;
  name: string;
  fieldSelector?: string;
  labelSelector?: string;
}
export interface AuthorizationAnswer {
  allowed: boolean;
  reason?: string;
  /** The check itself failed. */
  error?: string;
}
/** The server's side of `authorizer`. */
export type AuthorizerCheck = (question: AuthorizationQuestion) => AuthorizationAnswer;

const blank: AuthorizationQuestion = { verb: '', group: '', version: '*', resource: '', subresource: '', namespace: '', name: '' };

/** One step of `authorizer.group('apps').resource('deployments')…`. */
class Question extends Opaque {
  readonly type: string;
  readonly check: AuthorizerCheck;
  readonly question: AuthorizationQuestion;
  constructor(step: string, check: AuthorizerCheck, question: AuthorizationQuestion) {
    super();
    this.type = `kubernetes.authorization.${step}`;
    this.check = check;
    this.question = question;
  }
  equals(other: this): boolean {
    return this === other;
  }
  with(step: string, change: Partial<AuthorizationQuestion>): Question {
    return new Question(step, this.check, { ...this.question, ...change });
  }
}
class Decision extends Opaque {
  readonly type = 'kubernetes.authorization.Decision';
  readonly answer: AuthorizationAnswer;
  constructor(answer: AuthorizationAnswer) {
    super();
    this.answer = answer;
  }
  equals(other: this): boolean {
    return this === other;
  }
}

/** The value of the variable `authorizer`. */
export const authorizerValue = (check: AuthorizerCheck): Opaque => new Question('Authorizer', check, blank);
/** The value of `authorizer.requestResource`: a check about the request's own resource. */
export const requestResourceValue = (check: AuthorizerCheck, resource: Partial<AuthorizationQuestion>): Opaque =>
  new Question('ResourceCheck', check, { ...blank, ...resource });

const decide = (question: Question, verb: string): Decision => new Decision(question.check({ ...question.question, verb }));
const checkCost = fixed(350_000);

/** Kubernetes' authorizer library. */
export const authorizer: readonly FunctionSpec[] = [
  ['Authorizer.path(string) PathCheck', (q: Question, path: string) => q.with('PathCheck', { path })],
  ['Authorizer.group(string) GroupCheck', (q: Question, group: string) => q.with('GroupCheck', { group })],
  [
    'Authorizer.serviceAccount(string, string) Authorizer',
    (q: Question, namespace: string, name: string) => q.with('Authorizer', { serviceAccount: { namespace, name } }),
  ],
  ['GroupCheck.resource(string) ResourceCheck', (q: Question, resource: string) => q.with('ResourceCheck', { resource })],
  ['ResourceCheck.subresource(string) ResourceCheck', (q: Question, subresource: string) => q.with('ResourceCheck', { subresource })],
  ['ResourceCheck.namespace(string) ResourceCheck', (q: Question, namespace: string) => q.with('ResourceCheck', { namespace })],
  ['ResourceCheck.name(string) ResourceCheck', (q: Question, name: string) => q.with('ResourceCheck', { name })],
  ['ResourceCheck.fieldSelector(string) ResourceCheck', (q: Question, fieldSelector: string) => q.with('ResourceCheck', { fieldSelector })],
  ['ResourceCheck.labelSelector(string) ResourceCheck', (q: Question, labelSelector: string) => q.with('ResourceCheck', { labelSelector })],
  ['PathCheck.check(string) Decision', decide, checkCost],
  ['ResourceCheck.check(string) Decision', decide, checkCost],
  ['Decision.allowed() bool', ({ answer }: Decision) => answer.allowed],
  ['Decision.reason() string', ({ answer }: Decision) => answer.reason ?? ''],
  ['Decision.errored() bool', ({ answer }: Decision) => answer.error !== undefined],
  ['Decision.error() string', ({ answer }: Decision) => answer.error ?? ''],
];
