import { ConfigMap } from '#kinds';
import { ownKey, splitKey, type Controller } from './controller.ts';

const wish = 'example.batuta.dev/greet';

/** The smallest whole controller: a ConfigMap annotated with a name gets a greeting in its data. */
export const helloController: Controller = {
  name: 'hello',
  setup(context) {
    const maps = context.watch(ConfigMap, ownKey);

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const map = maps.get(namespace, name);
      const who = map?.metadata?.annotations?.[wish];
      if (!map || who === undefined) return;
      const greeting = `Hello, ${who}!`;
      if (map.data?.['greeting'] === greeting) return;
      await context.api.update(ConfigMap, { ...map, data: { ...map.data, greeting } });
      context.recorder.event(map, 'Normal', 'Greeted', greeting);
    };
  },
};
