import assert from "node:assert/strict";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeMaildir } from "./make-maildir.ts";

test("a Maildir is four folders of mode 0700, and an existing name is refused [Q-178]", () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "maildirmake-"));
  try {
    const path = join(folder, "Maildir");
    makeMaildir(path, "Maildir");
    for (const part of ["", "tmp", "new", "cur"]) {
      const facts = fs.statSync(join(path, part));
      assert.ok(facts.isDirectory());
      assert.equal(facts.mode & 0o777, 0o700);
    }
    assert.throws(() => makeMaildir(path, "Maildir"), { message: "unable to mkdir Maildir: file already exists" });
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
