import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findHome } from "./home.ts";

test("the home is QUAIL_HOME, else a configured /var/qmail, else the checkout's var, else /var/qmail", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "quail-homes-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const places = { classic: join(folder, "qmail"), checkout: join(folder, "var") };
  assert.equal(findHome({}, places), places.classic, "nothing is there: an installed Quail's first start");
  mkdirSync(places.checkout);
  assert.equal(findHome({}, places), places.checkout);
  mkdirSync(join(places.classic, "control"), { recursive: true });
  assert.equal(findHome({}, places), places.checkout, "a folder that nobody configured does not count");
  writeFileSync(join(places.classic, "control", "me"), "mail.example.com\n");
  assert.equal(findHome({}, places), places.classic);
  assert.equal(findHome({ QUAIL_HOME: "" }, places), places.classic, "an empty variable is none");
  assert.equal(findHome({ QUAIL_HOME: "/elsewhere" }, places), "/elsewhere");
});
