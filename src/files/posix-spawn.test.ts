import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { exitStatus, hasPosixSpawn, posixSpawn } from "./posix-spawn.ts";

const skip = !hasPosixSpawn() && "needs koffi and Linux";

/** A file as descriptors 0 and 1, and what stands in it in the end. */
function file(t: TestContext): { readonly fd: number; readonly text: () => string } {
  const folder = mkdtempSync(join(tmpdir(), "quail-spawn-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "out");
  writeFileSync(path, "");
  return { fd: openSync(path, "r+"), text: () => readFileSync(path, "utf8") };
}

async function ended(pid: number): Promise<number> {
  const alive = setInterval(() => {}, 1_000);
  try {
    for (;;) {
      const status = exitStatus(pid);
      if (status !== null) return status;
      await once(process, "SIGCHLD");
    }
  } finally {
    clearInterval(alive);
  }
}

test("a child has its words, its environment, the descriptor as input and output, no signal ignored", {
  skip,
}, async (t) => {
  const { fd, text } = file(t);
  const heard = once(process, "SIGCHLD");
  const script = 'echo "$0 $X"; kill -PIPE $$';
  const pid = posixSpawn(["sh", "-c", script, "na\u00efve"], { X: "\u00e9 1" }, fd);
  assert.ok(typeof pid === "number");
  await heard;
  assert.equal(await ended(pid), 13); // SIGPIPE, which Node itself ignores.
  assert.equal(text(), "na\u00efve \u00e9 1\n");
});

test("what cannot be run is known at once", { skip }, (t) => {
  const { fd } = file(t);
  assert.equal(posixSpawn(["no-such-program-here"], {}, fd), "ENOENT");
  assert.equal(posixSpawn(["/etc/passwd"], {}, fd), "EACCES");
});
