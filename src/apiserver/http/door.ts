import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * A port that is open before anyone can answer: connections wait until a server takes them over. So whoever
 * comes while the API still loads is served as soon as it can be, and need not come again.
 */
export class Door {
  readonly #server: Server;
  readonly #waiting: Socket[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#waiting.push(socket);
      socket.on('error', ignore);
    });
  }
  /** Rejects when the address cannot be had. */
  static async open({ host, port }: { host: string; port: number }): Promise<Door> {
    const server = createServer();
    const door = new Door(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
    return door;
  }
  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }
  /** Another server listens here from now on, and gets who waits. Once only; that server closes the port. */
  async handOver(to: Server): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      to.once('error', reject);
      // The same socket of the system: there is no moment without a listener.
      to.listen(this.#server, () => {
        to.off('error', reject);
        resolve();
      });
    });
    for (const socket of this.#waiting.splice(0)) {
      socket.off('error', ignore);
      if (!socket.destroyed) to.emit('connection', socket);
    }
  }
  /** For a door that was not handed over: who waits is sent away. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting.splice(0)) socket.destroy();
  }
}

/** A connection that breaks while it waits is simply gone. */
function ignore(): void {}
