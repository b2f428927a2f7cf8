import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { type Readable, Transform, Writable } from "node:stream";
import { placeFd } from "#files";
import { multiCallPath, type ProgramCall } from "#process";
import { type ByteFilter, fixCr } from "./carriage-returns.ts";
import { recorder } from "./recorder.ts";
import type { Words } from "./serve-program.ts";

/** What stands between a client and a program: a filter for each direction; `pid` is the program's, as soon as it is known. */
export type Between = (
  pid: () => number,
  log: (line: string) => void,
) => { readonly toProgram: ByteFilter; readonly fromProgram: ByteFilter };

/** fixcrio: CRs in both directions. */
export const fixing: Between = () => ({ toProgram: fixCr(), fromProgram: fixCr() });

/** recordio: what passes is logged. */
export const recording: Between = (pid, log) => ({
  toProgram: recorder((line) => log(`${pid()} < ${line}`)),
  fromProgram: recorder((line) => log(`${pid()} > ${line}`)),
});

/**
 * `recordio program ...` and `fixcrio program ...`. A process of its own becomes the program, as with the original, so that whoever
 * watches it watches the program; the copying is done by a child, which calls itself with an empty program name. Inside a server's
 * process, or before a program of ours, the copying is done in this process.
 */
export async function runInterposed(
  call: ProgramCall,
  name: "recordio" | "fixcrio",
  between: Between,
): Promise<number> {
  const [program, ...rest] = call.args;
  if (program === undefined) {
    call.stderr.write(`${name}: usage: ${name} program [ arg ... ]\n`);
    return 100;
  }
  if (program === "" && call.become !== null) return copyForParent(call, between, Number(rest[0]));
  const words: Words = [program, ...rest];
  const owned = call.become !== null && !call.isOwn(words) && (await startCopier(name));
  if (owned) return call.exec(words, { lastOf: name });
  return copyHere(call, name, words, between);
}

/** Starts the child that copies, with what were our input and output; ours are its pipes now. False if that is not to be had. */
async function startCopier(name: string): Promise<boolean> {
  const child = spawn(multiCallPath, [name, "", String(process.pid)], { stdio: [0, 1, 2, "pipe", "pipe"] });
  child.on("error", () => {});
  child.unref();
  const [toProgram, fromProgram] = [child.stdio[3], child.stdio[4]];
  if (child.pid === undefined || !(toProgram instanceof Socket) || !(fromProgram instanceof Socket)) return false;
  const placed = placeFd(fdOf(toProgram), 0) && placeFd(fdOf(fromProgram), 1);
  if (!placed) child.kill("SIGKILL"); // It has read nothing yet that mattered: Node takes longer to start.
  toProgram.destroy();
  fromProgram.destroy();
  await Promise.all([once(toProgram, "close"), once(fromProgram, "close")]);
  return placed;
}

function fdOf(socket: Socket): number {
  return (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
}

/** The copier: descriptors 3 and 4 are the program's input and output. Ends with the program's output, or when nobody reads ours. */
async function copyForParent(call: ProgramCall, between: Between, parent: number): Promise<number> {
  const filters = between(
    () => parent,
    (line) => void call.stderr.write(line),
  );
  const toProgram = new Socket({ fd: 3, readable: false, writable: true });
  const fromProgram = new Socket({ fd: 4, readable: true, writable: false });
  const over = new Promise<void>((done) => {
    for (const stream of [toProgram, call.stdout]) stream.on("error", () => done());
    fromProgram.on("error", () => done());
    fromProgram.on("end", () => done());
  });
  forward(call.stdin, toProgram, filters.toProgram, () => toProgram.end());
  forward(fromProgram, call.stdout, filters.fromProgram, () => {});
  await over;
  return 0;
}

/** Passes chunks on as they come, with the reader waiting for the writer; `ended` once all has been passed on. */
function forward(from: Readable, to: Writable, filter: ByteFilter, ended: () => void): void {
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    const rest = filter(null);
    if (rest.length > 0) to.write(rest);
    ended();
  };
  from.on("data", (chunk: Buffer) => {
    const bytes = filter(chunk);
    if (bytes.length === 0 || to.write(bytes)) return;
    from.pause();
    to.once("drain", () => from.resume());
  });
  from.on("error", end).once("end", end).once("close", end);
}

async function copyHere(call: ProgramCall, name: string, words: Words, between: Between): Promise<number> {
  let pid = call.pid;
  const filters = between(
    () => pid,
    (line) => void call.stderr.write(line),
  );
  const input = through(filters.toProgram);
  const output = new Writable({
    write: (chunk: Buffer, _encoding, done) =>
      void call.stdout.write(filters.fromProgram(chunk), (error) => done(error)),
    final: (done) => void call.stdout.write(filters.fromProgram(null), (error) => done(error)),
  });
  output.on("error", () => {});
  const { stdin } = call;
  const end = (): void => void input.end();
  stdin.once("close", end).on("error", end);
  stdin.pipe(input);
  const code = await call.exec(words, {
    stdin: input,
    stdout: output,
    lastOf: name,
    onSpawn: (its) => {
      pid = its;
    },
  });
  stdin.off("close", end).off("error", end).unpipe(input);
  stdin.pause();
  input.destroy();
  await new Promise<void>((done) => {
    if (output.destroyed) done();
    else output.end(() => done()).once("close", () => done());
  });
  return code;
}

function through(filter: ByteFilter): Transform {
  const stream = new Transform({
    transform: (chunk: Buffer, _encoding, done) => done(null, filter(chunk)),
    flush: (done) => done(null, filter(null)),
  });
  return stream.on("error", () => {});
}
