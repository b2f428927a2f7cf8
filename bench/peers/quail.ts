/**
 * Quail as a fresh home, started by its own start command. Set where Postfix is set too: relay by a fixed route without DNS, no
 * per-host limit, the same delivery concurrency; durability as shipped.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, treePids } from "../tools/process-tree.ts";
import { freePort, refuseEnded, startLogged, stopTree, waitUntil } from "../tools/processes.ts";
import { type Bed, type Contender, type Server, untilReady, wrapped } from "./server.ts";

function layControl({ folder: home, relays, perDestination = 100 }: Bed): void {
  const routes = Object.entries(relays).map(([domain, port]) => `${domain}:127.0.0.1:${port}\n`);
  const files: Readonly<Record<string, string>> = {
    rcpthosts: `${["localhost", ...Object.keys(relays)].join("\n")}\n`,
    smtproutes: routes.join(""),
    concurrencyincoming: "3000\n",
    concurrencyperhost: "3000\n",
    concurrencylocal: "100\n",
    concurrencyremote: "100\n",
    concurrencydestination: `${perDestination}\n`,
  };
  mkdirSync(join(home, "control"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, "control", name), text);
}

async function start(checkout: string, bed: Bed): Promise<Server> {
  const numbers = {
    smtp: await freePort(),
    submission: await freePort(),
    pop3: bed.pop3 === true ? await freePort() : "off",
    smtps: "off",
    pop3s: "off",
    metrics: "off",
  };
  layControl(bed);
  const log = `${bed.folder}.log`;
  const ports = Object.entries(numbers).flatMap(([name, number]) => ["--port", `${name}=${number}`]);
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
  const isReady = (): boolean | Promise<boolean> => {
    refuseEnded(child);
    return existsSync(join(bed.folder, "ready"));
  };
  const ready = (): Promise<void> => waitUntil("Quail is ready", isReady, { withinMs: 60_000, everyMs: 50 });
  await untilReady(ready, stop, () => readFileSync(log, "utf8"));
  const program = join(checkout, "bin", "quail");
  const env = { QUAIL_HOME: bed.folder };
  return {
    pid: child.pid,
    port: numbers.smtp,
    ...(typeof numbers.pop3 === "number" ? { pop3Port: numbers.pop3 } : {}),
    inAddress: "you@localhost",
    newFolder: join(bed.folder, "home", "you", "Maildir", "new"),
    flush: { words: [program, "queue", "retry", "--all"], env },
    sendmail: { words: [program, "sendmail", "-f", "sender@bench.test"], env },
    stop,
  };
}

/** Quail from this checkout. */
export function quail(checkout: string): Contender {
  const { version } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as { readonly version: string };
  return { name: "Quail", version, start: (bed) => start(checkout, bed) };
}
