import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { connectTcp } from "#net";
import { decodeReply, type Question, type Reply } from "./packet.ts";
import type { DnsServer } from "./servers.ts";

/** One try at one server. */
export type Try = {
  readonly server: DnsServer;
  readonly id: number;
  readonly question: Question;
  readonly packet: Buffer;
  readonly timeoutMs: number;
};

/** What a try brought: an answer, or why there is none. */
export type TryResult = Reply | { readonly failed: string };

/** So many packets that are not our answer on one port mean that somebody guesses ids: go over to TCP (RFC 5452 §9.1). */
const maxStrays = 16;

/** True for a try that brought no answer. */
export function hasFailed(result: TryResult): result is { readonly failed: string } {
  return "failed" in result;
}

/** The socket is connected, so the kernel checks this too; but a packet may slip in between its binding and its connecting. */
function isFrom(server: DnsServer, from: RemoteInfo): boolean {
  return from.port === server.port && (isIPv6(server.address) || from.address === server.address);
}

/**
 * Asks once over UDP from a fresh socket: the kernel gives it a random port, and, connected, it hears that server only.
 * A flood of strays ends as `truncated`, so that the caller asks over TCP.
 */
export function askUdp({ server, id, question, packet, timeoutMs }: Try): Promise<TryResult> {
  return new Promise((resolve) => {
    let socket: UdpSocket;
    try {
      socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
    } catch (error) {
      resolve({ failed: `no UDP socket: ${(error as Error).message}` });
      return;
    }
    const settle = (result: TryResult): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {}); // The question is settled; a late ICMP error changes nothing.
      socket.close();
      resolve(result);
    };
    const timer = setTimeout(() => settle({ failed: "timed out" }), timeoutMs);
    let strays = 0;
    socket.on("error", (error: NodeJS.ErrnoException) => settle({ failed: error.code ?? error.message }));
    socket.on("message", (bytes, from) => {
      const reply = isFrom(server, from) ? decodeReply(bytes, id, question) : "stray";
      if (reply === "garbage") settle({ failed: "unreadable answer" });
      else if (reply !== "stray") settle(reply);
      else if (++strays >= maxStrays) settle({ rcode: 0, truncated: true, answers: [], authorities: [] });
    });
    socket.connect(server.port, server.address, () => {
      socket.send(packet, (error) => {
        if (error) settle({ failed: error.message });
      });
    });
  });
}

/** Asks once over TCP (RFC 7766); the length goes before the packet. `timeoutMs` is for connecting and answering together. */
export async function askTcp({ server, id, question, packet, timeoutMs }: Try): Promise<TryResult> {
  const startedAt = performance.now();
  const socket = await connectTcp({ host: server.address, port: server.port }, timeoutMs);
  if ("kind" in socket) return { failed: `TCP: ${socket.reason}` };
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let have = 0;
    const settle = (result: TryResult): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on("error", () => {}); // As above: settled.
      socket.destroy();
      resolve(result);
    };
    const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAt));
    const timer = setTimeout(() => settle({ failed: "timed out over TCP" }), leftMs);
    socket.on("error", (error: NodeJS.ErrnoException) => settle({ failed: `TCP: ${error.code ?? error.message}` }));
    socket.on("close", () => settle({ failed: "TCP: closed without an answer" }));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      have += chunk.length;
      if (have < 2) return;
      const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, have);
      chunks.splice(0, chunks.length, bytes);
      const length = bytes.readUInt16BE(0);
      if (have < 2 + length) return;
      const reply = decodeReply(bytes.subarray(2, 2 + length), id, question);
      // On a connection of our own nothing but our answer can be meant for us.
      settle(typeof reply === "string" ? { failed: "TCP: unreadable answer" } : reply);
    });
    const head = Buffer.allocUnsafe(2);
    head.writeUInt16BE(packet.length);
    socket.write(Buffer.concat([head, packet]));
  });
}
