import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { constants } from "node:os";
import type { Writable } from "node:stream";
import { errorText, exitStatus, hasPosixSpawn, posixSpawn } from "#files";

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
 * Starts a foreign program on a connection: the socket itself is its descriptors 0 and 1, signals are as every program expects them. The
 * socket is the child's from then on; the caller closes its own copy.
 */
export async function startChild(socket: Socket, call: ChildCall): Promise<StartedChild> {
  return isLight(call) ? startLight(socket, call) : startByNode(socket, call);
}

/** True if the child needs nothing but what posix_spawn does: our folder, our stderr, our PATH to be looked for in. */
function isLight({ cwd, stderr, env }: ChildCall): boolean {
  return cwd === undefined && stderr === process.stderr && env.PATH === process.env.PATH && hasPosixSpawn();
}

type Handle = { readonly fd?: number; readonly setBlocking?: (on: boolean) => void };

/** A fork of Node copies the page tables of 70 MB; this way costs a third of the CPU. */
function startLight(socket: Socket, { words, env }: ChildCall): StartedChild {
  const handle = (socket as unknown as { readonly _handle?: Handle })._handle;
  if (handle?.fd === undefined || handle.fd < 0) return { trouble: "connection closed" };
  if (reapers.size === 0) process.on("SIGCHLD", reap);
  handle.setBlocking?.(true); // The program waits for what it reads.
  const started = posixSpawn(words, env, handle.fd);
  const over = new Promise<number>((done) => {
    if (typeof started === "number") reapers.set(started, done);
  });
  if (reapers.size === 0) process.off("SIGCHLD", reap);
  return typeof started === "number" ? { pid: started, over } : { trouble: errorText({ code: started }) };
}

/** Who waits for which child. */
const reapers = new Map<number, (status: number) => void>();

/** SIGCHLD says that children have ended, but not which, nor how many. */
function reap(): void {
  for (const [pid, done] of reapers) {
    const status = exitStatus(pid);
    if (status === null) continue;
    reapers.delete(pid);
    done(status);
  }
  if (reapers.size === 0) process.off("SIGCHLD", reap);
}

function startByNode(socket: Socket, call: ChildCall): Promise<StartedChild> | StartedChild {
  const { words, env, stderr } = call;
  const where = call.cwd === undefined ? {} : { cwd: call.cwd };
  const stdio = [socket, socket, stderr === process.stderr ? 2 : "pipe"] as const;
  let child: ChildProcess;
  try {
    child = spawn(words[0], words.slice(1), { env, ...where, stdio: [...stdio] });
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
