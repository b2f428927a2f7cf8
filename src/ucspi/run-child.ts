import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import { errorText } from "#files";

/** A child that was started, or why it was not. `over`: the raw wait status, as wait(2) has it. */
export type StartedChild = { readonly pid: number; readonly over: Promise<number> } | { readonly trouble: string };

/** What a connection's program is started with. */
export type ChildCall = {
  readonly words: readonly [string, ...string[]];
  readonly env: NodeJS.ProcessEnv;
  /** Where the program starts, if that is not where this process is. */
  readonly cwd?: string;
  readonly stderr: Writable;
};

/** The raw wait status of an exit code or a signal. */
export function waitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code === null ? (signal === null ? 0 : constants.signals[signal]) : code << 8;
}

/**
 * Starts a foreign program on a connection: the socket itself is its descriptors 0 and 1 (and `more` further ones), signals are as every
 * program expects them. The socket is the child's from then on; the caller closes its own copy.
 */
export async function startChild(
  socket: Socket,
  call: ChildCall,
  more: readonly ("pipe" | "ignore")[] = [],
): Promise<StartedChild> {
  const { words, env, stderr } = call;
  const where = call.cwd === undefined ? {} : { cwd: call.cwd };
  const options: SpawnOptions = {
    env,
    ...where,
    stdio: [socket, socket, stderr === process.stderr ? 2 : "pipe", ...more],
  };
  let child: ReturnType<typeof spawn>;
  try {
    child = spawn(words[0], words.slice(1), options);
  } catch (error) {
    return { trouble: errorText(error) };
  }
  child.stderr?.pipe(stderr, { end: false });
  const over = new Promise<number>((done) => child.once("exit", (code, signal) => done(waitStatus(code, signal))));
  const { pid } = child;
  if (pid !== undefined) return { pid, over };
  return new Promise((done) => child.once("error", (error) => done({ trouble: errorText(error) })));
}

/** The exit code of a child, 128 + N if signal N ended it; or why it was not started. */
export function waitCode(child: ChildProcess): Promise<number | { readonly trouble: string }> {
  return new Promise((done) => {
    child.once("error", (error) => done({ trouble: errorText(error) }));
    child.once("exit", (code, signal) => done(code ?? 128 + waitStatus(code, signal)));
  });
}
