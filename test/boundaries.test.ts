import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import test from 'node:test';

const root = join(import.meta.dirname, '..');

/** Which rooms each room may import (DESIGN: one-way arrows). */
const allowed: Record<string, readonly string[]> = {
  base: [],
  store: ['base'],
  machinery: ['base'],
  kinds: ['machinery', 'base'],
  client: ['kinds', 'machinery', 'base'],
  apiserver: ['machinery', 'store', 'base'],
  controllers: ['client', 'kinds', 'machinery', 'base'],
  scheduler: ['client', 'kinds', 'machinery', 'base'],
  node: ['client', 'kinds', 'machinery', 'base'],
  network: ['client', 'kinds', 'machinery', 'base'],
  metrics: ['client', 'kinds', 'machinery', 'base'],
  registry: ['base'],
  objects: ['base'],
  backup: ['base'],
  aws: ['objects', 'client', 'kinds', 'machinery', 'base'],
  server: [
    'apiserver',
    'controllers',
    'scheduler',
    'node',
    'network',
    'metrics',
    'registry',
    'objects',
    'backup',
    'aws',
    'client',
    'kinds',
    'machinery',
    'store',
    'base',
  ],
  cli: ['server', 'base'],
};

/** Second front doors: parts of a room that others need before all of it is loaded. */
const sideDoors: Record<string, string> = { 'apiserver/entrance': 'apiserver' };

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map((m) => m[1] ?? '');
}

test('rooms import only what lies below them, through the front door', () => {
  const wrong: string[] = [];
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    const room = file.split('/')[1] ?? '';
    assert.ok(allowed[room], `src/${room} is not a room: add it to the list with what it may import`);
    // testing.ts is what tests of a room share: no part of the program.
    const isTest = /(?:\.(?:test|e2e)|\/testing)\.ts$/.test(file);
    for (const target of importsOf(file)) {
      if (target.startsWith('#')) {
        const name = sideDoors[target.slice(1)] ?? target.slice(1);
        if (name !== room && !isTest && !allowed[room].includes(name)) wrong.push(`${file} imports ${target}`);
      } else if (target.startsWith('.')) {
        const path = relative('.', join(dirname(file), target));
        if (path.split('/')[0] === 'src' && path.split('/')[1] !== room) wrong.push(`${file} reaches into ${path}: import '#${path.split('/')[1]}'`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('time, timers and randomness come from base only', () => {
  const banned = /(?<![.\w])(Date\.now\(|setTimeout\(|setInterval\(|Math\.random\()/;
  const wrong: string[] = [];
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    if (file.startsWith('src/base/') || file.endsWith('.test.ts')) continue;
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .forEach((line, i) => {
        const code = line.replace(/\/\/.*$/, '').replace(/^\s*\*.*$/, '');
        if (banned.test(code)) wrong.push(`${file}:${i + 1}: take a Clock or Random from #base instead`);
      });
  }
  assert.deepEqual(wrong, []);
});

test('documentation names only files that exist', () => {
  const missing: string[] = [];
  for (const doc of globSync(['*.md', 'docs/**/*.md'], { cwd: root })) {
    for (const match of readFileSync(join(root, doc), 'utf8').matchAll(/`((?:src|docs|scripts|test|bench|examples|bin)\/[A-Za-z0-9_./-]+)`/g)) {
      const path = match[1] ?? '';
      if (globSync(path, { cwd: root }).length === 0) missing.push(`${doc}: ${path}`);
    }
  }
  assert.deepEqual(missing, []);
});

test('no source file is longer than 500 lines', () => {
  const long = globSync('src/**/*.ts', { cwd: root })
    .filter((file) => !file.includes('/generated/'))
    .filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 501);
  assert.deepEqual(long, []);
});
