import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { hasSyscalls } from "#files";
import { multiCallPath, type ProgramCall } from "#process";
import { waitCode } from "./run-child.ts";
import type { Words } from "./serve-program.ts";

/** A client's program reads the connection from one and writes it to the other. */
export const readFd = 6;
export const writeFd = 7;

type Handle = { readonly fd?: number; readonly setBlocking?: (on: boolean) => void };

/**
 * This process becomes the program, its descriptors 6 and 7 the connection, as with the original; where it cannot (no koffi), the program
 * is a child with the same descriptors, whose end is waited for. Resolves with an exit code.
 */
export async function runOnSixAndSeven(
  call: ProgramCall,
  socket: Socket,
  words: Words,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const handle = (socket as unknown as { _handle?: Handle })._handle;
  const fd = handle?.fd ?? -1;
  if (call.become !== null && hasSyscalls() && process.platform === "linux") {
    const placed = new Map([
      [readFd, fd],
      [writeFd, fd],
    ]);
    return call.exec(words, { env, lastOf: "tcpclient", placed });
  }
  handle?.setBlocking?.(true); // The program waits for what it reads.
  const ours = call.isOwn(words) && !words[0].includes("/");
  return asChild(call, socket, ours ? [multiCallPath, ...words] : words, env);
}

/** Descriptors 0, 1 and 2 are this process's own; 3 to 5 lead nowhere. */
async function asChild(
  call: ProgramCall,
  socket: Socket,
  [program, ...args]: Words,
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(program, args, {
    env,
    cwd: call.cwd,
    stdio: ["inherit", "inherit", "inherit", "ignore", "ignore", "ignore", socket, socket],
  });
  const stop = (): void => void child.kill("SIGTERM");
  call.signal.addEventListener("abort", stop, { once: true });
  const code = await waitCode(child);
  call.signal.removeEventListener("abort", stop);
  socket.destroy();
  if (typeof code === "number") return code;
  call.stderr.write(`tcpclient: fatal: unable to run ${program}: ${code.trouble}\n`);
  return 111;
}
