import { isDeepStrictEqual } from 'node:util';
import { quantityToNumber } from '#base';
import { selectObjects } from '#client';
import { APIService, HorizontalPodAutoscaler, Pod, type V1Pod, type V2HorizontalPodAutoscaler, type V2MetricStatus } from '#kinds';
import { isApiError } from '#machinery';
import { ownKey, splitKey, type AutoscalerOptions, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { Draft } from './conditions.ts';
import { limit, newHistory, noteChange, type History, type Limits } from './limits.ts';
import { MetricsClient } from './metrics-client.ts';
import { Overlap } from './overlap.ts';
import { MetricFailure, proposalOf, type MetricOutcome, type Target } from './proposals.ts';
import type { Rules } from './replicas.ts';
import { readScale, writeScale, type Scale } from './scale-target.ts';

/** Scales whatever has a scale subresource by metrics, every few seconds. */
export const horizontalPodAutoscalerController: Controller = {
  name: 'horizontalpodautoscaler',
  component: 'horizontal-pod-autoscaler',
  setup: (context) => new Autoscaling(context).reconcile,
};

/** The defaults of kube-controller-manager. */
const defaults: Required<AutoscalerOptions> = {
  syncPeriodMs: 15_000,
  downscaleStabilizationMs: 300_000,
  tolerance: 0.1,
  cpuInitializationMs: 300_000,
  initialReadinessMs: 30_000,
};
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A wish that could not be worked out: told in the condition ScalingActive, and by an Event. */
class NoProposal extends Error {
  readonly condition: { readonly reason: string; readonly message: string };
  constructor(condition: { readonly reason: string; readonly message: string }, message: string) {
    super(message);
    this.condition = condition;
  }
}
interface Wish {
  readonly replicas: number;
  /** The metric that asks for most. */
  readonly metric: string;
}

class Autoscaling {
  readonly #context: ControllerContext;
  readonly #options: Required<AutoscalerOptions>;
  readonly #autoscalers;
  readonly #pods;
  readonly #metrics: MetricsClient;
  readonly #histories = new Map<string, History>();
  readonly #overlap = new Overlap();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#options = { ...defaults, ...context.options.autoscaler };
    // Its own writes must not bring the next sync about: rates count in periods.
    this.#autoscalers = context.watch(HorizontalPodAutoscaler, (now, old) => (now && old && isDeepStrictEqual(now.spec, old.spec) ? [] : ownKey(now, old)));
    this.#pods = context.informer(Pod);
    this.#metrics = new MetricsClient(context.api, context.client.kinds, context.informer(APIService));
  }

  readonly reconcile: Reconcile = async (key) => {
    const { namespace = '', name } = splitKey(key);
    const autoscaler = this.#autoscalers.get(namespace, name);
    if (!autoscaler) {
      this.#histories.delete(key);
      this.#overlap.forget(key);
      return;
    }
    const draft = new Draft(autoscaler.status, this.#context.clock.now());
    let scale: Scale;
    try {
      scale = await readScale(this.#context.api, this.#context.client.kinds, namespace, autoscaler.spec.scaleTargetRef);
    } catch (error) {
      this.#warn(autoscaler, 'FailedGetScale', textOf(error));
      draft.condition('AbleToScale', false, 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${textOf(error)}`);
      await this.#write(autoscaler, draft.finish({}));
      return this.#options.syncPeriodMs;
    }
    draft.condition('AbleToScale', true, 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
    await this.#scale(key, namespace, autoscaler, scale, draft);
    return this.#options.syncPeriodMs;
  };

  async #scale(key: string, namespace: string, autoscaler: V2HorizontalPodAutoscaler, scale: Scale, draft: Draft): Promise<void> {
    const { minReplicas = 1, maxReplicas } = autoscaler.spec;
    const current = scale.specReplicas;
    const limits = this.#limits(autoscaler);
    const history = this.#history(key, current);
    const statuses: V2MetricStatus[] = [];
    let desired = current;
    let why = '';
    if (current === 0 && minReplicas !== 0) {
      draft.condition('ScalingActive', false, 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    } else if (current > maxReplicas) {
      why = 'Current number of replicas above Spec.MaxReplicas';
      desired = maxReplicas;
    } else if (current < minReplicas) {
      why = 'Current number of replicas below Spec.MinReplicas';
      desired = minReplicas;
    } else {
      const wish = await this.#wish(key, namespace, autoscaler, scale, draft, statuses);
      if (!wish) return;
      why = wish.replicas > current ? `${wish.metric} above target` : wish.replicas < current ? 'All metrics below target' : '';
      const verdict = limit(current, wish.replicas, limits, history, this.#context.clock.now());
      draft.condition('AbleToScale', true, verdict.able.reason, verdict.able.message);
      draft.condition('ScalingLimited', verdict.limited.is, verdict.limited.reason, verdict.limited.message);
      desired = verdict.replicas;
    }
    if (desired !== current && !(await this.#rescale(namespace, autoscaler, scale, desired, why, draft))) return;
    if (desired !== current) noteChange(history, current, desired, limits, this.#context.clock.now());
    await this.#write(autoscaler, draft.finish({ currentReplicas: current, desiredReplicas: desired, currentMetrics: statuses }, desired !== current));
  }
  /** What the metrics ask for; undefined when that cannot be said, and was told. */
  async #wish(
    key: string,
    namespace: string,
    autoscaler: V2HorizontalPodAutoscaler,
    scale: Scale,
    draft: Draft,
    statuses: V2MetricStatus[],
  ): Promise<Wish | undefined> {
    try {
      const wish = await this.#propose(key, namespace, autoscaler, scale, statuses);
      const message = `the HPA was able to successfully calculate a replica count from ${wish.metric}`;
      draft.condition('ScalingActive', true, 'ValidMetricFound', message);
      return wish;
    } catch (error) {
      if (!(error instanceof NoProposal)) throw error;
      draft.condition('ScalingActive', false, error.condition.reason, error.condition.message);
      await this.#write(autoscaler, draft.finish({ currentReplicas: scale.specReplicas }));
      this.#warn(autoscaler, 'FailedComputeMetricsReplicas', error.message);
      return undefined;
    }
  }
  /** The most that any metric asks for. Throws NoProposal. */
  async #propose(key: string, namespace: string, autoscaler: V2HorizontalPodAutoscaler, scale: Scale, statuses: V2MetricStatus[]): Promise<Wish> {
    const target = this.#target(key, namespace, autoscaler, scale);
    const rules = this.#rules(autoscaler);
    const specs = autoscaler.spec.metrics ?? [];
    const outcomes = await Promise.all(specs.map((spec) => proposalOf(spec, target, this.#metrics, rules).catch(asFailure)));
    const failures = outcomes.filter((outcome) => outcome instanceof MetricFailure);
    for (const { reason, shown } of failures) this.#warn(autoscaler, reason, shown);
    const good = outcomes.filter((outcome): outcome is MetricOutcome => !(outcome instanceof MetricFailure));
    statuses.push(...outcomes.map((outcome) => (outcome instanceof MetricFailure ? { type: '' } : outcome.status)));
    let best: MetricOutcome | undefined;
    for (const one of good) if (!best || one.replicas > best.replicas) best = one;
    const first = failures[0];
    // One metric that is missing must not take replicas away.
    if (!best || (first && best.replicas < scale.specReplicas)) {
      const { reason, shown, message } = first ?? new MetricFailure('InvalidMetricSourceType', 'no metrics', 'no metrics');
      throw new NoProposal(
        { reason, message: `the HPA was unable to compute the replica count: ${shown}` },
        `invalid metrics (${failures.length} invalid out of ${specs.length}), first error is: ${message}`,
      );
    }
    return { replicas: best.replicas, metric: best.name };
  }
  /** Throws NoProposal when nobody can say which pods are meant, or several autoscalers mean the same ones. */
  #target(key: string, namespace: string, autoscaler: V2HorizontalPodAutoscaler, { selector, specReplicas, statusReplicas }: Scale): Target {
    const refuse = (event: string, reason: string, message: string, condition = message): never => {
      this.#warn(autoscaler, event, message);
      throw new NoProposal({ reason, message: condition }, message);
    };
    if (!selector) refuse('SelectorRequired', 'InvalidSelector', 'selector is required', "the HPA target's scale is missing a selector");
    let pods: readonly V1Pod[] = [];
    try {
      pods = selectObjects(this.#pods, namespace, selector);
      this.#overlap.note(key, namespace, selector);
    } catch (error) {
      if (!isApiError(error, 'BadRequest')) throw error;
      refuse('InvalidSelector', 'InvalidSelector', `couldn't convert selector into a corresponding internal selector object: ${error.message}`);
    }
    const rivals = this.#overlap.of(namespace, pods);
    if (rivals.length > 1)
      refuse('AmbiguousSelector', 'AmbiguousSelector', `pods by selector ${selector} are controlled by multiple HPAs: [${rivals.join(' ')}]`);
    return { namespace, selector, specReplicas, statusReplicas, pods: () => pods };
  }
  /** Whether it could be done; if not, that was told. */
  async #rescale(namespace: string, autoscaler: V2HorizontalPodAutoscaler, scale: Scale, desired: number, why: string, draft: Draft): Promise<boolean> {
    try {
      await writeScale(this.#context.api, namespace, scale, desired);
    } catch (error) {
      this.#warn(autoscaler, 'FailedRescale', `New size: ${desired}; reason: ${why}; error: ${textOf(error)}`);
      draft.condition('AbleToScale', false, 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${textOf(error)}`);
      await this.#write(autoscaler, draft.finish({ currentReplicas: scale.specReplicas }));
      return false;
    }
    draft.condition('AbleToScale', true, 'SucceededRescale', `the HPA controller was able to update the target scale to ${desired}`);
    this.#context.recorder.event(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${why}`);
    return true;
  }

  #rules({ spec }: V2HorizontalPodAutoscaler): Rules {
    const { tolerance, cpuInitializationMs, initialReadinessMs } = this.#options;
    const own = (text: string | undefined): number => (text === undefined ? tolerance : quantityToNumber(text));
    const { scaleUp, scaleDown } = spec.behavior ?? {};
    const tolerances = { scaleUp: own(scaleUp?.tolerance), scaleDown: own(scaleDown?.tolerance) };
    return { tolerances, cpuInitializationMs, initialReadinessMs, now: this.#context.clock.now() };
  }
  #limits({ spec }: V2HorizontalPodAutoscaler): Limits {
    const { scaleUp: up, scaleDown: down } = spec.behavior ?? {};
    return {
      min: spec.minReplicas ?? 1,
      max: spec.maxReplicas,
      behavior: up && down && { up, down },
      downStabilizationMs: this.#options.downscaleStabilizationMs,
    };
  }
  /** After a restart the present size counts as the first recommendation: nothing shrinks at once. */
  #history(key: string, current: number): History {
    let history = this.#histories.get(key);
    if (!history) {
      history = newHistory();
      history.recommendations.push({ replicas: current, at: this.#context.clock.now() });
      this.#histories.set(key, history);
    }
    return history;
  }
  #warn(autoscaler: V2HorizontalPodAutoscaler, reason: string, message: string): void {
    this.#context.recorder.event(autoscaler, 'Warning', reason, message);
  }
  /** Nobody else writes this status: what it is based on does not matter. */
  async #write(autoscaler: V2HorizontalPodAutoscaler, status: V2HorizontalPodAutoscaler['status']): Promise<void> {
    if (!status) return;
    const { resourceVersion: _, ...metadata } = autoscaler.metadata ?? {};
    try {
      await this.#context.api.update(HorizontalPodAutoscaler, { ...autoscaler, metadata, status }, { subresource: 'status' });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      this.#warn(autoscaler, 'FailedUpdateStatus', textOf(error));
      this.#context.log.debug('status not written', { error });
    }
  }
}

function asFailure(error: unknown): MetricFailure {
  if (error instanceof MetricFailure) return error;
  throw error;
}
