import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { test } from "node:test";
import { errorCode, errorText, isPassing } from "./error-text.ts";

function caught(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("system errors have qmail's words", () => {
  const error = caught(() => openSync("/nonexistent/file", "r"));
  assert.equal(errorCode(error), "ENOENT");
  assert.equal(errorText(error), "file does not exist");
  assert.equal(errorText(caught(() => openSync("/", "w"))), "is a directory");
});

test("what is no system error speaks for itself", () => {
  assert.equal(errorText(new Error("odd")), "odd");
  assert.equal(errorText({ code: "EODD" }), "EODD");
  assert.equal(errorCode(null), "");
});

test("lack of descriptors passes, a missing file does not", () => {
  assert.equal(isPassing({ code: "EMFILE" }), true);
  assert.equal(isPassing({ code: "ENOENT" }), false);
});
