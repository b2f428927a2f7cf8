import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { fstatSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { systemdUnits } from "../systemd-units.ts";
import { journalLines, leadsToJournal } from "./journal.ts";
import { readOptions } from "./options.ts";
import { beatEveryMs, handedSockets } from "./systemd.ts";

test("sockets that systemd hands to this process are known by their names", () => {
  const env = { LISTEN_PID: "7", LISTEN_FDS: "2", LISTEN_FDNAMES: "submission:quail-smtp.socket" };
  assert.deepEqual(
    [...handedSockets(env, 7)],
    [
      ["submission", 3],
      ["smtp", 4],
    ],
  );
  assert.equal(handedSockets(env, 8).size, 0, "they were meant for another");
  assert.equal(handedSockets({}, 7).size, 0);
  assert.throws(() => handedSockets({ ...env, LISTEN_FDNAMES: "http" }, 7), /socket named "http"; its unit must say/);
});

test("the watchdog hears from us twice in its time, if it is ours", () => {
  assert.equal(beatEveryMs({ WATCHDOG_USEC: "120000000", WATCHDOG_PID: "7" }, 7), 60_000);
  assert.equal(beatEveryMs({ WATCHDOG_USEC: "120000000" }, 7), 60_000);
  assert.equal(beatEveryMs({ WATCHDOG_USEC: "120000000", WATCHDOG_PID: "8" }, 7), null);
  assert.equal(beatEveryMs({}, 7), null);
});

test("lines for the journal have a priority and no stamp, and nothing in them steers a terminal", () => {
  const stamp = "@4000000037c219bf2ef02e94";
  const lines = Buffer.from(`${stamp} new msg 1\n${stamp} warning: slow\n${stamp} alert: \x1b[2J\n`);
  assert.equal(journalLines("queue", lines), "<6>queue: new msg 1\n<4>queue: warning: slow\n<1>queue: alert: ?[2J\n");
});

test("the journal is where JOURNAL_STREAM says", () => {
  const { dev, ino } = fstatSync(2);
  assert.equal(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, 2), true);
  assert.equal(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino + 1}` }, 2), false);
  assert.equal(leadsToJournal({}, 2), false);
});

test("a unit for the home, and with sockets one for each port but the metrics'", () => {
  const options = readOptions(["--host", "192.0.2.1", "--port", "smtp=25", "--port", "pop3=off"]);
  const units = systemdUnits("/srv/my mail", options, true);
  assert.match(units.get("quail.service") ?? "", /^ExecStart=\S+\/bin\/quail start --home "\/srv\/my mail"$/m);
  assert.match(units.get("quail.service") ?? "", /^Requires=quail-smtp\.socket quail-submission\.socket/m);
  assert.match(units.get("quail-smtp.socket") ?? "", /^ListenStream=192\.0\.2\.1:25\nFileDescriptorName=smtp$/m);
  assert.ok(!units.has("quail-pop3.socket") && !units.has("quail-metrics.socket"));
  assert.deepEqual([...systemdUnits("/srv/mail", options, false).keys()], ["quail.service"]);
});

test("without systemd's command a process of our own sends the word", {
  skip: process.platform !== "linux" && "needs Linux",
}, () => {
  const sender = join(import.meta.dirname, "send-datagram.ts");
  // A socket nobody made: it says so by its exit code.
  assert.throws(() => execFileSync(process.execPath, [sender, "/nowhere/notify", "READY=1"], { stdio: "ignore" }));
});
