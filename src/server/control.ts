import { mkdirSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server } from 'node:http';
import { dirname } from 'node:path';
import { http } from '#base';
import { UserError } from './errors.ts';

/** One command of the control socket: gets the JSON body, answers JSON. */
export type ControlHandler = (body: unknown) => Promise<unknown>;

/** A unix socket (mode 0700 directory) on which `status`, `down` and `image` talk to the running process. */
export async function listenControl(path: string, handlers: Record<string, ControlHandler>): Promise<Server> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  const server = http.createServer((req, res) => {
    const handler = handlers[(req.url ?? '/').slice(1)];
    const answer = (code: number, value: unknown): void => {
      res.writeHead(code, { 'content-type': 'application/json' });
      res.end(JSON.stringify(value));
    };
    if (!handler) return answer(404, { error: `no such control command: ${req.url}` });
    readJson(req)
      .then(handler)
      .then((value) => answer(200, value ?? {}))
      .catch((error: unknown) => answer(500, { error: error instanceof Error ? error.message : String(error) }));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  return server;
}

async function readJson(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
}

/** Asks the running process. Throws UserError with the process's own words; undefined when nothing listens. */
export function callControl<T>(path: string, command: string, body?: unknown): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const req = http.request({ socketPath: path, path: '/' + command, method: 'POST' }, (res) => {
      readJson(res).then((value) => {
        if (res.statusCode === 200) resolve(value as T);
        else reject(new UserError((value as { error: string }).error));
      }, reject);
    });
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
