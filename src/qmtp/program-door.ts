import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import { toBytes } from "#bytes";
import { type Envelope, maxCustomTextBytes, queueExitOutcome } from "#mail";
import type { Door, DoorAnswer, Posting } from "./posting.ts";

/** qmail-queue gives itself a day; a replacement that takes longer is killed (spec 2.2, Timer). */
const maxRunMs = 24 * 60 * 60 * 1000;
/** "cannot exec", as qmail's own table numbers it. */
const cannotExec = 120;

/** The envelope as qmail-queue reads it on descriptor 1: `F` sender NUL, `T` recipient NUL each, NUL (spec 2.2). */
function envelopeBytes(envelope: Envelope): Buffer {
  return toBytes(`F${envelope.sender}\0${envelope.recipients.map((recipient) => `T${recipient}\0`).join("")}\0`);
}

/**
 * A door whose queue is a program, qmail-queue or what QMAILQUEUE names (spec 2.3): one child per message, started directly (no
 * shell, no search) with `home` as working directory, message on descriptor 0, envelope on 1, custom text for exit 82 read
 * from 6. `path` may be relative to `home`. The answer's `queueId` is the child's process id, as in qmail's `qp`.
 */
export function programDoor(path: string, home: string, env: NodeJS.ProcessEnv = process.env): Door {
  return {
    post: (envelope) => postThrough(resolve(home, path), home, env, envelope),
    async close() {
      // Nothing is kept open between messages.
    },
  };
}

function start(path: string, home: string, env: NodeJS.ProcessEnv): ChildProcess | null {
  try {
    return spawn(path, [], {
      cwd: home,
      env,
      stdio: ["pipe", "pipe", "inherit", "ignore", "ignore", "ignore", "pipe"],
    });
  } catch {
    return null; // No rights to start programs, or no process to be had: the same to the client as a missing program.
  }
}

/** Collects the custom text a program writes on descriptor 6; what is beyond the limit is read and dropped. */
function readCustomText(stream: Readable): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    if (text.length < maxCustomTextBytes) text += chunk.toString("latin1");
  });
  stream.on("error", () => {}); // A reset by a killed child: its exit status tells the story.
  return () => text.slice(0, maxCustomTextBytes);
}

function postThrough(path: string, home: string, env: NodeJS.ProcessEnv, envelope: Envelope): Posting {
  const failed: DoorAnswer = { ...queueExitOutcome(cannotExec), queueId: null };
  const child = start(path, home, env);
  if (child === null) return { write: () => undefined, finish: async () => failed, abort: () => undefined };
  const message = child.stdio[0] as Writable;
  // Every stdio pipe of Node is a socket pair, so descriptor 1 can be written to from this side.
  const addresses = child.stdio[1] as unknown as Writable;
  const customText = readCustomText((child.stdio as readonly unknown[])[6] as Readable);
  // A child that stops reading is judged by its exit code, not by our broken pipe.
  message.on("error", () => {});
  addresses.on("error", () => {});
  const answer = new Promise<DoorAnswer>((settle) => {
    // Not spawn's own `timeout`: that one outlives a program that could not be started, and keeps the process alive.
    const timer = setTimeout(() => child.kill("SIGKILL"), maxRunMs).unref();
    child.once("error", () => {
      clearTimeout(timer);
      for (const stream of child.stdio) stream?.destroy();
      settle(failed);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      settle({ ...queueExitOutcome(code, customText()), queueId: child.pid ?? null });
    });
  });
  return {
    write: (bytes) => (message.write(bytes) || message.destroyed ? undefined : drained(message)),
    finish() {
      message.end();
      addresses.end(envelopeBytes(envelope));
      // Nothing is expected back on descriptor 1, but "close" waits until it was read to its end.
      (addresses as unknown as Readable).resume();
      return answer;
    },
    abort() {
      // An envelope without its last NUL: the program must queue nothing (spec 2.2).
      addresses.destroy();
      message.destroy();
    },
  };
}

function drained(stream: Writable): Promise<void> {
  return new Promise((done) => {
    const settle = (): void => {
      stream.off("drain", settle);
      stream.off("close", settle);
      done();
    };
    stream.on("drain", settle);
    stream.on("close", settle);
  });
}
