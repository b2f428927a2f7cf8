import { connect, type NetConnectOpts, type Socket } from "node:net";
import { socketPath } from "./unix.ts";

/** Why a connection did not come about. `timeout` is told apart because qmail remembers dead hosts by it (spec 4.10). */
export type ConnectFailure = { readonly kind: "timeout" | "refused" | "unreachable"; readonly reason: string };

function attempt(options: NetConnectOpts, timeoutMs: number): Promise<Socket | ConnectFailure> {
  return new Promise((resolve) => {
    const socket = connect(options);
    const timer = setTimeout(() => settle({ kind: "timeout", reason: "connection timed out" }), timeoutMs);
    const settle = (result: Socket | ConnectFailure): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      if (result !== socket) {
        // A late error of the abandoned attempt has no one to go to.
        socket.on("error", () => {});
        socket.destroy();
      }
      resolve(result);
    };
    socket.once("connect", () => settle(socket));
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const kind = error.code === "ETIMEDOUT" ? "timeout" : error.code === "ECONNREFUSED" ? "refused" : "unreachable";
      settle({ kind, reason: error.code ?? error.message });
    });
  });
}

/** Connects to an IP address; the failure is a value. The socket has Nagle off and no listeners; the caller closes it. */
export function connectTcp(
  to: { readonly host: string; readonly port: number; readonly from?: string; readonly fromPort?: number },
  timeoutMs: number,
): Promise<Socket | ConnectFailure> {
  const local = {
    ...(to.from === undefined ? {} : { localAddress: to.from }),
    ...(to.fromPort === undefined ? {} : { localPort: to.fromPort }),
  };
  return attempt({ host: to.host, port: to.port, noDelay: true, ...local }, timeoutMs);
}

/** Connects to a Unix socket of any path length; the failure is a value, a missing folder too. */
export async function connectUnix(path: string, timeoutMs = 10_000): Promise<Socket | ConnectFailure> {
  try {
    return await socketPath(path, (fitting) => attempt({ path: fitting }, timeoutMs));
  } catch (error) {
    return { kind: "unreachable", reason: error instanceof Error ? error.message : String(error) };
  }
}
