import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { cleanMaildirTmp, findMoved, listMaildir } from "./list-maildir.ts";
import { updateMaildir } from "./update-maildir.ts";

let maildir = "";
beforeEach(() => {
  maildir = mkdtempSync(join(tmpdir(), "quail-list-"));
  for (const part of ["tmp", "new", "cur"]) mkdirSync(join(maildir, part));
});
afterEach(() => rmSync(maildir, { recursive: true }));

function lay(file: string, agoSeconds: number, content = "x\n"): void {
  writeFileSync(join(maildir, file), content);
  const at = Date.now() / 1000 - agoSeconds;
  utimesSync(join(maildir, file), at, at);
}

test("messages of new and cur are listed by time; dot files, folders and this second's mail are not [Q-245]", async () => {
  lay("new/3.c", 10);
  lay("cur/1.a:2,S", 30, "four");
  lay("new/2.b:2,", 20);
  lay("cur/9.same", 10);
  lay("new/.hidden", 50);
  mkdirSync(join(maildir, "cur/folder"));
  lay("new/5.now", 0);
  lay("new/6.future", -100);
  const list = await listMaildir(maildir, Date.now());
  assert.deepEqual(
    list.map(({ file, uniqueName, sizeBytes }) => [file, uniqueName, sizeBytes]),
    [
      ["cur/1.a:2,S", "1.a", 4],
      ["new/2.b:2,", "2.b", 2],
      ["new/3.c", "3.c", 2],
      ["cur/9.same", "9.same", 2],
    ].toSorted((a, b) => list.findIndex((m) => m.file === a[0]) - list.findIndex((m) => m.file === b[0])),
  );
  assert.deepEqual(
    list.slice(0, 2).map(({ file }) => file),
    ["cur/1.a:2,S", "new/2.b:2,"],
  );
});

test("names of any octets are found again", async () => {
  writeFileSync(Buffer.from(`${maildir}/new/1.\xe9`, "latin1"), "x");
  utimesSync(Buffer.from(`${maildir}/new/1.\xe9`, "latin1"), 1, 1);
  const list = await listMaildir(maildir, Date.now());
  assert.deepEqual(
    list.map(({ uniqueName }) => uniqueName),
    ["1.\xe9"],
  );
  assert.equal(await updateMaildir(maildir, list, () => true), true);
  assert.deepEqual(readdirSync(join(maildir, "new")), []);
});

test("a listed message is found after another reader has set its flags", async () => {
  lay("new/1.a", 10);
  const list = await listMaildir(maildir, Date.now());
  renameSync(join(maildir, "new/1.a"), join(maildir, "cur/1.a:2,FS"));
  assert.equal(await findMoved(maildir, "1.a"), "cur/1.a:2,FS");
  assert.equal(await updateMaildir(maildir, list, () => true), true);
  assert.equal(await findMoved(maildir, "1.a"), null);
  assert.equal(await updateMaildir(maildir, list, () => true), true, "removed by another: as was wanted");
});

test("what was untouched in tmp for 36 hours is removed, younger ones are kept [X-004]", async () => {
  lay("tmp/old", 129_700);
  lay("tmp/young", 129_500);
  lay("tmp/.dot", 200_000);
  await cleanMaildirTmp(maildir, Date.now());
  assert.deepEqual(readdirSync(join(maildir, "tmp")).sort(), [".dot", "young"]);
  await cleanMaildirTmp(`${maildir}/nonexistent`, Date.now());
});
