import type { Random } from '#base';
import type { KubeObject } from '#machinery';
import type { CallWebhook } from '../../outbound/call-webhook.ts';
import type { AdmissionPlugin, AdmissionRequest, Authorizer, KindReader, ObjectReader } from '../../types.ts';
import { activationOf } from '../matching/activation.ts';
import { Matches, type Candidate } from '../matching/matches.ts';
import { forbidden } from '../refusals.ts';
import { versioned } from '../matching/versioned.ts';
import type { DispatchDeps } from './dispatch.ts';
import { hooksOf, type Hook, type WebhookConfiguration } from './hook.ts';
import type { Versioned } from './review.ts';

export interface WebhookOptions {
  readonly random: Random;
  /** For match conditions. */
  readonly authorizer: Authorizer;
  /** Reaches webhooks; Services are found through the reader. */
  caller(reader: ObjectReader): CallWebhook;
  readonly called?: DispatchDeps['called'];
}
/** A webhook that a request is to be sent to. */
export interface Chosen {
  readonly hook: Hook;
  readonly shown: Versioned;
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
    this.#dispatch = { call: this.#options.caller(reader), random, called };
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
  /** Those that also agree with the single request, with what it is to be shown as. */
  async select(candidates: readonly Candidate<Hook>[], request: AdmissionRequest, view?: KubeObject): Promise<readonly Chosen[]> {
    const chosen: Chosen[] = [];
    for (const { member, match, aim } of candidates) {
      if (!member.constraints.admits(match, request, aim, this.reader)) continue;
      const shown = await versioned(request, match.as, view);
      if (this.#meets(member, request, shown)) chosen.push({ hook: member, shown });
    }
    return chosen;
  }
  /** Conditions that fail are a failed call: the failurePolicy says what that means. */
  #meets(hook: Hook, request: AdmissionRequest, shown: Versioned): boolean {
    if (hook.conditions.none) return true;
    try {
      return hook.conditions.hold(activationOf({ reader: this.reader, authorizer: this.#options.authorizer }, request, shown));
    } catch (error) {
      if (hook.webhook.failurePolicy === 'Ignore') return false;
      throw forbidden(request, (error as Error).message);
    }
  }
}
function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('admission has not started');
  return value;
}
