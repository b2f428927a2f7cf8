import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { toBytes } from "#bytes";
import { FrameLink, listenUnix } from "#net";
import { askLocal, type LocalCheck } from "./ask-local.ts";

/** A local service that answers by the address's first word, and counts. */
async function withLocal<T>(
  use: (check: LocalCheck, asked: string[], clock: { now: number }) => Promise<T>,
  reply: (address: string) => string = (address) => address.split("@")[0]!,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "quail-ask-"));
  await mkdir(join(home, "run"));
  const asked: string[] = [];
  const links: FrameLink[] = [];
  const server = await listenUnix(join(home, "run", "local"), (socket) => {
    const link: FrameLink = new FrameLink(socket, {
      frame({ id, payload }) {
        const address = payload.toString("latin1");
        asked.push(address);
        if (reply(address) === "hang-up") link.destroy();
        else link.send(4, id, toBytes(reply(address)));
      },
      close: () => {},
    });
    links.push(link);
  });
  const clock = { now: 1_000_000 };
  const check = askLocal(home, () => clock.now);
  try {
    return await use(check, asked, clock);
  } finally {
    check.close();
    server.close();
    for (const link of links) link.destroy();
    await rm(home, { recursive: true });
  }
}

test("yes is remembered for half a minute, no for two seconds, defer not at all", async () => {
  await withLocal(async (check, asked, clock) => {
    for (const address of ["yes@a", "no@a", "defer@a"]) assert.equal(await check.ask(address), address.split("@")[0]);
    assert.equal(check.ask("yes@a"), "yes");
    assert.equal(check.ask("no@a"), "no");
    await check.ask("defer@a");
    assert.deepEqual(asked, ["yes@a", "no@a", "defer@a", "defer@a"]);
    clock.now += 2_001;
    assert.equal(check.ask("yes@a"), "yes");
    await check.ask("no@a");
    clock.now += 30_000;
    await check.ask("yes@a");
    assert.deepEqual(asked.slice(4), ["no@a", "yes@a"]);
  });
});

test("questions for one address share one answer, and a thousand different ones find theirs", async () => {
  await withLocal(async (check, asked) => {
    const same = await Promise.all([check.ask("yes@same"), check.ask("yes@same"), check.ask("yes@same")]);
    assert.deepEqual(same, ["yes", "yes", "yes"]);
    assert.equal(asked.length, 1);
    const many = Array.from({ length: 1000 }, (_, i) => `${i % 2 === 0 ? "yes" : "no"}@${i}`);
    const got = await Promise.all(many.map((address) => check.ask(address)));
    assert.deepEqual(
      got,
      many.map((address) => address.split("@")[0]),
    );
  });
});

test("a local service that hangs up, or answers nonsense, makes the answer defer, never a guess [Q-271]", async () => {
  const reply = (address: string): string =>
    address.startsWith("bad") ? "hang-up" : address.startsWith("odd") ? "maybe" : "yes";
  await withLocal(async (check) => {
    assert.equal(await check.ask("odd@a"), "defer");
    assert.equal(await check.ask("bad@a"), "defer");
    assert.equal(await check.ask("yes@a"), "yes", "and is asked again over a new connection");
  }, reply);
});
