import { createReadStream, createWriteStream, fstatSync, readFileSync, type Stats } from "node:fs";
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
const openOutputs = new Map<number, Writable>();

function statOf(fd: number): Stats | null {
  try {
    return fstatSync(fd);
  } catch {
    return null; // EBADF: it is not open.
  }
}

/** Node's own descriptors have lower numbers than this, unless we inherited very many. */
const maxOwnFd = 64;

/** Whether a descriptor is open for reading (0), writing (1) or both (2); null where the system does not tell (no /proc). */
function accessOf(fd: number): number | null {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1];
    return flags === undefined ? null : Number.parseInt(flags, 8) & 3;
  } catch {
    return null;
  }
}

/**
 * Node has both ends of the pipes it wakes itself with; of an inherited one somebody else has the other end, and a shell may have left
 * us the same end twice.
 */
function isNodesPipe(fd: number, { dev, ino }: Stats): boolean {
  for (let other = 3; other < maxOwnFd; other++) {
    const stat = other === fd ? null : statOf(other);
    if (stat?.ino !== ino || stat.dev !== dev) continue;
    const access = accessOf(fd);
    if (access === null || access !== accessOf(other)) return true;
  }
  return false;
}

/**
 * What somebody opened for us under this number: a pipe (or socket), or a file; null if nobody did. Node's own descriptors (epoll,
 * eventfd, pipes) fill the numbers nobody opened.
 */
function inherited(fd: number): "pipe" | "file" | null {
  const stat = statOf(fd);
  if (stat === null) return null;
  if (stat.isFIFO()) return isNodesPipe(fd, stat) ? null : "pipe";
  if (stat.isSocket()) return "pipe";
  return stat.isFile() || stat.isCharacterDevice() ? "file" : null;
}

/** A readable stream on an inherited descriptor; null if it is not open. The same stream each time. */
function inputOf(fd: number): Readable | null {
  if (fd === 0) return process.stdin;
  const known = openInputs.get(fd);
  if (known !== undefined) return known;
  const kind = inherited(fd);
  if (kind === null) return null;
  const stream = kind === "pipe" ? new Socket({ fd, readable: true, writable: false }) : createReadStream("", { fd });
  openInputs.set(fd, stream);
  return stream;
}

/** A writable stream on an inherited descriptor; null if it is not open. The same stream each time. */
function outputOf(fd: number): Writable | null {
  if (fd === 1) return process.stdout;
  if (fd === 2) return process.stderr;
  const known = openOutputs.get(fd);
  if (known !== undefined) return known;
  const kind = inherited(fd);
  if (kind === null) return null;
  const stream = kind === "pipe" ? new Socket({ fd, readable: false, writable: true }) : createWriteStream("", { fd });
  // Who writes learns of it by the write's own answer; an error that nobody listens to would end the process.
  stream.on("error", () => {});
  openOutputs.set(fd, stream);
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

/** Set by bin/quail: the soft limit on open files before Node raised it. */
const openFilesVariable = "QUAIL_OPEN_FILES";

/** This process as what a program runs on. Streams and signal handlers come into being when they are asked for. */
function ownProcess(): OwnProcess {
  const openFiles = process.env[openFilesVariable];
  if (openFiles !== undefined) delete process.env[openFilesVariable];
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  let stdout: Writable | undefined;
  let stderr: Writable | undefined;
  let stdinOpened = false;
  let listening = false;
  return {
    env: process.env,
    cwd: process.cwd(),
    get stdin() {
      stdinOpened = true;
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
    output: outputOf,
    become: becomeUser,
    async replace(next) {
      if (stdinOpened && process.stdin.readableDidRead) return null; // What was read of it would be lost.
      await Promise.all(
        [stdout, stderr, ...openOutputs.values()].filter((stream) => stream !== undefined).map(drained),
      );
      const { givingBack, replaceProcess } = await import("./replace-process.ts");
      return replaceProcess({ ...next, limits: givingBack(openFiles, next.limits) });
    },
    written: () => [stdout, stderr, ...openOutputs.values()].filter((stream) => stream !== undefined),
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
