/**
 * The entry of every service process: `node run.ts NAME key=value ...` in the home as working directory. Stamps log lines
 * (TAI64N) onto stdout, turns signals into calls. What whoever starts it may add:
 * `ready-fd=N`: `ready` is said there; `parent-fd=N`: a pipe whose end means that the supervisor has gone, so this service
 * ends in order; `warm=1`: load the service's code, so that its compiled form is kept, and end.
 */
import { writeSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { Socket } from "node:net";
import { tai64nOf } from "#log";
import { memoryVariables, tidyWhenQuiet } from "#process/memory";
import { gatherLines } from "./gather-lines.ts";
import type { RunningService, Service } from "./service.ts";
import { writeOut } from "./write-out.ts";

/** How long a service may take to end in order after its supervisor was killed: the next one waits for it. */
const orphanClosesWithinMs = 10_000;

const [name, ...words] = process.argv.slice(2);
if (name === undefined || !/^[a-z0-9-]+$/.test(name)) {
  process.stderr.write("usage: run.ts SERVICE [key=value ...]\n");
  process.exit(100);
}

// Messages are nobody's business but their owners'; what others may reach (sockets, folders on the way) is opened by name.
process.umask(0o077);

// In force by now, and nobody else's: not for the programs we start.
delete process.env.NODE_COMPILE_CACHE;
for (const name of memoryVariables) delete process.env[name];

const out = gatherLines((text) => writeOut(1, text));
const log = (line: string): void => out.add(`${tai64nOf(new Date())} ${line}\n`);
const options = new Map(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
process.on("uncaughtExceptionMonitor", () => out.flush());

function end(code: number): never {
  out.flush();
  process.exit(code);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Says we are ready to whoever started us; a start by hand has no such descriptor. */
function sayReady(): void {
  const fd = options.get("ready-fd");
  if (fd !== undefined) writeSync(Number(fd), "ready\n");
}

/** Calls `orphaned` when the supervisor has gone, however it went. */
function watchParent(orphaned: () => void): void {
  const fd = options.get("parent-fd");
  if (fd === undefined) return;
  const parent = new Socket({ fd: Number(fd), readable: true, writable: false });
  parent.on("error", () => {}); // Its close follows.
  parent.once("close", orphaned);
  parent.resume();
}

/** One orderly end, however often it is asked for. */
function closer(running: RunningService): () => void {
  let closing = false;
  return () => {
    if (closing) return;
    closing = true;
    running.close().then(
      () => end(0),
      (error: unknown) => {
        log(`alert: ${name}: unable to stop cleanly: ${reason(error)}`);
        end(111);
      },
    );
  };
}

try {
  const { serve } = (await import(`./${name}.ts`)) as { readonly serve: Service };
  if (options.get("warm") === "1") end(0);
  const running = await serve({ home: process.cwd(), options, log });
  const close = closer(running);
  process.on("SIGTERM", close);
  process.on("SIGINT", close);
  process.on("SIGHUP", () => running.reload?.());
  process.on("SIGALRM", () => running.hurry?.());
  watchParent(() => {
    close();
    setTimeout(() => end(111), orphanClosesWithinMs).unref();
  });
  sayReady();
  flushCompileCache(); // A service that is killed later has kept its compiled code all the same.
  tidyWhenQuiet();
} catch (error) {
  log(`alert: cannot start: ${reason(error)}`);
  end(111);
}
