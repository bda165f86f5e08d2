import type { Random } from '#base';
import type { Kind, KubeObject } from '#machinery';
import type { CallWebhook } from '../../outbound/call-webhook.ts';
import type { AdmissionPlugin, AdmissionRequest, KindReader, ObjectReader } from '../../types.ts';
import { convertTo } from '../matching/convert.ts';
import { facesOf } from '../matching/mutation.ts';
import { Matches, type Candidate } from '../matching/matches.ts';
import { callFailure, type DispatchDeps } from './dispatch.ts';
import { hooksOf, type Hook, type WebhookConfiguration } from './hook.ts';
import type { Versioned } from './review.ts';

export interface WebhookOptions {
  readonly random: Random;
  /** Reaches webhooks; Services are found through the reader. */
  caller(reader: ObjectReader): CallWebhook;
  readonly called?: DispatchDeps['called'];
}
const group = 'admissionregistration.k8s.io';

/** The webhooks of one sort of configuration: followed in the cache, matched with requests. */
export class Hooks {
  readonly #plural: string;
  readonly #options: WebhookOptions;
  readonly #configurations = new Map<string, WebhookConfiguration>();
  readonly #matches = new Matches<Hook>();
  #reader: KindReader | undefined;
  #dispatch: DispatchDeps | undefined;
  constructor(plural: string, options: WebhookOptions) {
    this.#plural = plural;
    this.#options = options;
  }
  /** What both sorts of plugin have in common. Configurations themselves are never asked about: a bad one must stay mendable. */
  plugin(name: string): Pick<AdmissionPlugin, 'name' | 'handles' | 'operations' | 'subresources' | 'start'> {
    return {
      name,
      handles: (kind) => kind.group !== group,
      operations: ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'],
      subresources: true,
      start: (reader) => this.#start(reader),
    };
  }
  #start(reader: KindReader): void {
    this.#reader = reader;
    const { random, called } = this.#options;
    this.#dispatch = { call: this.#options.caller(reader), random, ...(called ? { called } : {}) };
    this.#matches.start(reader);
    reader.observe(group, this.#plural, (object, old) => {
      const name = (object ?? old)?.metadata?.name ?? '';
      if (object) this.#configurations.set(name, object);
      else this.#configurations.delete(name);
      this.#matches.set(hooksOf(this.#configurations.values()));
    });
  }
  get reader(): KindReader {
    return required(this.#reader);
  }
  get dispatch(): DispatchDeps {
    return required(this.#dispatch);
  }
  candidates(request: AdmissionRequest): readonly Candidate<Hook>[] {
    return this.#matches.candidates(request);
  }
  /** Those that also agree with the single request. */
  async select(candidates: readonly Candidate<Hook>[], request: AdmissionRequest): Promise<readonly Candidate<Hook>[]> {
    const chosen = candidates.filter(({ member, match, aim }) => member.constraints.admits(match, request, aim, this.reader));
    const conditional = chosen.find(({ member }) => member.webhook.matchConditions?.length && member.webhook.failurePolicy !== 'Ignore');
    if (conditional) throw callFailure(conditional.member, new Error('matchConditions are not implemented'));
    return chosen.filter(({ member }) => !member.webhook.matchConditions?.length);
  }
  /** The objects of a request in the version that the matching rule names. */
  async versioned(request: AdmissionRequest, as: Kind, view?: KubeObject): Promise<Versioned> {
    const { kind } = request;
    const { object, old } = facesOf(request);
    const shown = async (it: KubeObject): Promise<KubeObject> =>
      as === kind || (it.kind !== undefined && it.kind !== kind.kind) ? it : convertTo(it, kind, as);
    return { as, object: await shown(view ?? object), old: old && (await shown(old)) };
  }
}
function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('admission has not started');
  return value;
}
