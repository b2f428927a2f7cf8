import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseAddress } from "#mail";
import type { DoorAnswer } from "./posting.ts";
import { programDoor } from "./program-door.ts";

const envelope = {
  sender: parseAddress("a@b.test")!,
  recipients: [parseAddress("c@d.test")!, parseAddress("e@f.test")!],
};
const origin = { invoker: "network", uid: 0 } as const;

/** A home with a queue program of these shell lines; runs `use` in it. */
async function withProgram<T>(lines: string, use: (home: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "quail-qq-"));
  try {
    await writeFile(join(home, "qq"), `#!/bin/sh\n${lines}\n`);
    await chmod(join(home, "qq"), 0o755);
    return await use(home);
  } finally {
    await rm(home, { recursive: true });
  }
}

async function post(home: string, message = "Subject: x\n\nhi\n", path = "qq"): Promise<DoorAnswer> {
  const posting = programDoor(path, home).post(envelope, origin);
  await posting.write(Buffer.from(message));
  return posting.finish();
}

test("a queue program gets the message on 0, the envelope on 1 and the home as its folder (spec 2.3)", async () => {
  await withProgram("cat > message; cat <&1 > envelope", async (home) => {
    const { fate, text, queueId } = await post(home);
    assert.deepEqual({ fate, text }, { fate: "done", text: "" });
    assert.ok(queueId! > 1);
    assert.equal(await readFile(join(home, "message"), "latin1"), "Subject: x\n\nhi\n");
    assert.equal(await readFile(join(home, "envelope"), "latin1"), "Fa@b.test\0Tc@d.test\0Te@f.test\0\0");
  });
});

test("a large message waits for a slow program and arrives whole", async () => {
  await withProgram("sleep 0.1; cat > message", async (home) => {
    const posting = programDoor("qq", home).post(envelope, origin);
    const piece = Buffer.alloc(64 * 1024, "x");
    for (let i = 0; i < 64; i++) await posting.write(piece);
    assert.equal((await posting.finish()).fate, "done");
    assert.equal((await readFile(join(home, "message"))).length, 64 * piece.length);
  });
});

test("exit codes and custom texts become outcomes; a program that reads nothing is judged by its code", async () => {
  const cases = [
    ["exit 31", "permanent", "mail server permanently rejected message (#5.3.0)"],
    ["exit 71", "temporary", "mail server temporarily rejected message (#4.3.0)"],
    ["printf 'Dno thanks' >&6; exit 82", "permanent", "no thanks"],
    ["printf 'Zlater' >&6; exit 82", "temporary", "later"],
    ["kill -9 $$", "temporary", "qq crashed (#4.3.0)"],
  ] as const;
  for (const [lines, fate, text] of cases) {
    await withProgram(lines, async (home) => {
      const answer = await post(home, "x".repeat(300_000));
      assert.deepEqual({ fate: answer.fate, text: answer.text }, { fate, text }, lines);
    });
  }
});

test("a program that is missing or not executable is a temporary failure", async () => {
  await withProgram("exit 0", async (home) => {
    await chmod(join(home, "qq"), 0o644);
    const expected = { fate: "temporary", text: "unable to exec qq (#4.3.0)", queueId: null };
    assert.deepEqual(await post(home), expected);
    assert.deepEqual(await post(home, "x", "no/such/program"), expected);
  });
});

test("an aborted posting ends the envelope early, so that the program queues nothing", async () => {
  await withProgram("cat > message; cat <&1 > envelope; mv envelope done", async (home) => {
    const posting = programDoor("qq", home).post(envelope, origin);
    await posting.write(Buffer.from("half"));
    posting.abort();
    for (let tries = 0; tries < 200; tries++) {
      const envelopeSeen = await readFile(join(home, "done")).catch(() => null);
      if (envelopeSeen !== null) {
        assert.equal(envelopeSeen.length, 0);
        return;
      }
      await new Promise((next) => setTimeout(next, 25));
    }
    assert.fail("the program did not see the end of its envelope");
  });
});
