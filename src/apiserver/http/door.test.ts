import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { Door } from './door.ts';

describe('Door', () => {
  const open: (() => void)[] = [];
  afterEach(() => {
    for (const close of open.splice(0)) close();
  });
  const door = (port = 0): Promise<Door> => Door.open({ host: '127.0.0.1', port });
  const greeter = (): Server => {
    const server = createServer((_request, response) => response.end('hello'));
    open.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return server;
  };
  const ask = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve(text));
      }).on('error', reject);
    });
  /** A client that has been let in. */
  const visitor = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };

  it('keeps who comes early, and what he said, until a server takes over', async () => {
    const at = await door();
    const { port } = at.address;
    const early = [ask(port), ask(port)];
    const talker = await visitor(port);
    talker.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    let heard = '';
    talker.setEncoding('utf8').on('data', (text: string) => (heard += text));
    await visitor(port).then((socket) => socket.destroy()); // one who does not wait
    const server = greeter();
    await at.handOver(server);
    assert.deepEqual(await Promise.all(early), ['hello', 'hello']);
    if (!talker.closed) await once(talker, 'close');
    assert.match(heard, /hello$/m);
    assert.equal(await ask(port), 'hello');
    assert.equal((server.address() as { port: number }).port, port);
  });
  it('is closed by the server that took over', async () => {
    const at = await door();
    const { port } = at.address;
    const server = greeter();
    await at.handOver(server);
    await new Promise((resolve) => server.close(resolve));
    await assert.rejects(ask(port), { code: 'ECONNREFUSED' });
  });
  it('sends away who waits when nobody takes over', async () => {
    const at = await door();
    const { port } = at.address;
    const socket = await visitor(port);
    const gone = once(socket, 'close');
    socket.resume().on('error', () => {});
    at.close();
    await gone;
    await assert.rejects(ask(port), { code: 'ECONNREFUSED' });
  });
  it('says that the port is taken', async () => {
    const first = await door();
    open.push(() => first.close());
    await assert.rejects(door(first.address.port), { code: 'EADDRINUSE' });
  });
});
