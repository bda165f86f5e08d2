/**
 * What `bin/batuta` starts where a bundle was made: the bundle while no source has changed since, else the
 * sources themselves. Bundled into dist/bundle/main.js, so paths are as seen from there.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isCurrent, type Manifest } from './manifest.ts';

const root = new URL('../../', import.meta.url);

function program(): URL {
  const sources = new URL('src/cli/main.ts', root);
  try {
    const manifest = JSON.parse(readFileSync(new URL('manifest.json', import.meta.url), 'utf8')) as Manifest;
    if (isCurrent(fileURLToPath(root), manifest.sources)) return new URL(`${manifest.slot}/src-cli-main.js`, import.meta.url);
  } catch {
    // No manifest, or half of one: as if there were no bundle.
  }
  return sources;
}

await import(program().href);
