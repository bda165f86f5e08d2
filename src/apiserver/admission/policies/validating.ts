import { ApiError, type KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest } from '../../types.ts';
import { activationOf } from '../matching/activation.ts';
import type { Candidate } from '../matching/matches.ts';
import { subjectOf } from '../refusals.ts';
import { versionedAll } from '../matching/versioned.ts';
import type { Versioned } from '../webhooks/review.ts';
import { compileValidating, type CompiledValidating } from './compile.ts';
import { evaluate, type Decision, type PolicyCheck } from './evaluate.ts';
import { paramsOf, PolicyFault } from './params.ts';
import { PolicySet, type Bound, type PolicyOptions } from './policy-set.ts';
import type { ValidatingSpec } from './types.ts';

type Pair = Bound<ValidatingSpec, CompiledValidating>;
type Policies = PolicySet<ValidatingSpec, CompiledValidating>;
interface Denial {
  readonly text: string;
  readonly reason: string;
}
const codes: { readonly [reason: string]: number } = { Unauthorized: 401, Forbidden: 403, RequestEntityTooLarge: 413, Invalid: 422 };
const failureAnnotation = 'validation.policy.admission.k8s.io/validation_failure';

export interface ValidatingOptions extends PolicyOptions {
  /** Told of every refusal, and of every failure that admits. */
  readonly checked?: Checked;
}
type Checked = (check: PolicyCheck) => void;

/** ValidatingAdmissionPolicies by their bindings: the first refusal that a binding wants enforced answers. */
export function validatingPolicies(options: ValidatingOptions): AdmissionPlugin {
  const checked: Checked = options.checked ?? (() => {});
  const policies: Policies = new PolicySet(
    { policies: 'validatingadmissionpolicies', bindings: 'validatingadmissionpolicybindings' },
    compileValidating,
    options,
  );
  return {
    ...policies.plugin('ValidatingAdmissionPolicy', ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']),
    validate(request) {
      const pairs = policies.select(request);
      if (pairs.length === 0) return;
      const shown = versionedAll(
        request,
        pairs.map(({ match }) => match.as),
      );
      if (shown instanceof Promise) return shown.then((versions) => decide(policies, pairs, request, versions, checked));
      decide(policies, pairs, request, shown, checked);
    },
  };
}

function decide(policies: Policies, pairs: readonly Candidate<Pair>[], request: AdmissionRequest, versions: readonly Versioned[], checked: Checked): void {
  const denials: Denial[] = [];
  const annotations = new Map<string, Set<string>>();
  pairs.forEach(({ member }, i) => ask(policies, member, request, versions[i] as Versioned, denials, annotations, checked));
  for (const [key, values] of annotations) request.context.annotate?.(key, [...values].join(', '));
  const [first] = denials;
  if (first) throw denied(request, first);
}
function ask(
  policies: Policies,
  member: Pair,
  request: AdmissionRequest,
  versioned: Versioned,
  denials: Denial[],
  annotations: Map<string, Set<string>>,
  checked: Checked,
): void {
  const { policy, spec, binding } = member;
  const by = `ValidatingAdmissionPolicy '${policy}' with binding '${binding.metadata?.name}'`;
  let params: readonly (KubeObject | null)[];
  try {
    params = paramsOf(spec, binding.spec?.paramRef, request, policies.deps.reader);
  } catch (error) {
    if (spec.failurePolicy === 'Ignore') return;
    const own = error instanceof PolicyFault;
    denials.push({
      text: `${own ? `ValidatingAdmissionPolicy '${policy}'` : by} denied request: failed to configure ${own ? 'policy' : 'binding'}: ${(error as Error).message}`,
      reason: 'Invalid',
    });
    return;
  }
  for (const param of params) {
    const outcome = evaluate(spec, member.compiled(), activationOf(policies.deps, request, versioned, spec.paramKind ? param : undefined));
    for (const decision of outcome.denials) act(member, by, request, decision, denials, checked);
    for (const finding of outcome.ignored) checked({ ...finding, policy, binding: binding.metadata?.name ?? '', action: 'allow' });
    for (const text of outcome.failures) denials.push({ text: `${by} denied request: ${text}`, reason: 'Invalid' });
    for (const { key, value } of outcome.annotations) {
      const name = `${policy}/${key}`;
      annotations.set(name, (annotations.get(name) ?? new Set<string>()).add(value));
    }
  }
}
/** Does with a refusal what the binding's validationActions say. */
function act({ policy, binding }: Pair, by: string, { context }: AdmissionRequest, decision: Decision, denials: Denial[], checked: Checked): void {
  const { index, message, reason, error, seconds } = decision;
  const { validationActions = [] } = binding.spec ?? {};
  for (const action of validationActions) {
    checked({ policy, binding: binding.metadata?.name ?? '', error, seconds, action: action.toLowerCase() as PolicyCheck['action'] });
    if (action === 'Deny') denials.push({ text: `${by} denied request: ${message}`, reason });
    else if (action === 'Warn') context.warnings.push(`Validation failed for ${by}: ${message}`);
    else
      context.annotate?.(failureAnnotation, JSON.stringify([{ message, policy, binding: binding.metadata?.name, expressionIndex: index, validationActions }]));
  }
}
/** As kube-apiserver words it: forbidden in the text, whatever reason and code say. */
function denied(request: AdmissionRequest, { text, reason }: Denial): ApiError {
  const subject = subjectOf(request, [{ message: text }]);
  return new ApiError('Invalid', `${subject.text}: ${text}`, subject.details, { code: codes[reason] ?? 422, reason });
}
