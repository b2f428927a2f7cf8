import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { bodyFile, largeBodyBytes, readBodyFile } from "./bodies.ts";
import { bodyGathering } from "./gather-body.ts";

function freshHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), "quail-gather-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  return home;
}

const noLog = (line: string): void => assert.fail(line);

test("a small body stays in memory, a large one becomes a file that holds the same bytes", async (t) => {
  const home = freshHome(t);
  const gather = bodyGathering(home, noLog);
  const small = gather(1);
  small.write(Buffer.from("one "));
  small.write(Buffer.from("two"));
  assert.deepEqual(await small.end(), { kind: "bytes", bytes: Buffer.from("one two") });
  const bytes = Buffer.from(Array.from({ length: largeBodyBytes + 77 }, (_, n) => n % 251));
  const large = gather(2);
  for (let at = 0; at < bytes.length; at += 50_000) large.write(bytes.subarray(at, at + 50_000));
  assert.deepEqual(await large.end(), { kind: "file", sizeBytes: bytes.length });
  assert.ok(readBodyFile(home, 2, 0, bytes.length).equals(bytes));
});

test("many unfinished small bodies do not pile up in memory, and each comes out as it went in", async (t) => {
  const home = freshHome(t);
  const gather = bodyGathering(home, noLog, 100);
  const bodies = [1, 2, 3, 4].map((id) => ({ id, body: gather(id) }));
  for (const part of ["a", "b", "c"])
    for (const { id, body } of bodies) body.write(Buffer.from(`${part}${id}`.repeat(10)));
  assert.ok(
    bodies.some(({ id }) => existsSync(bodyFile(home, id))),
    "beyond the bound they are on disk",
  );
  for (const { id, body } of bodies) {
    const wanted = ["a", "b", "c"].map((part) => `${part}${id}`.repeat(10)).join("");
    assert.deepEqual(await body.end(), { kind: "bytes", bytes: Buffer.from(wanted) });
    assert.equal(existsSync(bodyFile(home, id)), false, "only large bodies stay files");
  }
});

test("a body that comes octet by octet counts what its pieces cost, and leaves memory for its file", (t) => {
  const home = freshHome(t);
  const body = bodyGathering(home, () => {}, 100_000)(5);
  for (let n = 0; n < 1_000; n++) body.write(Buffer.alloc(1));
  assert.equal(existsSync(bodyFile(home, 5)), true);
  body.abort();
});

test("what is aborted or refused gives its memory back and leaves no file", async (t) => {
  const home = freshHome(t);
  const lines: string[] = [];
  const gather = bodyGathering(home, (line) => lines.push(line), 300);
  for (let n = 0; n < 10; n++) {
    const body = gather(5);
    body.write(Buffer.alloc(90));
    body.abort();
  }
  const body = gather(6);
  body.write(Buffer.alloc(90));
  assert.equal(existsSync(bodyFile(home, 6)), false, "the aborted ones count no more");
  await body.end();
  rmSync(join(home, "queue"), { recursive: true, force: true });
  writeFileSync(join(home, "queue"), "in the way");
  const refused = gather(7);
  refused.write(Buffer.alloc(200));
  assert.equal(await refused.end(), null);
  assert.match(lines.join(), /^warning: trouble writing to mess\/7: /);
});
