import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bodyFile, createBodyFile, readBodyFile } from "./bodies.ts";

function temporaryHome(): Disposable & { readonly home: string } {
  const home = mkdtempSync(join(tmpdir(), "quail-bodies-"));
  return { home, [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }) };
}

test("a body that was sealed reads back from any offset", async () => {
  using place = temporaryHome();
  const body = createBodyFile(place.home, 24);
  body.write(Buffer.from("first "));
  body.write(Buffer.from("second"));
  await body.seal();
  assert.equal(String(readBodyFile(place.home, 24, 0, 100)), "first second");
  assert.equal(String(readBodyFile(place.home, 24, 6, 3)), "sec");
  assert.equal(String(readBodyFile(place.home, 24, 100, 3)), "");
});

test("discard after a seal that failed leaves nothing and closes nobody else's file", async () => {
  using place = temporaryHome();
  const body = createBodyFile(place.home, 1);
  body.write(Buffer.from("x"));
  rmSync(bodyFile(place.home, 1));
  await assert.rejects(body.seal());
  const other = openSync("/dev/null", "r"); // Takes the number that the body had.
  body.discard();
  assert.ok(fstatSync(other).isCharacterDevice());
  closeSync(other);
  assert.ok(!existsSync(bodyFile(place.home, 1)));
});

test("a body can be sealed where Node's permission model forbids fsync by number", () => {
  using place = temporaryHome();
  const script = `
    const { createBodyFile } = await import(${JSON.stringify(join(import.meta.dirname, "bodies.ts"))});
    const body = createBodyFile(${JSON.stringify(place.home)}, 5);
    body.write(Buffer.from("confined"));
    await body.seal();`;
  const rights = ["--permission", "--allow-fs-read=*", `--allow-fs-write=${place.home}`];
  execFileSync(process.execPath, [...rights, "--input-type=module", "-e", script], { cwd: import.meta.dirname });
  assert.equal(String(readBodyFile(place.home, 5, 0, 100)), "confined");
});
