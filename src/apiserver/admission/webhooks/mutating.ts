import { isDeepStrictEqual } from 'node:util';
import { ApiError, jsonPatch, type Json, type KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest } from '../../types.ts';
import { convertTo } from '../matching/convert.ts';
import { currentView, replaceObject } from '../matching/mutation.ts';
import type { Candidate } from '../matching/matches.ts';
import { Rounds } from '../matching/rounds.ts';
import { ask } from './dispatch.ts';
import type { Hook } from './hook.ts';
import { Hooks, type Chosen, type WebhookOptions } from './hooks.ts';
import type { ReviewResponse } from './review.ts';

const annotation = 'mutation.webhook.admission.k8s.io/';

/**
 * Calls the webhooks of every MutatingWebhookConfiguration that a request matches, one after the other. Those that
 * want it (reinvocationPolicy IfNeeded) are called once more when something changed the object after them.
 */
export function mutatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const hooks = new Hooks('mutatingwebhookconfigurations', options);
  const rounds = new Rounds();
  return {
    ...hooks.plugin('MutatingAdmissionWebhook'),
    mutate(request) {
      const candidates = hooks.candidates(request);
      if (candidates.length === 0) return;
      return runAll(hooks, rounds, candidates, request);
    },
  };
}

async function runAll(hooks: Hooks, rounds: Rounds, candidates: readonly Candidate<Hook>[], request: AdmissionRequest): Promise<void | 'again'> {
  const round = rounds.enter(request);
  for (const [i, candidate] of candidates.entries()) {
    const { id, webhook, configuration } = candidate.member;
    if (!round.wants(id)) continue;
    // One by one: what an earlier webhook changed decides whether a later one matches.
    const [chosen] = await hooks.select([candidate], request, currentView(request));
    if (!chosen) continue;
    const mutated = await call(hooks, chosen, request);
    request.context.annotate?.(`${annotation}round_${round.number}_index_${i}`, JSON.stringify({ configuration, webhook: webhook.name, mutated }));
    if (mutated) round.changed();
    if (webhook.reinvocationPolicy === 'IfNeeded') round.reinvocable(id);
  }
  return round.leave(request);
}

/** Whether the object is another one now. */
async function call(hooks: Hooks, { hook, shown }: Chosen, request: AdmissionRequest): Promise<boolean> {
  const { as } = shown;
  const response = await ask(hooks.dispatch, hook, request, shown, true);
  if (!response?.patch) return false;
  if (request.operation === 'DELETE')
    throw internal(`admission webhook ${JSON.stringify(hook.webhook.name)} attempted to modify the object, which is not supported for this operation`);
  const before = { kind: as.kind, apiVersion: as.apiVersion, ...shown.object };
  const patched = applyPatch(before, response);
  if (isDeepStrictEqual(patched, before)) return false;
  const native = as === request.kind || patched.kind !== as.kind ? patched : await convertTo(hooks.reader.decode(as, patched as Json), as, request.kind);
  return replaceObject(request, native, hooks.reader);
}
function applyPatch(before: KubeObject, { patch = '' }: ReviewResponse): KubeObject {
  let operations: Json;
  try {
    operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as Json;
  } catch (error) {
    throw internal((error as Error).message);
  }
  try {
    return jsonPatch(before as Json, operations) as KubeObject;
  } catch (error) {
    const text = error instanceof ApiError ? (error.details?.causes?.[0]?.message ?? error.message) : (error as Error).message;
    throw internal(text);
  }
}
function internal(text: string): ApiError {
  return new ApiError('InternalError', `Internal error occurred: ${text}`);
}
