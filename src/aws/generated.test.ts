import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { render, services } from '../../scripts/generate-aws.ts';

for (const service of services) {
  test(`the contract of ${service} is what its script writes`, async () => {
    const written = readFileSync(new URL(`./generated/${service}.json`, import.meta.url), 'utf8');
    assert.ok(written === (await render(service)), 'run npm run generate');
  });
}
