import { isSane, type Detector } from './detector.ts';

/** What Composer installed: a list, since version 2 in an object. */
export const composerInstalled: Detector = {
  matches: (path, name) => name === 'installed.json' && path.endsWith('vendor/composer/installed.json'),
  parse: (content) => {
    const document = JSON.parse(content.toString()) as { packages?: unknown } | unknown[];
    const list = Array.isArray(document) ? document : document.packages;
    if (!Array.isArray(list)) throw new Error('it names no packages');
    return {
      packages: (list as { name?: unknown; version?: unknown }[]).flatMap((entry) =>
        isSane(entry?.name) && isSane(entry.version)
          ? [{ type: 'composer' as const, name: entry.name.toLowerCase(), version: entry.version.replace(/^v(?=\d)/, '') }]
          : [],
      ),
    };
  },
};
