import { type ChildProcess, type IOType, spawn } from "node:child_process";
import { constants } from "node:os";
import { Readable } from "node:stream";

/** How a script ended. */
export type ScriptEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number }
  /** It was never there: its program cannot be run (`exec`), or there was no room for a process (`fork`). */
  | { readonly kind: "not-started"; readonly at: "exec" | "fork"; readonly error: unknown };

/** What a script is started with. */
export type ScriptCall = {
  /** `./run`, and its arguments. */
  readonly words: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Descriptors of ours for its 0, 1, 2, 3 ... */
  readonly fds: readonly (number | "ignore")[];
  /** It leads a session of its own, so that its process group can be signalled. */
  readonly session: boolean;
  /** A descriptor on which it says (with a line) that it is ready; null if it does not. */
  readonly readyFd: number | null;
};

/** A script at work, or on its way. `pid` is 0 if it could not be started; `ended` resolves all the same. */
export type Script = { readonly pid: number; readonly ended: Promise<ScriptEnd>; readonly ready: Promise<void> };

/** Errors of spawn that are ours, not the program's: later there may be room. */
const noRoom: ReadonlySet<string | undefined> = new Set(["EAGAIN", "ENOMEM", "EMFILE", "ENFILE"]);

function notStarted(error: unknown): ScriptEnd {
  const { code } = error as NodeJS.ErrnoException;
  return { kind: "not-started", at: noRoom.has(code) ? "fork" : "exec", error };
}

function stdioOf({ fds, readyFd }: ScriptCall): (IOType | number)[] {
  const stdio: (IOType | number)[] = [...fds];
  if (readyFd === null) return stdio;
  while (stdio.length < readyFd) stdio.push("ignore");
  stdio[readyFd] = "pipe";
  return stdio;
}

/** Starts a script of a service directory. Never throws. */
export function startScript(call: ScriptCall): Script {
  const never = new Promise<void>(() => {});
  let child: ChildProcess;
  try {
    const [file, ...args] = call.words;
    child = spawn(file, args, { cwd: call.cwd, env: call.env, stdio: stdioOf(call), detached: call.session });
  } catch (error) {
    return { pid: 0, ended: Promise.resolve(notStarted(error)), ready: never };
  }
  const ended = new Promise<ScriptEnd>((done) => {
    child.once("error", (error) => done(notStarted(error)));
    child.once("exit", (code, signal) => {
      done(signal === null ? { kind: "exit", code: code ?? 0 } : { kind: "killed", signal: constants.signals[signal] });
    });
  });
  return { pid: child.pid ?? 0, ended, ready: call.readyFd === null ? never : firstLine(child.stdio[call.readyFd]) };
}

/** Resolves at the first LF; never if the stream ends before. */
function firstLine(stream: unknown): Promise<void> {
  return new Promise((said) => {
    if (!(stream instanceof Readable)) return;
    stream.on("error", () => {}); // The script's end says all there is to say.
    stream.on("data", (bytes: Buffer) => {
      if (!bytes.includes(0x0a)) return;
      said();
      stream.destroy();
    });
  });
}
