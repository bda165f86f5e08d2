import { createHash } from 'node:crypto';

/** What containerd's `sandbox_image` names. It never exists in a registry: it is made here. */
export const sandboxImage = 'localhost/batuta-pause:1';

/**
 * The program of the sandbox container, x86-64. It waits for signals with sigtimedwait: SIGCHLD reaps (it is
 * process 1 of pods that share their process namespace), SIGTERM and SIGINT end it. Without that, process 1
 * would ignore SIGTERM and every stop would wait for the grace period.
 */
const amd64 = hex(`
  b80e000000 31ff 488d3558000000 31d2 41ba08000000 0f05        mov eax,rt_sigprocmask; edi=SIG_BLOCK; rsi=set; syscall
  b880000000 488d3d42000000 31f6 31d2 41ba08000000 0f05        wait: rt_sigtimedwait(set, 0, 0, 8)
  83f811 740c                                                  SIGCHLD: reap
  83f80f 7423 83f802 741e ebd7                                 SIGTERM, SIGINT: exit; else wait
  b83d000000 bfffffffff 31f6 ba01000000 4531d2 0f05            reap: wait4(-1, 0, WNOHANG, 0)
  85c0 7fe6 ebbb                                               again while > 0, then wait
  b8e7000000 31ff 0f05                                         exit: exit_group(0)
  0240010000000000                                             set: SIGINT, SIGTERM, SIGCHLD`);

/** The same for arm64, assembled from the few instructions it needs. */
function arm64(): Buffer {
  const mov = (rd: number, imm: number): number => 0xd2800000 | (imm << 5) | rd;
  const minusOne = (rd: number): number => 0x92800000 | rd;
  const adr = (rd: number, bytes: number): number => 0x10000000 | ((bytes & 3) << 29) | (((bytes >> 2) & 0x7ffff) << 5) | rd;
  const branch = (words: number): number => 0x14000000 | (words & 0x3ffffff);
  const branchIf = (condition: number, words: number): number => 0x54000000 | ((words & 0x7ffff) << 5) | condition;
  const compare32 = (rn: number, imm: number): number => 0x7100001f | (imm << 10) | (rn << 5);
  const svc = 0xd4000001;
  const [equal, greater] = [0, 12];
  const [wait, reap, exit, set] = [6, 19, 28, 31];
  const words = [
    mov(0, 0),
    adr(1, (set - 1) * 4),
    mov(2, 0),
    mov(3, 8),
    mov(8, 135),
    svc, // rt_sigprocmask(SIG_BLOCK, set, 0, 8)
    adr(0, (set - 6) * 4),
    mov(1, 0),
    mov(2, 0),
    mov(3, 8),
    mov(8, 137),
    svc, // wait: rt_sigtimedwait(set, 0, 0, 8)
    compare32(0, 17),
    branchIf(equal, reap - 13), // SIGCHLD
    compare32(0, 15),
    branchIf(equal, exit - 15), // SIGTERM
    compare32(0, 2),
    branchIf(equal, exit - 17), // SIGINT
    branch(wait - 18),
    minusOne(0),
    mov(1, 0),
    mov(2, 1),
    mov(3, 0),
    mov(8, 260),
    svc, // reap: wait4(-1, 0, WNOHANG, 0)
    compare32(0, 0),
    branchIf(greater, reap - 26),
    branch(wait - 27),
    mov(0, 0),
    mov(8, 94),
    svc, // exit: exit_group(0)
    0x14002,
    0, // set
  ];
  const out = Buffer.alloc(words.length * 4);
  words.forEach((word, i) => out.writeUInt32LE(word >>> 0, i * 4));
  return out;
}

function hex(listing: string): Buffer {
  const bytes = listing.split('\n').map((line) => (/^\s*((?:(?:[0-9a-f]{2})+ )+|(?:[0-9a-f]{2})+)/.exec(line)?.[1] ?? '').replaceAll(' ', ''));
  return Buffer.from(bytes.join(''), 'hex');
}
export const pauseProgramCode = { x64: amd64, arm64: arm64() };

/** A static ELF executable of one segment: header, program header, code. */
export function pauseExecutable(arch: 'x64' | 'arm64'): Buffer {
  const code = pauseProgramCode[arch];
  const base = 0x400000n;
  const headerSize = 0x40 + 0x38;
  const header = Buffer.alloc(headerSize);
  header.write('\x7fELF\x02\x01\x01', 0, 'latin1'); // 64-bit, little-endian
  header.writeUInt16LE(2, 0x10); // ET_EXEC
  header.writeUInt16LE(arch === 'x64' ? 62 : 183, 0x12);
  header.writeUInt32LE(1, 0x14);
  header.writeBigUInt64LE(base + BigInt(headerSize), 0x18); // entry
  header.writeBigUInt64LE(0x40n, 0x20); // program headers
  header.writeUInt16LE(0x40, 0x34);
  header.writeUInt16LE(0x38, 0x36);
  header.writeUInt16LE(1, 0x38);
  header.writeUInt32LE(1, 0x40); // PT_LOAD
  header.writeUInt32LE(5, 0x44); // read, execute
  header.writeBigUInt64LE(base, 0x50);
  header.writeBigUInt64LE(base, 0x58);
  const size = BigInt(headerSize + code.length);
  header.writeBigUInt64LE(size, 0x60);
  header.writeBigUInt64LE(size, 0x68);
  header.writeBigUInt64LE(0x10000n, 0x70); // the largest page size of arm64
  return Buffer.concat([header, code]);
}

/** The image as a docker-archive that `ctr images import` reads. */
export async function sandboxImageArchive(arch: 'x64' | 'arm64'): Promise<Buffer> {
  const layer = await tar([['pause', pauseExecutable(arch), 0o755]]);
  const diffId = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
  const config = JSON.stringify({
    architecture: arch === 'x64' ? 'amd64' : 'arm64',
    os: 'linux',
    config: { Entrypoint: ['/pause'], WorkingDir: '/', Env: ['PATH=/'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'batuta' }],
  });
  const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [sandboxImage], Layers: ['layer.tar'] }]);
  return tar([
    [configName, Buffer.from(config), 0o644],
    ['layer.tar', layer, 0o644],
    ['manifest.json', Buffer.from(manifest), 0o644],
  ]);
}

async function tar(entries: [string, Buffer, number][]): Promise<Buffer> {
  // Only now: few starts need an archive, and loading the library takes as long as many of them do here.
  const { pack } = await import('tar-stream');
  const archive = pack();
  for (const [name, body, mode] of entries) archive.entry({ name, mode, mtime: new Date(0) }, body);
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
