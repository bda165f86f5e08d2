/**
 * Builds the images hello:1 and hello:2 (docker-archive) from Debian's busybox-static, offline:
 *   sh scripts/node.sh scripts/make-hello-image.ts OUTDIR [BUSYBOX]
 * Each serves a page that says its version on port 8080, and logs one line when it starts.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack, type Header } from 'tar-stream';

const applets = [
  'sh',
  'ash',
  'httpd',
  'wget',
  'nslookup',
  'tar',
  'gzip',
  'sleep',
  'cat',
  'ls',
  'env',
  'echo',
  'ps',
  'id',
  'hostname',
  'date',
  'mkdir',
  'rm',
  'cp',
  'mv',
  'ln',
  'touch',
  'head',
  'tail',
  'grep',
  'sed',
  'awk',
  'wc',
  'sort',
  'dd',
  'md5sum',
  'sha256sum',
  'true',
  'false',
  'test',
  'kill',
  'ping',
  'nc',
  'ip',
  'ifconfig',
  'df',
  'du',
  'free',
  'mount',
  'uname',
  'seq',
  'printf',
  'vi',
  'top',
  'stat',
  'find',
  'xargs',
  'stty',
  'tty',
  'yes',
  'whoami',
  'chmod',
  'chown',
  'pwd',
  'readlink',
  'cut',
  'tr',
  'tee',
  'timeout',
  'which',
  'netstat',
];

/** Process 1 ignores signals it has no handler for: the shell has one. It lets requests that are under way end before httpd goes, as every well-behaved server does. */
const start = (version: string): string =>
  `#!/bin/sh
echo "hello $(cat /etc/hello-version): $(hostname) serves port 8080"
httpd -f -p 8080 -h /www &
child=$!
trap 'sleep 0.5; kill -TERM $child; exit 0' TERM INT
wait $child
`.replace('$(cat /etc/hello-version)', version);

type Entry = [header: Partial<Header> & { name: string }, body?: string | Buffer];

function rootFilesystem(version: string, busybox: Buffer): Entry[] {
  const directories = ['bin/', 'etc/', 'www/', 'proc/', 'sys/', 'dev/', 'root/', 'var/'].map((name): Entry => [{ name, type: 'directory', mode: 0o755 }]);
  const links = applets.map((name): Entry => [{ name: `bin/${name}`, type: 'symlink', linkname: '/bin/busybox' }]);
  return [
    ...directories,
    [{ name: 'tmp/', type: 'directory', mode: 0o1777 }],
    [{ name: 'bin/busybox', mode: 0o755 }, busybox],
    ...links,
    [{ name: 'bin/hello', mode: 0o755 }, start(version)],
    [{ name: 'www/index.html', mode: 0o644 }, `hello ${version}\n`],
    [{ name: 'www/healthz', mode: 0o644 }, 'ok\n'],
    [{ name: 'etc/hello-version', mode: 0o644 }, `${version}\n`],
    [{ name: 'etc/passwd', mode: 0o644 }, 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n'],
    [{ name: 'etc/group', mode: 0o644 }, 'root:x:0:\nnogroup:x:65534:\n'],
  ];
}

async function tar(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, body] of entries) {
    const complete = { mtime: new Date(0), ...header };
    if (body === undefined) archive.entry(complete);
    else archive.entry(complete, body);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
function digest(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

async function image(version: string, busybox: Buffer): Promise<Buffer> {
  const layer = await tar(rootFilesystem(version, busybox));
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/bin/hello'], Env: ['PATH=/bin', `HELLO_VERSION=${version}`], WorkingDir: '/', ExposedPorts: { '8080/tcp': {} } },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest(layer)}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'make-hello-image' }],
  });
  const configName = `${digest(config)}.json`;
  const layerName = `${digest(layer)}/layer.tar`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [`hello:${version}`], Layers: [layerName] }]);
  return tar([
    [{ name: configName }, config],
    [{ name: layerName }, layer],
    [{ name: 'manifest.json' }, manifest],
  ]);
}

function isStatic(path: string): boolean {
  return !readFileSync(path).includes('/ld-linux') || /statically linked/.test(tryFile(path));
}
function tryFile(path: string): string {
  try {
    return execFileSync('file', ['-L', path], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

const [outDir, busyboxPath = '/bin/busybox'] = process.argv.slice(2);
if (!outDir) {
  process.stderr.write('usage: make-hello-image OUTDIR [BUSYBOX]\n');
  process.exit(2);
}
if (!existsSync(busyboxPath) || !isStatic(busyboxPath)) {
  process.stderr.write(`make-hello-image: needs a static busybox at ${busyboxPath}: apt-get install busybox-static\n`);
  process.exit(1);
}
mkdirSync(outDir, { recursive: true });
const busybox = readFileSync(busyboxPath);
for (const version of ['1', '2']) {
  const path = join(outDir, `hello-${version}.tar`);
  writeFileSync(path, await image(version, busybox));
  process.stdout.write(`${path}: hello:${version}\n`);
}
