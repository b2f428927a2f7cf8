/**
 * Why the supervisor is not in the simulation: what it has on the disk (`ready`, `run/services`, `service/`, the locks, sockets, compiled code) says how things stand
 * and decides nothing. Nothing of it is synced, so a power cut may leave any of it empty, in zeros, cut short, of long ago, or not at all: each
 * of that is laid under a start here, which must come to life and forget no message. What must not be lost is the queue's.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { mailPasses } from "../faults/watching.ts";
import { House, readNew, until } from "../system/house.ts";
import { openScriptedServer } from "../system/scripted-server.ts";
import { sendOne } from "../system/smtp-client.ts";

/** The supervisor's files: everything in run/ and `ready`. */
function filesOf(house: House): readonly string[] {
  const run = house.path("run");
  const inRun = readdirSync(run, { recursive: true, encoding: "utf8" }).map((name) => join(run, name));
  return [...inRun, house.path("ready")].filter(
    (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === false,
  );
}

/** Empty, in zeros, cut short, not there. */
const damages: readonly ((path: string) => void)[] = [
  (path) => truncateSync(path, 0),
  (path) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)),
  (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
  (path) => rmSync(path),
];
/** In each round another file has another damage: a start without compiled code is dear, so there are not four. */
const rounds = [0, 1] as const;

test("whatever a power cut makes of the supervisor's files, and with sockets that are files, the next start comes to life and all that was accepted arrives", async () => {
  let isUp = false;
  await using remote = await openScriptedServer((verb) =>
    ["MAIL", "RCPT", "DATA"].includes(verb) && !isUp ? "451 later" : null,
  );
  await using house = await House.open({
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${remote.port}\n` },
  });
  for (const round of rounds) {
    const { code } = await sendOne(house.ports.smtp, "a@b.test", ["x@far.test"], `Subject: before ${round}\n\n`);
    assert.equal(code, 250);
    await house.kill();
    const files = filesOf(house);
    assert.ok(files.some((path) => path.endsWith("/services")) && files.includes(house.path("ready")));
    for (const [n, path] of files.entries()) {
      if (statSync(path).isFile()) damages[(n + round) % damages.length]?.(path);
      else {
        rmSync(path); // A socket's name, and a file of that name: another start's, restored from a backup.
        writeFileSync(path, "");
      }
    }
    for (const name of readdirSync(house.path("service"))) {
      const run = house.path("service", name, "run");
      if (round === 0) truncateSync(run, 0);
      else writeFileSync(run, Buffer.alloc(statSync(run).size));
    }
    await house.start();
    await mailPasses(house, `after ${round}`);
  }
  isUp = true;
  const hurry = setInterval(() => house.signal("SIGALRM"), 1_000);
  try {
    await until("all of them", () => new Set(remote.taken.map(subjectOf)).size === rounds.length);
  } finally {
    clearInterval(hurry);
  }
  assert.deepEqual(
    remote.taken.map(subjectOf).toSorted(),
    rounds.map((round) => `before ${round}`),
    "each once",
  );
  assert.equal(readNew(house.maildir).size, rounds.length);
});

const subjectOf = ({ bytes }: { readonly bytes: Buffer }): string =>
  /^Subject: (.*)\r$/m.exec(bytes.toString("latin1"))?.[1] ?? "";
