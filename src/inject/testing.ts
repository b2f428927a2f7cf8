/** What the tests of this room share: a call to a program, and a queue that remembers. Not exported by the door. */
import { PassThrough, Readable, Writable } from "node:stream";
import type { Envelope, Origin } from "#mail";
import type { Exec, ProgramCall } from "#process";
import type { DoorAnswer, Posting } from "#qmtp";
import type { Poster } from "./poster.ts";

/** What a test says about a call; everything has a quiet default. */
export type CallFacts = {
  readonly name?: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Byte string. */
  readonly stdin?: string | Readable;
  readonly inputs?: ReadonlyMap<number, Readable>;
  readonly exec?: Exec;
};

const bytesIn = (text: string): Readable => Readable.from([Buffer.from(text, "latin1")], { objectMode: false });

/** A call, and what the program has written so far. */
export function callFor(facts: CallFacts): { call: ProgramCall; stdout: () => string; stderr: () => string } {
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  const stdin = facts.stdin instanceof Readable ? facts.stdin : bytesIn(facts.stdin ?? "");
  const call: ProgramCall = {
    name: facts.name ?? "program",
    args: facts.args ?? [],
    env: facts.env ?? {},
    cwd: facts.cwd ?? "/",
    stdin,
    stdout: sink(out),
    stderr: sink(errors),
    exec: facts.exec ?? (() => Promise.reject(new Error("nothing is to be executed here"))),
    signal: new AbortController().signal,
    input: (fd) => (fd === 0 ? stdin : (facts.inputs?.get(fd) ?? null)),
    isOwn: () => false,
    pid: process.pid,
    output: () => null,
    become: null,
  };
  return {
    call,
    stdout: () => Buffer.concat(out).toString("latin1"),
    stderr: () => Buffer.concat(errors).toString("latin1"),
  };
}

function sink(into: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      into.push(Buffer.from(chunk));
      done();
    },
  });
}

/** A stream that breaks after some bytes. */
export function brokenStream(text: string): Readable {
  const stream = new PassThrough();
  stream.write(Buffer.from(text, "latin1"));
  setImmediate(() => stream.destroy(new Error("EIO")));
  return stream;
}

/** One message a `memoryPoster` was given. */
export type Posted = { readonly envelope: Envelope; readonly origin: Origin; readonly message: string };

/** A queue in memory that gives every message the same answer; `aborted` counts the messages that were given up. */
export function memoryPoster(answer: DoorAnswer = { fate: "done", text: "", queueId: 17 }) {
  const posted: Posted[] = [];
  const state = { aborted: 0, closed: 0 };
  const post = (envelope: Envelope, origin: Origin): Posting => {
    const chunks: Buffer[] = [];
    return {
      write(bytes) {
        chunks.push(Buffer.from(bytes));
      },
      async finish() {
        posted.push({ envelope, origin, message: Buffer.concat(chunks).toString("latin1") });
        return answer;
      },
      abort() {
        state.aborted++;
      },
    };
  };
  const poster: Poster = {
    post,
    async close() {
      state.closed++;
    },
  };
  return { poster, posted, state };
}
