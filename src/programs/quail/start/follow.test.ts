import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { follow, logFormatter } from "./follow.ts";

test("what is shown comes out in order", async () => {
  const folder = mkdtempSync(join(tmpdir(), "quail-follow-"));
  const fd = openSync(join(folder, "out"), "w");
  const screen = follow(fd);
  for (let i = 0; i < 100; i++) screen.show(`${i}\n`);
  await screen.flush();
  closeSync(fd);
  assert.equal(readFileSync(join(folder, "out"), "utf8"), Array.from({ length: 100 }, (_, i) => `${i}\n`).join(""));
  rmSync(folder, { recursive: true });
});

test("a watcher that does not read makes nobody wait, and is told how much it missed", async () => {
  const door = new URL("./follow.ts", import.meta.url).href;
  const code = `
    import { follow } from ${JSON.stringify(door)};
    const screen = follow(1);
    for (let i = 0; i < 20000; i++) screen.show("x".repeat(99) + "\\n");
    process.stderr.write("not waited\\n");
    await screen.flush();`;
  const script = `"$0" --input-type=module -e "$1" | (sleep 1; cat)`;
  const out = execFileSync("bash", ["-c", script, process.execPath, code], {
    encoding: "utf8",
    maxBuffer: 1 << 24,
    stdio: ["ignore", "pipe", "pipe"],
  });
  assert.match(out, /\((\d+) lines are not shown here; they are in log\/\)\n$/);
  const shown = out.split("\n").filter((line) => line.startsWith("x")).length;
  assert.equal(shown + Number(/\((\d+) lines/.exec(out)?.[1]), 20_000);
});

test("a line is shown as time of day, service and text; nothing in it reaches the terminal as a command", () => {
  const format = logFormatter(["queue", "smtpd"], false);
  const stamp = "@400000006b02bdb5367a8880";
  const lines = Buffer.from(`${stamp} new msg 1\n${stamp} evil \x1b[2J\nbare\n`, "latin1");
  const time = new Date((0x6b02bdb5 - 10) * 1000).toTimeString().slice(0, 8);
  assert.equal(format("queue", lines), `${time}.914  queue  new msg 1\n${time}.914  queue  evil ?[2J\n  queue  bare\n`);
});
