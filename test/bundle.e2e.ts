import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, describe, it } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'batuta-bundle-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const script = join(import.meta.dirname, '../scripts/bundle.ts');
const node = (...args: string[]): string =>
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { encoding: 'utf8', stdio: 'pipe' });

/** A project that says which file each part of it ran from, and what a neighbouring file holds. */
function project(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, 'src/cli'), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(root, 'src/cli/main.ts'),
    `import { readFileSync } from 'node:fs';
     import { Worker } from 'node:worker_threads';
     import { word } from './word.ts';
     const text = readFileSync(new URL('./data.txt', import.meta.url), 'utf8');
     const worker = new Worker(new URL('./thread.ts', import.meta.url));
     worker.once('message', (file: string) => console.log([word, text, new Error().stack?.includes('dist/bundle') ? 'bundle' : 'sources', file].join(' ')));`,
  );
  writeFileSync(join(root, 'src/cli/word.ts'), `export const word: string = 'one';`);
  writeFileSync(
    join(root, 'src/cli/thread.ts'),
    `import { parentPort } from 'node:worker_threads'; parentPort?.postMessage(new Error().stack?.includes('dist/bundle') ? 'bundle' : 'sources');`,
  );
  writeFileSync(join(root, 'src/cli/data.txt'), 'data');
  node(script, root);
  return root;
}
const start = (root: string): string => node(join(root, 'dist/bundle/main.js')).trim();
const fromBundle = 'one data bundle bundle';
const fromSources = 'one data sources sources';

describe('the bundle', () => {
  const root = project('whole');
  it('runs while the sources are what they were, threads too, and reads files where they are', () => {
    assert.equal(start(root), fromBundle);
  });
  it('runs when sources were only touched or copied', () => {
    utimesSync(join(root, 'src/cli/word.ts'), 1, 1);
    assert.equal(start(root), fromBundle);
    const copy = join(folder, 'copy');
    cpSync(root, copy, { recursive: true });
    assert.equal(start(copy), fromBundle);
  });
  it('never runs old code: not for an edit of the same size, and not with the old times', () => {
    const edited = project('edited');
    const word = join(edited, 'src/cli/word.ts');
    writeFileSync(word, `export const word: string = 'two';`);
    utimesSync(word, 1, 1);
    assert.equal(start(edited), 'two data sources sources');
    node(script, edited);
    assert.equal(start(edited), 'two data bundle bundle');
  });
  it('gives way to the sources when one is gone, when its manifest is not whole, or is not there', () => {
    const broken = project('broken');
    const manifest = join(broken, 'dist/bundle/manifest.json');
    copyFileSync(manifest, `${manifest}.kept`);
    writeFileSync(manifest, '{"slot":');
    assert.equal(start(broken), fromSources);
    rmSync(manifest);
    assert.equal(start(broken), fromSources);
    copyFileSync(`${manifest}.kept`, manifest);
    assert.equal(start(broken), fromBundle);
    rmSync(join(broken, 'src/cli/thread.ts'));
    assert.throws(() => start(broken), /thread\.ts/);
  });
});

test('a bundle that is made anew leaves the last one to those who run it', () => {
  const root = project('again');
  const first = join(root, 'dist/bundle/a/src-cli-main.js');
  node(script, root);
  assert.equal(node(first).trim(), fromBundle);
});
