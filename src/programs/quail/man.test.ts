import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { runInProcess } from "#process";
import { findProgram } from "../index.ts";

async function quail(...args: readonly string[]): Promise<{ code: number | undefined; out: string; err: string }> {
  const result = await runInProcess(findProgram, ["quail", ...args], { stdin: Readable.from([]), env: {}, cwd: "/" });
  return { code: result?.code, out: result?.stdout.toString() ?? "", err: result?.stderr.toString() ?? "" };
}

for (const words of [["qmail-smtpd"], ["config"], ["quail", "config"], ["quail-config"], ["dot-qmail"], ["mailq"]]) {
  test(`quail man ${words.join(" ")} shows what quail help shows, with a section before the name or not`, async () => {
    const helped = await quail("help", ...words);
    assert.equal(helped.code, 0);
    assert.notEqual(helped.out, "");
    assert.deepEqual(await quail("man", ...words), helped);
    assert.deepEqual(await quail("man", "8", ...words), helped);
  });
}

test("quail man without a name, or with one nobody knows, says so and exits 100", async () => {
  const usage = "usage: quail man [ SECTION ] NAME\n";
  assert.deepEqual(await quail("man"), { code: 100, out: "", err: usage });
  const unknown = "quail man: there is no manual of \"nonesuch\"; 'quail help' lists programs\n";
  assert.deepEqual(await quail("man", "nonesuch"), { code: 100, out: "", err: unknown });
});
