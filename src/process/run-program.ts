import { createReadStream, fstatSync } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { callProgram } from "./call-program.ts";
import { type ExecBase, programCall } from "./exec.ts";
import { findOwn } from "./find-own.ts";
import type { NewUser, ProgramIndex } from "./program.ts";

/** How long a program may go on after the reader of its output has gone, in milliseconds. */
const afterBrokenPipeMs = 1_000;
const brokenPipeExitCode = 141; // 128 + SIGPIPE, what a shell reports for a classic program

const openInputs = new Map<number, Readable>();

/** A readable stream on an inherited descriptor; null if it is not open. The same stream each time. */
function inputOf(fd: number): Readable | null {
  if (fd === 0) return process.stdin;
  const known = openInputs.get(fd);
  if (known !== undefined) return known;
  let isPipe: boolean;
  try {
    const stat = fstatSync(fd);
    isPipe = stat.isFIFO() || stat.isSocket();
    // Node's own descriptors (epoll, eventfd) fill the numbers nobody opened for us; they are none of these.
    if (!isPipe && !stat.isFile() && !stat.isCharacterDevice()) return null;
  } catch {
    return null; // EBADF: nobody opened it for us.
  }
  const stream = isPipe ? new Socket({ fd, readable: true, writable: false }) : createReadStream("", { fd });
  openInputs.set(fd, stream);
  return stream;
}

/** Ends as a classic program would when nobody reads its output any more. */
function endOnBrokenPipe(stream: Writable, stop: () => void): Writable {
  stream.on("error", () => {
    stop();
    setTimeout(() => process.exit(brokenPipeExitCode), afterBrokenPipeMs);
  });
  return stream;
}

/** What `ownProcess` makes; `written` are the output streams that somebody asked for. */
type OwnProcess = ExecBase & { readonly written: () => readonly Writable[] };

/** This process as what a program runs on. Streams and signal handlers come into being when they are asked for. */
function ownProcess(): OwnProcess {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  let stdout: Writable | undefined;
  let stderr: Writable | undefined;
  let listening = false;
  return {
    env: process.env,
    cwd: process.cwd(),
    get stdin() {
      return process.stdin;
    },
    get stdout() {
      stdout ??= endOnBrokenPipe(process.stdout, stop);
      return stdout;
    },
    get stderr() {
      stderr ??= endOnBrokenPipe(process.stderr, stop);
      return stderr;
    },
    get signal() {
      // A program that never looks at the signal keeps the usual death; one that does gets one chance, then the usual death.
      if (!listening) {
        listening = true;
        process.once("SIGTERM", stop);
        process.once("SIGINT", stop);
      }
      return controller.signal;
    },
    input: inputOf,
    become: becomeUser,
    written: () => [stdout, stderr].filter((stream) => stream !== undefined),
  };
}

/** Node has it; its types do not. */
type InitGroups = { readonly initgroups: (account: string, gid: number) => void };

/** This process becomes that user, groups first. */
function becomeUser({ uid, gid, account }: NewUser): void {
  if (process.getuid?.() === uid && process.getgid?.() === gid && uid !== 0) return;
  if (account === null) process.setgroups?.([gid]);
  else (process as unknown as InitGroups).initgroups(account, gid);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

function drained(stream: Writable): Promise<void> {
  return new Promise((done) => {
    if (stream.destroyed || stream.writableLength === 0) done();
    else stream.write("", () => done());
  });
}

/** Runs the program of that name as this process, and ends the process with its exit code once its output is out. */
export async function runProgram(index: ProgramIndex, name: string, args: readonly string[]): Promise<never> {
  const own = findOwn(index, [name, ...args]);
  if (own === null) {
    process.stderr.write(`quail: there is no program "${name}"; 'quail help' lists them\n`);
    process.exit(100);
  }
  const self = ownProcess();
  const code = await callProgram(own.load, programCall(index, own.name, own.args, self));
  // Not process.stdout itself: qmail-queue reads descriptor 1, closed it by now, and the number may be another socket's.
  await Promise.all(self.written().map(drained));
  process.exit(code);
}
