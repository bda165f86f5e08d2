import { systemClock, systemRandom, type Logger } from '#base';
import type { ChaosRequest } from './chaos.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ControlHandler } from './control.ts';
import type { Machines } from './machines.ts';

/** The commands of `bin/batuta chaos`; what they need is loaded when the first of them comes. */
export function chaosHandlers(plane: ControlPlane, log: Logger, machines: () => Promise<Machines>): Record<string, ControlHandler> {
  const open = async (): Promise<import('./chaos.ts').Chaos> => {
    const { Chaos } = await import('./chaos.ts');
    return new Chaos({ client: plane.client, clock: systemClock, random: systemRandom, log: log.named('chaos'), machines: await machines() });
  };
  let chaos: ReturnType<typeof open> | undefined;
  const opened = (): ReturnType<typeof open> => (chaos ??= open());
  return {
    'chaos-start': async (body) => (await opened()).start(body as ChaosRequest),
    'chaos-heal': async (body) => ({ healed: await (await opened()).heal((body as { node?: string }).node) }),
    'chaos-list': async () => (await opened()).list(),
  };
}
