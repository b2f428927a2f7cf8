/**
 * Clients that mean ill, against the real processes: slow ones, very many, endless lines, recipients without end, loops. What they get, that
 * mail flows beside them, and that memory stays bounded. Figures are printed; `QUAIL_HOSTILE=full` takes the sizes of
 * docs/hostile-clients.md (by hand, on a quiet machine).
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../bench/tools/processes.ts";
import { House, inbox, readNew, until } from "../system/house.ts";
import { SmtpClient, sendOne } from "../system/smtp-client.ts";
import { mailPasses, mb, open, watching } from "./watching.ts";

const full = process.env.QUAIL_HOSTILE === "full";
const idleConnections = full ? 10_000 : 2_000;
const slowConnections = full ? 1_000 : 100;
const lineBytes = full ? 100_000_000 : 20_000_000;
const recipientCommands = full ? 1_000_000 : 100_000;
const receivedLines = 100_000;

test(`${idleConnections} idle connections and ${slowConnections} that send a byte now and then: memory is bounded, mail passes`, async (t) => {
  await using house = await House.open({
    control: { concurrencyincoming: `${idleConnections + slowConnections + 50}\n` },
  });
  await mailPasses(house, "warm");
  const sockets: Socket[] = [];
  const growth = await watching(
    t,
    `${idleConnections} idle and ${slowConnections} slow connections`,
    house,
    async () => {
      for (let n = 0; n < idleConnections; n += 100)
        sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => open(house.ports.smtp)))));
      const slow = await Promise.all(Array.from({ length: slowConnections }, () => open(house.ports.smtp)));
      sockets.push(...slow);
      const drip = setInterval(() => {
        for (const socket of slow) socket.write("x");
      }, 200);
      t.diagnostic(`mail beside them: ${await mailPasses(house, "beside the slow")} ms`);
      await sleep(1_000);
      clearInterval(drip);
    },
  );
  for (const socket of sockets) socket.destroy();
  const perConnection = growth / (idleConnections + slowConnections);
  t.diagnostic(`${(perConnection / 1000).toFixed(1)} KB a connection`);
  assert.ok(perConnection < 60_000, `${perConnection} bytes a connection`);
});

test("a full house turns further clients away with 421 and goes on serving those inside", async () => {
  await using house = await House.open({ control: { concurrencyincoming: "20\n" } });
  const inside = await SmtpClient.open(house.ports.smtp);
  const sockets = await Promise.all(Array.from({ length: 19 }, () => open(house.ports.smtp)));
  await until("a client that is turned away", async () => {
    const late = await open(house.ports.smtp);
    sockets.push(late);
    const said = await new Promise<string>((done) => {
      late.once("data", (bytes: Buffer) => done(bytes.toString("latin1")));
      late.once("close", () => done(""));
    });
    return said.startsWith("421 ");
  });
  await inside.command("HELO inside.test");
  assert.equal((await inside.send("a@b.test", [inbox], Buffer.from("Subject: inside\n\n"))).code, 250);
  await house.mail(1);
  for (const socket of sockets) socket.destroy();
  await inside.quit();
});

test(`lines of ${lineBytes / 1e6} MB, as a command and in a message: an answer, and memory is bounded`, async (t) => {
  await using house = await House.open();
  await mailPasses(house, "warm");
  const chunk = Buffer.alloc(1 << 20, "x");
  const growth = await watching(t, `a line of ${lineBytes / 1e6} MB in DATA`, house, async () => {
    const client = await SmtpClient.open(house.ports.smtp);
    for (const line of ["EHLO long.test", "MAIL FROM:<a@b.test>", `RCPT TO:<${inbox}>`, "DATA"])
      await client.command(line);
    for (let sent = 0; sent < lineBytes; sent += chunk.length) await client.write(chunk);
    await client.write("\r\n.\r\n");
    assert.equal((await client.reply()).code, 250);
    await client.quit();
    await until("the long line in the mailbox", () =>
      [...readNew(house.maildir).values()].some(({ length }) => length > lineBytes),
    );
  });
  assert.ok(growth < 400e6, `${mb(growth)} MB`);
  const asCommand = await watching(t, `a command of ${lineBytes / 1e6} MB`, house, async () => {
    const socket = await open(house.ports.smtp);
    let said = "";
    socket.on("data", (bytes: Buffer) => {
      said += bytes.toString("latin1");
    });
    const closed = new Promise((done) => socket.once("close", done));
    for (let sent = 0; sent < lineBytes && !socket.destroyed; sent += chunk.length)
      if (!socket.write(chunk)) await Promise.race([new Promise((go) => socket.once("drain", go)), closed]);
    await closed;
    assert.match(said, /^220 [^\n]*\n(?:500 [^\n]*\n)?$/);
  });
  assert.ok(asCommand < 60e6, `${mb(asCommand)} MB`);
});

test(`${recipientCommands} RCPT commands in one session: refused beyond the limit, memory is bounded, mail passes`, async (t) => {
  await using house = await House.open();
  writeFileSync(house.path("alias", ".qmail-default"), "./all\n"); // Every recipient exists, so that only the limit refuses.
  await mailPasses(house, "warm");
  const growth = await watching(t, `${recipientCommands} RCPT commands`, house, async () => {
    const socket = await open(house.ports.smtp);
    const codes = new Map<string, number>();
    let rest = "";
    socket.on("data", (bytes: Buffer) => {
      const lines = (rest + bytes.toString("latin1")).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) codes.set(line.slice(0, 3), (codes.get(line.slice(0, 3)) ?? 0) + 1);
    });
    const closed = new Promise((done) => socket.once("close", done));
    socket.write("HELO many.test\r\nMAIL FROM:<a@b.test>\r\n");
    for (let sent = 0; sent < recipientCommands && !socket.destroyed; sent += 1000) {
      const block = Array.from({ length: 1000 }, (_, n) => `RCPT TO:<all-${sent + n}@localhost>\r\n`).join("");
      if (!socket.write(block)) await Promise.race([new Promise((go) => socket.once("drain", go)), closed]);
    }
    t.diagnostic(`mail beside them: ${await mailPasses(house, "beside the many")} ms`);
    socket.end("QUIT\r\n");
    await closed;
    t.diagnostic(`answers: ${[...codes].map(([code, count]) => `${code} ${count} times`).join(", ")}`);
    assert.ok((codes.get("250") ?? 0) <= 1_003, "a limit on recipients");
  });
  assert.ok(growth < 150e6, `${mb(growth)} MB`);
});

test(`${receivedLines} Received lines are a loop, NULs are octets`, async () => {
  await using house = await House.open();
  const looped = await sendOne(
    house.ports.smtp,
    "a@b.test",
    [inbox],
    `${"Received: from a by b\n".repeat(receivedLines)}\nx\n`,
  );
  assert.equal(looped.code, 554);
  const client = await SmtpClient.open(house.ports.smtp);
  await client.command("EHLO nul.test");
  assert.equal((await client.command("NOOP\0 MAIL FROM:<x@y>")).code, 250);
  assert.equal((await client.command("\0\0\0")).code, 502);
  assert.equal((await client.send("a@b.test", [inbox], Buffer.from("Subject: n\0l\n\n\0\0\n"))).code, 250);
  await client.quit();
  const [message = ""] = await house.mail(1);
  assert.ok(message.endsWith("Subject: n\0l\n\n\0\0\n"));
});

test("two Quails that forward to each other, and an address that forwards to itself: a bounce, not an endless loop", async (t) => {
  const farPort = await freePort();
  await using near = await House.open({
    control: {
      locals: "localhost\nnear.test\n",
      rcpthosts: "localhost\nnear.test\nfar.test\n",
      smtproutes: `far.test:127.0.0.1:${farPort}\n`,
      dnsservers: "127.0.0.1:1\n",
    },
  });
  await using far = await House.open({
    words: ["--port", `smtp=${farPort}`],
    control: {
      locals: "localhost\nfar.test\n",
      rcpthosts: "localhost\nnear.test\nfar.test\n",
      smtproutes: `near.test:127.0.0.1:${near.ports.smtp}\n`,
      dnsservers: "127.0.0.1:1\n",
    },
  });
  writeFileSync(near.path("alias", ".qmail-round"), "&round@far.test\n");
  writeFileSync(far.path("alias", ".qmail-round"), "&round@near.test\n");
  writeFileSync(near.path("alias", ".qmail-self"), "&self@near.test\n");
  assert.equal(
    (await sendOne(near.ports.smtp, inbox, ["round@near.test", "self@near.test"], "Subject: round\n\n")).code,
    250,
  );
  const bounces = await near.mail(2);
  for (const bounce of bounces) assert.match(bounce, /This message is looping/);
  const told = (house: House): number => house.log().match(/ new msg /g)?.length ?? 0;
  await sleep(500);
  t.diagnostic(`messages: ${told(near)} here, ${told(far)} there`);
  assert.ok(told(near) + told(far) < 20);
});
