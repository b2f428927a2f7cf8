/**
 * The entry of every service process: `node run.ts NAME key=value ...` in the home as working directory. Says `ready` on
 * descriptor 3 when it has one, stamps log lines (TAI64N) onto stdout, turns signals into calls.
 */
import { writeSync } from "node:fs";
import { tai64nOf } from "#log";
import { gatherLines } from "./gather-lines.ts";
import type { Service } from "./service.ts";

const [name, ...words] = process.argv.slice(2);
if (name === undefined || !/^[a-z0-9-]+$/.test(name)) {
  process.stderr.write("usage: run.ts SERVICE [key=value ...]\n");
  process.exit(100);
}

const out = gatherLines((text) => writeSync(1, text));
const log = (line: string): void => out.add(`${tai64nOf(new Date())} ${line}\n`);
const options = new Map(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));

/** Says we are ready to whoever started us; a start by hand has no descriptor 3. */
function sayReady(): void {
  if (options.get("ready-fd") === undefined) return;
  writeSync(Number(options.get("ready-fd")), "ready\n");
}

try {
  const { serve } = (await import(`./${name}.ts`)) as { readonly serve: Service };
  const running = await serve({ home: process.cwd(), options, log });
  let closing = false;
  const close = (): void => {
    if (closing) return;
    closing = true;
    running.close().then(
      () => {
        out.flush();
        process.exit(0);
      },
      (error: unknown) => {
        log(`alert: ${name}: unable to stop cleanly: ${error instanceof Error ? error.message : error}`);
        out.flush();
        process.exit(111);
      },
    );
  };
  process.on("SIGTERM", close);
  process.on("SIGINT", close);
  process.on("SIGHUP", () => running.reload?.());
  process.on("SIGALRM", () => running.hurry?.());
  sayReady();
} catch (error) {
  log(`alert: ${name}: cannot start: ${error instanceof Error ? error.message : error}`);
  out.flush();
  process.exit(111);
}
