import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { takeBuiltins } from '../scripts/bundle/builtins.ts';
import { isCurrent, sourceOf } from '../scripts/bundle/manifest.ts';

describe('whether sources are what they were', () => {
  const root = mkdtempSync(join(tmpdir(), 'batuta-bundle-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  const path = join(root, 'a.ts');
  const write = (text: string): void => writeFileSync(path, text);
  write('one');
  const sources = { 'a.ts': sourceOf(path) };

  it('they are when nothing happened, when only touched, and when changed back', () => {
    assert.equal(isCurrent(root, sources), true);
    utimesSync(path, 1, 1);
    assert.equal(isCurrent(root, sources), true);
    write('two');
    write('one');
    assert.equal(isCurrent(root, sources), true);
  });
  it('they are not with another content, be it of the same size and with the old times', () => {
    write('two');
    assert.equal(isCurrent(root, sources), false);
    utimesSync(path, 1, (sources['a.ts']?.[1] ?? 0) / 1000);
    assert.equal(isCurrent(root, sources), false);
    write('three');
    assert.equal(isCurrent(root, sources), false);
  });
  it('they are not when one is gone', () => {
    rmSync(path);
    assert.equal(isCurrent(root, sources), false);
  });
});

describe("imports of Node's own modules", () => {
  it('become takings, before all else', () => {
    const text = 'import{a}from"./a.js";import{join,basename as b2}from"node:path";f(join);import https from"node:https";import*as fs from"node:fs";\n';
    assert.equal(
      takeBuiltins(text),
      'const{join,basename:b2}=process.getBuiltinModule("node:path");\n' +
        'const https=process.getBuiltinModule("node:https");\n' +
        'const fs=process.getBuiltinModule("node:fs");\n' +
        'import{a}from"./a.js";f(join);\n',
    );
  });
  it('over several lines, and of a default with names', () => {
    assert.equal(
      takeBuiltins('import os,{\ncpus\nas c,EOL}from"node:os";'),
      'const os=process.getBuiltinModule("node:os");\nconst{\ncpus:c,EOL}=process.getBuiltinModule("node:os");\n',
    );
  });
  it('leave other imports alone', () => {
    const text = 'import{x}from"ws";import"./b.js";import("node:fs");';
    assert.equal(takeBuiltins(text), text);
  });
});
