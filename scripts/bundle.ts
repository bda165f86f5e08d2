/**
 * Bundles src/ into dist/bundle/: a few files load in a third of the time that hundreds of modules take, and the
 * TypeScript stripper stays out of the process. `bin/batuta` uses the bundle only while every source is what it was
 * when the bundle was made (docs/decisions/016-bundle.md). Argument: the project's root, for tests.
 */
import { globSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { takeBuiltins } from './bundle/builtins.ts';
import { sourceOf, type Manifest } from './bundle/manifest.ts';

const here = resolve(import.meta.dirname, '..');
const root = resolve(process.argv[2] ?? here);
const out = join(root, 'dist/bundle');
/** Bundles live in turn in these: a process that runs from the last one may still import a part of it. */
const slots = ['a', 'b', 'c'];

const threadProgram = /new URL\('\.\/([\w-]+)\.ts', import\.meta\.url\)/g;
const outputName = (path: string): string => path.replace(/\.ts$/, '').replaceAll('/', '-');

/** The command line, and every program of a thread. */
function entryPoints(): Record<string, string> {
  const entries = ['src/cli/main.ts'];
  for (const path of globSync('src/**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })) {
    const text = readFileSync(join(root, path), 'utf8');
    for (const [, name] of text.matchAll(threadProgram)) entries.push(join(path, '..', `${name}.ts`));
  }
  return Object.fromEntries(entries.map((path) => [outputName(path), path]));
}

/** Files that sources name relative to themselves are still there; programs of threads are in the bundle. */
const ownUrls: Plugin = {
  name: 'own-urls',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const own = path.slice(root.length + 1);
      const contents = text
        .replaceAll(threadProgram, (_all, name: string) => `new URL('./${outputName(join(own, '..', name))}.js', import.meta['url'])`)
        .replaceAll('import.meta.url', `new URL('../../../${own}', import.meta['url']).href`);
      return { contents, loader: 'ts' };
    });
  },
};

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  packages: 'external',
  logLevel: 'warning',
  minifyWhitespace: true,
  lineLimit: 160,
};

/** Bundles into a directory and tells of what. */
async function bundle(outdir: string): Promise<Manifest['sources']> {
  const before = new Map<string, Manifest['sources'][string]>();
  const seen: Plugin = {
    name: 'seen',
    setup({ onStart }) {
      onStart(() => {
        for (const path of globSync(['src/**/*.{ts,json}', 'package.json'], { cwd: root, exclude: ['**/*.test.ts'] }))
          before.set(path, sourceOf(join(root, path)));
      });
    },
  };
  const { metafile } = await build({ ...common, entryPoints: entryPoints(), outdir, splitting: true, metafile: true, plugins: [seen, ownUrls] });
  for (const name of readdirSync(outdir)) writeFileSync(join(outdir, name), takeBuiltins(readFileSync(join(outdir, name), 'utf8')));
  const sources: Record<string, Manifest['sources'][string]> = {};
  for (const path of [...Object.keys(metafile.inputs), 'package.json']) {
    const source = before.get(path);
    if (!source) throw new Error(`${path} is part of the bundle but not of the sources`);
    sources[path] = source;
  }
  return sources;
}

/** The slot whose bundle has been out of use for longest. */
function nextSlot(): string {
  let last = '';
  try {
    last = (JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as Manifest).slot;
  } catch {
    // The first bundle.
  }
  return slots[(slots.indexOf(last) + 1) % slots.length] ?? 'a';
}

/** Whole or not at all: others may be starting meanwhile. */
function replace(name: string, content: string | Uint8Array): void {
  const temporary = join(out, `${name}.${process.pid}`);
  writeFileSync(temporary, content);
  renameSync(temporary, join(out, name));
}

mkdirSync(out, { recursive: true });
const { outputFiles } = await build({ ...common, absWorkingDir: here, entryPoints: ['scripts/bundle/main.ts'], outfile: 'main.js', write: false });
const fresh = join(out, `new-${process.pid}`);
try {
  const sources = await bundle(fresh);
  // Only now: whoever bundles at the same time gets another slot.
  const slot = nextSlot();
  rmSync(join(out, slot), { recursive: true, force: true });
  renameSync(fresh, join(out, slot));
  replace('manifest.json', JSON.stringify({ slot, sources } satisfies Manifest));
  replace('main.js', takeBuiltins(outputFiles[0]?.text ?? ''));
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
