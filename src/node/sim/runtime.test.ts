import { FakeClock, seededRandom } from '#base';
import { runtimeConformance } from '../conformance.ts';
import { createSimRuntime } from './runtime.ts';

runtimeConformance('sim', async () => {
  const clock = new FakeClock();
  const runtime = createSimRuntime({ clock, random: seededRandom(3), node: { name: 'n', podCIDR: '10.1.2.0/24' } });
  return {
    runtime,
    image: 'app:1',
    logDirectory: '/nonexistent',
    wait: () => clock.advance(1000),
    exiting: (code) => ({ command: ['exit', String(code)], annotations: { 'batuta.dev/sim-exit-after': '1s', 'batuta.dev/sim-exit-code': String(code) } }),
    reopen: async () => runtime,
    close: async () => {},
  };
});
