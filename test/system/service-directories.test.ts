/** quail start is svscan on the home's own `service/`: what svc and svstat, ours and Debian's, see and do there. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { test } from "node:test";
import { House, hasCommand, isRunning, quailCommand, until } from "./house.ts";

const debian = hasCommand("svstat") ? "svstat" : null;

function quail(house: House, ...words: readonly string[]): string {
  const { stdout, stderr } = spawnSync(quailCommand, words, {
    cwd: house.path("service"),
    env: { ...process.env, QUAIL_HOME: house.home },
    encoding: "latin1",
  });
  return stdout + stderr;
}

const pidOf = (house: House, name: string): number =>
  Number(/^\S+: up \(pid (\d+)\)/.exec(quail(house, "svstat", name))?.[1] ?? 0);

/** Lays a script into `service/`, for whoever the supervisor runs as. */
function lay(house: House, name: string, text: string): void {
  const path = house.path("service", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o755 });
  const { uid, gid } = statSync(house.path("service"));
  if (process.getuid?.() !== 0) return;
  for (let folder = dirname(path); folder !== house.path("service"); folder = dirname(folder))
    chownSync(folder, uid, gid);
}

test("the services of a house stand in service/, as svscan's do", async (t) => {
  await using house = await House.open({ control: { workers: "1\n" } });

  await t.test("svstat, ours and Debian's, shows each of them", () => {
    for (const name of ["queue", "local", "remote", "smtpd"]) {
      assert.match(quail(house, "svstat", name), new RegExp(`^${name}: up \\(pid \\d+\\) \\d+ seconds, running\n$`));
      if (debian === null) continue;
      const line = execFileSync(debian, [house.path("service", name)], { encoding: "utf8" });
      assert.match(line, /: up \(pid \d+\) \d+ seconds\n$/);
    }
  });

  await t.test("svc -t: the service is started anew; quail stat and svstat agree on its number", async () => {
    const before = pidOf(house, "remote");
    quail(house, "svc", "-t", "remote");
    await until("another process", () => ![0, before].includes(pidOf(house, "remote")));
    const now = pidOf(house, "remote");
    await until("quail stat", () => quail(house, "stat").includes(`remote: up (pid ${now})`));
    assert.ok(!isRunning(before));
  });

  await t.test("svc -d: it stays down, quail stat says so; svc -u: it is back", async () => {
    quail(house, "svc", "-d", "smtpd");
    await until("down", () => pidOf(house, "smtpd") === 0);
    await until("quail stat", () => /^smtpd: down \d+ seconds, normally up, stopped$/m.test(quail(house, "stat")));
    quail(house, "svc", "-u", "smtpd");
    await until("up", () => /, running$/m.test(quail(house, "svstat", "smtpd")));
  });

  await t.test("quail pause is seen by svstat, and cont", async () => {
    quail(house, "pause");
    await until("paused", () => quail(house, "svstat", "queue").includes(", paused"));
    quail(house, "cont");
    await until("at work", () => !quail(house, "svstat", "queue").includes("paused"));
  });

  await t.test("an edited run is what runs, with the same words; taken back, the service is as before", async () => {
    const path = house.path("service/remote/run");
    const ours = readFileSync(path, "latin1");
    assert.match(ours, /^exec .*\/src\/services\/run\.ts remote.* "\$@"$/m);
    writeFileSync(path, ours.replace(/^exec /m, `echo mine > ${house.path("log/mine")}\nexec `));
    quail(house, "svc", "-t", "remote");
    await until("the edited run", () => existsSync(house.path("log/mine")));
    await until("ready", () => /, running$/m.test(quail(house, "svstat", "remote")));
    writeFileSync(path, ours);
  });

  let foreign = 0;
  await t.test("a directory the admin adds is a service too, with its log", async () => {
    lay(house, "mine/log/run", "#!/bin/sh\nexec cat >> lines\n");
    lay(house, "mine/run", "#!/bin/sh\nwhile :; do echo working; sleep 0.2; done\n");
    await until("its log's line", () => existsSync(house.path("service/mine/log/lines")));
    foreign = pidOf(house, "mine");
    assert.ok(isRunning(foreign));
    await until("quail stat", () => /^mine\/log: up/m.test(quail(house, "stat")));
  });

  await t.test("all of them end with the house; a file down keeps one from starting with it", async () => {
    appendFileSync(house.path("service/remote/down"), "");
    await house.stop();
    assert.ok(!isRunning(foreign));
    assert.equal(quail(house, "svstat", "queue"), "queue: supervise not running\n");
    await house.start();
    assert.match(quail(house, "svstat", "remote"), /^remote: down \d+ seconds, stopped\n$/);
    assert.ok(pidOf(house, "queue") > 0);
  });
});
