import assert from "node:assert/strict";
import { test } from "node:test";
import { qmailFiles } from "./qmail-file.ts";

const names = (dash: string, ext: string): readonly string[] => qmailFiles(dash, ext).map(({ file }) => file);

test("instruction files are tried from the exact name to the widest default [Q-139]", () => {
  const rows: readonly (readonly [dash: string, ext: string, files: readonly string[]])[] = [
    ["", "", [".qmail"]],
    ["-", "list", [".qmail-list", ".qmail-default"]],
    ["-", "a-b-c", [".qmail-a-b-c", ".qmail-a-b-default", ".qmail-a-default", ".qmail-default"]],
    ["-", "a-", [".qmail-a-", ".qmail-a-default", ".qmail-default"]],
    ["-", "", [".qmail-", ".qmail-default"]],
    ["-", "-", [".qmail--", ".qmail--default", ".qmail-default"]],
    ["-", "john.q-x", [".qmail-john:q-x", ".qmail-john:q-default", ".qmail-default"]],
    ["-/", "a", [".qmail-/a", ".qmail-/default"]],
    ["", "pre", [".qmailpre", ".qmaildefault"]],
  ];
  for (const [dash, ext, files] of rows) assert.deepEqual(names(dash, ext), files, `${dash} ${ext}`);
});

test("dots are looked up as colons and upper case as lower, so an address cannot climb out of the home [Q-140]", () => {
  assert.deepEqual(names("-", "John.Doe"), [".qmail-john:doe", ".qmail-default"]);
  assert.deepEqual(names("-", "/../../ETC"), [".qmail-/::/::/etc", ".qmail-default"]);
});

test("DEFAULT belongs to default files alone and keeps its case [Q-141]", () => {
  const parts = qmailFiles("-", "Ann.X-B-c").map(({ defaultPart }) => defaultPart);
  assert.deepEqual(parts, [null, "c", "B-c", "Ann.X-B-c"]);
});
