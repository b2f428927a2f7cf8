import type { Socket } from "node:net";
import { readProxyHeader } from "#net";
import type { Ends } from "./facts.ts";

/** A load balancer's header comes at once or not at all. */
const headerMs = 5_000;

/** Who a balancer speaks for, and the balancer itself as PROXY_REMOTEIP and so on. */
export type ProxyTold = { readonly ends: Ends; readonly env: NodeJS.ProcessEnv };

/**
 * Takes the PROXY protocol header off a connection from a balancer that is believed. What the client sent behind it stays to be read.
 */
export async function takeProxyHeader(socket: Socket, own: Ends): Promise<ProxyTold | { readonly trouble: string }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const header = readProxyHeader(bytes);
    if (header === null) return { trouble: "no PROXY protocol header" };
    if (header === "short") {
      const more = await nextChunk(socket);
      if (more === null) return { trouble: "no PROXY protocol header in time" };
      bytes = Buffer.concat([bytes, more]);
      continue;
    }
    if (header.next < bytes.length) socket.unshift(bytes.subarray(header.next));
    if (header.kind === "local") return { ends: own, env: {} };
    const { ip, port, localIp, localPort } = header;
    return {
      ends: { localIp, localPort, remoteIp: ip, remotePort: port },
      env: {
        PROXY_LOCALIP: own.localIp,
        PROXY_LOCALPORT: String(own.localPort),
        PROXY_REMOTEIP: own.remoteIp,
        PROXY_REMOTEPORT: String(own.remotePort),
      },
    };
  }
}

/** What arrives next; null if nothing does in time. The socket is paused again behind it. */
function nextChunk(socket: Socket): Promise<Buffer | null> {
  return new Promise((done) => {
    const settle = (chunk: Buffer | null): void => {
      clearTimeout(timer);
      socket.off("data", settle).off("close", gone).off("end", gone);
      socket.pause();
      done(chunk);
    };
    const gone = (): void => settle(null);
    const timer = setTimeout(gone, headerMs);
    socket.on("data", settle).once("close", gone).once("end", gone);
    socket.resume();
  });
}
