/**
 * The clock of a running house jumps an hour ahead and two hours back. Sessions that are open go on, mail passes at once, what waits is neither given
 * up nor lost, and is delivered once.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { House, inbox, readNew, until } from "../system/house.ts";
import { openScriptedServer } from "../system/scripted-server.ts";
import { SmtpClient, sendOne } from "../system/smtp-client.ts";
import { jump, jumpingClock } from "./other-clock.ts";
import { mailPasses, open, pidsOf } from "./watching.ts";

const hourSeconds = 3_600;

/** When the last line of the queue's log was written, as its TAI64N label says, in seconds since 1970. */
function lastLabel(house: House): number {
  const labels = [...house.log().matchAll(/^@([0-9a-f]{16})[0-9a-f]{8} /gm)];
  // TAI64 labels count from 2^62, and are ten seconds ahead of UTC.
  return Number(BigInt(`0x${labels.at(-1)?.[1] ?? "0"}`) - 2n ** 62n) - 10;
}

test("the clock jumps an hour ahead, then two hours back, then is right again: sessions go on, mail passes, what waits arrives once", async () => {
  let isUp = false;
  await using remote = await openScriptedServer((verb) =>
    ["RCPT", "DATA"].includes(verb) && !isUp ? "451 later" : null,
  );
  await using house = await House.open({
    pop3: true,
    env: jumpingClock,
    control: {
      rcpthosts: "localhost\nfar.test\n",
      smtproutes: `far.test:127.0.0.1:${remote.port}\n`,
      timeoutsmtpd: "1200\n",
      queuelifetime: "7200\n",
      delaynotice: "3000\n",
    },
  });
  const password = /^ {2}password {2}(\S+)$/m.exec(readFileSync(house.path("welcome.txt"), "utf8"))?.[1] ?? "";
  const session = await SmtpClient.open(house.ports.smtp);
  await session.command("EHLO patient.test");
  await session.command("MAIL FROM:<a@b.test>");
  const reader = await open(house.ports.pop3 ?? 0);
  let read = "";
  reader.on("data", (bytes: Buffer) => {
    read += bytes.toString("latin1");
  });
  reader.write(`USER you\r\nPASS ${password}\r\n`);
  await until("the reader is in", () => read.split("+OK").length === 4);

  const services = ["smtpd", "queue", "local", "remote"].flatMap((role) => pidsOf(house, role));
  const offsets = [hourSeconds, -hourSeconds, 0];
  for (const [n, offset] of offsets.entries()) {
    const subject = `waits ${n}`;
    assert.equal((await sendOne(house.ports.smtp, inbox, ["b@far.test"], `Subject: ${subject}\n\n`)).code, 250);
    await until(`${subject} is deferred`, () => house.log().split(": deferral: ").length === n + 2);
    jump(house);
    // A jump is a signal: it has been taken when the log has the new time.
    await until(`the clock is ${offset} s off`, async () => {
      await mailPasses(house, `after jump ${n}`);
      return Math.abs(lastLabel(house) - Date.now() / 1000 - offset) < hourSeconds / 2;
    });
    read = "";
    reader.write("NOOP\r\n");
    await until("the POP3 session goes on", () => read.startsWith("+OK"));
  }
  assert.equal((await session.command(`RCPT TO:<${inbox}>`)).code, 250, "the SMTP session goes on");
  await session.quit();
  reader.destroy();

  isUp = true;
  house.signal("SIGALRM");
  await until("what waited", () => remote.taken.length === offsets.length);
  await until(
    "all is done",
    () =>
      house
        .log()
        .split("\n")
        .filter((line) => / end msg /.test(line)).length >=
      house.log().split(" new msg ").length - 1,
  );
  assert.deepEqual(
    remote.taken.map(({ bytes }) => /^Subject: (.*)\r?$/m.exec(bytes.toString("latin1"))?.[1]?.trim()).toSorted(),
    ["waits 0", "waits 1", "waits 2"],
  );
  const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
  assert.ok(
    texts.every((text) => !/failure notice/.test(text)),
    "nothing was given up",
  );
  for (const n of offsets.keys())
    assert.ok(texts.filter((text) => text.includes(`Subject: after jump ${n}\n`)).length >= 1);
  assert.equal(new Set(texts).size, texts.length, "nothing twice");
  assert.deepEqual(
    ["smtpd", "queue", "local", "remote"].flatMap((role) => pidsOf(house, role)),
    services,
    "nobody died",
  );
});
