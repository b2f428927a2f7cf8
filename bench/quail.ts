/**
 * Quail as a fresh home, started by its own start command. Set where Postfix is set too: relay by a fixed route without DNS, no
 * per-host limit, the same delivery concurrency; durability as shipped.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, treePids } from "./process-tree.ts";
import { freePort, startLogged, stopTree, waitUntil } from "./processes.ts";
import { type Bed, type Contender, type Server, wrapped } from "./server.ts";

function layControl(home: string, sinkPort: number): void {
  const files: Readonly<Record<string, string>> = {
    rcpthosts: "localhost\nout.test\n",
    smtproutes: `out.test:127.0.0.1:${sinkPort}\n`,
    concurrencylocal: "100\n",
    concurrencyremote: "100\n",
    concurrencydestination: "100\n",
  };
  mkdirSync(join(home, "control"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, "control", name), text);
}

async function start(checkout: string, bed: Bed): Promise<Server> {
  const [smtp, submission] = [await freePort(), await freePort()];
  layControl(bed.folder, bed.sinkPort);
  const log = `${bed.folder}.log`;
  const ports = ["--port", `smtp=${smtp}`, "--port", `submission=${submission}`, "--port", "metrics=off"];
  const words = wrapped(bed.wrapper, [
    join(checkout, "bin", "quail"),
    "start",
    "--home",
    bed.folder,
    ...ports,
    "--quiet",
  ]);
  const child = startLogged(words, log, checkout);
  const supervisor = (): number | undefined =>
    treePids(child.pid).find((pid) => commandOf(pid).includes("start") && !commandOf(pid)[0]?.includes("strace"));
  const stop = (): Promise<void> => stopTree(child, supervisor());
  try {
    await waitUntil("Quail is ready", () => existsSync(join(bed.folder, "ready")), { withinMs: 60_000, everyMs: 50 });
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : error}\n${readFileSync(log, "utf8")}`);
  }
  return {
    pid: child.pid,
    port: smtp,
    inAddress: "you@localhost",
    newFolder: join(bed.folder, "home", "you", "Maildir", "new"),
    outAddress: "you@out.test",
    stop,
  };
}

/** Quail from this checkout. */
export function quail(checkout: string): Contender {
  const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as { readonly version: string };
  return { name: "Quail", version, start: (bed) => start(checkout, bed) };
}
