import type { Random } from '#base';
import { ApiError, badRequest } from '#machinery';
import { CallFailure } from '../../outbound/outbound.ts';
import type { CallWebhook } from '../../outbound/call-webhook.ts';
import type { AdmissionRequest } from '../../types.ts';
import type { Hook } from './hook.ts';
import { readResponse, reviewRequest, type AdmissionReview, type ReviewResponse, type Versioned } from './review.ts';

export interface DispatchDeps {
  readonly call: CallWebhook;
  readonly random: Random;
  /** How a call went. */
  readonly called?: ((call: WebhookOutcome) => void) | undefined;
}
export interface WebhookOutcome {
  readonly name: string;
  readonly type: 'admit' | 'validating';
  readonly operation: string;
  /** `failed`: it could not be asked, which refuses the request; `ignored`: which does not. */
  readonly outcome: 'allowed' | 'rejected' | 'failed' | 'ignored';
  /** HTTP status of its answer or of its refusal; 0 without an answer. */
  readonly code: number;
  readonly seconds: number;
}
const versions = ['v1', 'v1beta1'];

/** Asks one webhook. Undefined when it could not be asked and that is to be ignored; throws ApiError when it refuses or must have answered. */
export async function ask(
  deps: DispatchDeps,
  hook: Hook,
  request: AdmissionRequest,
  versioned: Versioned,
  mutating: boolean,
): Promise<ReviewResponse | undefined> {
  const { webhook } = hook;
  checkDryRun(hook, request);
  const started = performance.now();
  const tell = (outcome: WebhookOutcome['outcome'], code: number): void =>
    deps.called?.({
      name: webhook.name,
      type: mutating ? 'admit' : 'validating',
      operation: request.operation,
      outcome,
      code,
      seconds: (performance.now() - started) / 1000,
    });
  let response: ReviewResponse;
  try {
    response = await post(deps, hook, request, versioned, mutating);
  } catch (error) {
    const ignored = webhook.failurePolicy === 'Ignore';
    tell(ignored ? 'ignored' : 'failed', error instanceof CallFailure ? error.status : 0);
    if (ignored) return undefined;
    throw callFailure(hook, error);
  }
  request.context.warnings.push(...response.warnings);
  for (const [key, value] of Object.entries(response.auditAnnotations)) request.context.annotate?.(`${webhook.name}/${key}`, value);
  tell(response.allowed ? 'allowed' : 'rejected', response.allowed ? 200 : (response.status?.code ?? 400));
  if (!response.allowed) throw denied(webhook.name, response.status);
  return response;
}
async function post(deps: DispatchDeps, hook: Hook, request: AdmissionRequest, versioned: Versioned, mutating: boolean): Promise<ReviewResponse> {
  const { clientConfig = {}, timeoutSeconds = 10, admissionReviewVersions = ['v1'] } = hook.webhook;
  const version = admissionReviewVersions.find((candidate) => versions.includes(candidate));
  if (!version) throw new Error('could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)');
  const review: AdmissionReview = {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: { uid: deps.random.uuid(), ...reviewRequest(request, versioned) },
  };
  const answer = await deps.call({ config: clientConfig, review, timeoutSeconds });
  try {
    return readResponse(answer, review, mutating);
  } catch (error) {
    throw new Error(`received invalid webhook response: ${(error as Error).message}`, { cause: error });
  }
}
function checkDryRun({ webhook }: Hook, { context }: AdmissionRequest): void {
  const safe = webhook.sideEffects === 'None' || webhook.sideEffects === 'NoneOnDryRun';
  if (context.dryRun && !safe) throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
}

/** 500 in the words of kube-apiserver: `failed calling webhook "x": failed to call webhook: Post …`. */
export function callFailure({ webhook }: Hook, error: unknown): ApiError {
  const { message } = error as Error;
  const why = error instanceof CallFailure && !message.startsWith('could not get REST client') ? `failed to call webhook: ${message}` : message;
  return new ApiError('InternalError', `Internal error occurred: failed calling webhook ${JSON.stringify(webhook.name)}: ${why}`, {
    causes: [{ message: `failed calling webhook ${JSON.stringify(webhook.name)}: ${why}` }],
  });
}

/** The refusal of a webhook, with its own code, reason and details; a code below 400 cannot be meant. */
export function denied(name: string, status: ReviewResponse['status'] = {}): ApiError {
  const { code = 0, reason = '', message, details } = status;
  const by = `admission webhook ${JSON.stringify(name)} denied the request`;
  const text = message ? `${by}: ${message}` : reason ? `${by}: ${reason}` : `${by} without explanation`;
  return new ApiError('Forbidden', text, details, { code: Number.isInteger(code) && code >= 400 && code <= 599 ? code : 400, reason });
}
