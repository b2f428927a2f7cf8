import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { liveControls } from "./live.ts";
import { readValue } from "./read.ts";

async function withHome<T>(use: (control: string, home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "quail-live-"));
  await mkdir(join(home, "control"));
  try {
    return await use(join(home, "control"), home);
  } finally {
    await rm(home, { recursive: true });
  }
}

/** Puts a file's times far enough back that it counts as settled. */
const settle = (path: string): Promise<void> => utimes(path, 1_000_000_000, 1_000_000_000);

test("every kind of edit is seen by the next look [Q-046]", async () => {
  await withHome(async (control, home) => {
    const live = liveControls(home, ["me", "other"], () => `${readValue(home, "me")} ${readValue(home, "other")}`);
    assert.equal(live(), "null null");
    await writeFile(join(control, "me"), "a\n");
    assert.equal(live(), "a null");
    await writeFile(join(control, "me"), "b\n");
    assert.equal(live(), "b null", "same size, moments later");
    await writeFile(join(control, "elsewhere"), "linked\n");
    await symlink("elsewhere", join(control, "other"));
    assert.equal(live(), "b linked");
    await writeFile(join(control, "elsewhere"), "edited\n");
    assert.equal(live(), "b edited", "behind a symbolic link");
    await writeFile(join(control, "new"), "c\n");
    await settle(join(control, "new"));
    await rename(join(control, "new"), join(control, "me"));
    assert.equal(live(), "c edited");
    await rm(join(control, "me"));
    assert.equal(live(), "null edited");
  });
});

test("a server that is asked all the time looks some of the time, and is hardly ever behind", async () => {
  await withHome(async (control, home) => {
    const live = liveControls(home, ["me"], () => readValue(home, "me"));
    await writeFile(join(control, "me"), "a\n");
    await settle(join(control, "me"));
    await sleep(80);
    for (let i = 0; i < 5_000; i++) live();
    await writeFile(join(control, "me"), "b\n");
    const editedAt = performance.now();
    while (live() !== "b") assert.ok(performance.now() - editedAt < 5_000, "the edit was never seen");
  });
});

test("what has not changed is not read again, and a failed reading is tried again", async () => {
  await withHome(async (control, home) => {
    let loads = 0;
    const live = liveControls(home, ["me"], () => {
      loads++;
      const me = readValue(home, "me");
      if (me === "bad") throw new Error("bad");
      return me;
    });
    await writeFile(join(control, "me"), "a\n");
    // A change is trusted to be the last one only once it is older than the grain of time stamps.
    await new Promise((done) => setTimeout(done, 80));
    for (let i = 0; i < 5; i++) {
      assert.equal(live(), "a");
    }
    assert.equal(loads, 1);
    await writeFile(join(control, "me"), "bad\n");
    assert.throws(live, /bad/);
    assert.throws(live, /bad/);
    assert.equal(loads, 3);
    await writeFile(join(control, "me"), "fine\n");
    assert.equal(live(), "fine");
  });
});
