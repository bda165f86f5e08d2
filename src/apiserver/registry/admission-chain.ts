import type { Kind } from '#machinery';
import type { AdmissionObserver, AdmissionStep, Observe } from '../metrics/admission.ts';
import type { AdmissionPlugin, AdmissionRequest, Mutated, Operation } from '../types.ts';

const usual: readonly Operation[] = ['CREATE', 'UPDATE'];

/** What a request is about: `main` is the object itself, `other` its status or a body of another kind. */
export type Subject = 'main' | 'other';

/** The admission steps of a kind, found once for each operation. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];
  readonly #chosen = new Map<string, Chosen>();
  readonly #observer: AdmissionObserver | undefined;
  constructor(kind: Kind, all: readonly AdmissionPlugin[], observer?: AdmissionObserver) {
    this.#observer = observer;
    this.#plugins = all.filter((plugin) => plugin.handles(kind));
  }
  mutate(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    let again = false;
    const note = (wish: Mutated): void => {
      if (wish === 'again') again = true;
    };
    const ask = (plugin: AdmissionPlugin): void | Promise<void> => {
      const outcome = plugin.mutate?.(request);
      return outcome instanceof Promise ? outcome.then(note) : note(outcome);
    };
    const once = (): void | Promise<void> => this.#step('admit', request, subject, ask);
    const pending = once();
    if (pending) return pending.then(() => (again ? once() : undefined));
    if (again) return once();
  }
  validate(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    return this.#step('validate', request, subject, (plugin) => plugin.validate?.(request));
  }
  settled(request: AdmissionRequest, subject: Subject, committed: boolean): void {
    for (const plugin of this.#for(request.operation, subject)) plugin.settled?.(request, committed);
  }
  /** Whether anyone would be asked. */
  asks(operation: Operation, subject: Subject): boolean {
    return this.#for(operation, subject).length > 0;
  }
  /** All of it at once, for what is not created or updated. */
  admit(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    const pending = this.#admit(request, subject);
    const settle = (admitted: boolean): void => this.settled(request, subject, admitted && !request.context.dryRun);
    if (!pending) return settle(true);
    return pending.then(
      () => settle(true),
      (error: unknown) => {
        settle(false);
        throw error;
      },
    );
  }
  #admit(request: AdmissionRequest, subject: Subject): void | Promise<void> {
    try {
      const pending = this.mutate(request, subject);
      return pending ? pending.then(() => this.validate(request, subject)) : this.validate(request, subject);
    } catch (error) {
      this.settled(request, subject, false);
      throw error;
    }
  }
  #step(step: AdmissionStep, { operation }: AdmissionRequest, subject: Subject, ask: (plugin: AdmissionPlugin) => void | Promise<void>): void | Promise<void> {
    const { plugins, timed } = this.#chosenFor(operation, subject);
    if (!timed || plugins.length === 0) return run(plugins, ask);
    const { whole, each } = timed[step];
    return timing(() => run(plugins, (plugin, i) => each[i] && timing(() => ask(plugin), each[i])), whole);
  }
  #for(operation: Operation, subject: Subject): readonly AdmissionPlugin[] {
    return this.#chosenFor(operation, subject).plugins;
  }
  #chosenFor(operation: Operation, subject: Subject): Chosen {
    const key = operation + subject;
    let chosen = this.#chosen.get(key);
    if (!chosen) this.#chosen.set(key, (chosen = this.#choose(operation, subject)));
    return chosen;
  }
  #choose(operation: Operation, subject: Subject): Chosen {
    const plugins = this.#plugins.filter((plugin) => (plugin.operations ?? usual).includes(operation) && (subject === 'main' || plugin.subresources === true));
    const observer = this.#observer;
    if (!observer) return { plugins };
    const timed = (step: AdmissionStep, method: 'mutate' | 'validate'): Timed => ({
      whole: observer.step(step, operation),
      each: plugins.map((plugin) => plugin[method] && observer.plugin(plugin.name, step, operation)),
    });
    return { plugins, timed: { admit: timed('admit', 'mutate'), validate: timed('validate', 'validate') } };
  }
}

interface Timed {
  readonly whole: Observe;
  /** Nobody where the plugin has nothing to do in the step. */
  readonly each: readonly (Observe | undefined)[];
}
interface Chosen {
  readonly plugins: readonly AdmissionPlugin[];
  readonly timed?: { readonly [step in AdmissionStep]: Timed };
}

/** Does `work` and tells how long it took; waits only when it does. */
function timing(work: () => void | Promise<void>, tell: Observe): void | Promise<void> {
  const started = performance.now();
  const ended = (rejected: boolean): void => tell(rejected, (performance.now() - started) / 1000);
  let pending: void | Promise<void>;
  try {
    pending = work();
  } catch (error) {
    ended(true);
    throw error;
  }
  if (!pending) return ended(false);
  return pending.then(
    () => ended(false),
    (error: unknown) => {
      ended(true);
      throw error;
    },
  );
}

/** In order; a promise only when one of them is waited for. */
function run(plugins: readonly AdmissionPlugin[], step: (plugin: AdmissionPlugin, i: number) => void | Promise<void>, from = 0): void | Promise<void> {
  for (let i = from; i < plugins.length; i++) {
    const pending = step(plugins[i] as AdmissionPlugin, i);
    if (pending) return pending.then(() => run(plugins, step, i + 1));
  }
}
