import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy between a browser and a server that can stop to forward without closing anything. */
export interface DeadPath {
  readonly url: string;
  /** How many connections the browser has. */
  connections(): number;
  /** Forward nothing more on the connections that are open now; later ones work. */
  swallow(): void;
  close(): Promise<void>;
}

/** Start a proxy to the server at `target`. */
export async function pathTo(target: string): Promise<DeadPath> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  const dead = new Set<Socket>();
  const forward = (from: Socket, to: Socket) => {
    open.add(from);
    from.on("data", data => {
      if (!dead.has(from)) to.write(data);
    });
    from.on("error", () => {});
    from.on("close", () => {
      open.delete(from);
      // The end of a dead connection doesn't get through, either.
      if (!dead.has(from)) to.destroy();
    });
  };
  const server = createServer(client => {
    const upstream = connect(Number(port), hostname);
    forward(client, upstream);
    forward(upstream, client);
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the proxy has no address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    connections: () => open.size / 2,
    swallow: () => {
      for (const socket of open) dead.add(socket);
    },
    close: () =>
      new Promise(resolve => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
