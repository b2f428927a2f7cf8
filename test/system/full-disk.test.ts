/** A disk that fills up under the queue: a temporary answer, no message lost, and work goes on when there is room again. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { test } from "node:test";
import { freePort } from "../../bench/tools/processes.ts";
import { House, inbox, until } from "./house.ts";
import { openScriptedServer } from "./scripted-server.ts";
import { SmtpClient } from "./smtp-client.ts";

const diskMb = 24;

/** A small disk of its own; null where this process may not mount one. */
function mountSmallDisk(): (Disposable & { readonly path: string }) | null {
  const path = mkdtempSync(join(tmpdir(), "quail-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskMb}m,mode=755`, "quail-test", path]);
  if (mounted.status !== 0) {
    rmSync(path, { recursive: true });
    return null;
  }
  return {
    path,
    [Symbol.dispose]() {
      execFileSync("umount", ["-l", path]);
      rmSync(path, { recursive: true });
    },
  };
}

test("a full disk gives 451 and loses nothing; with room again mail flows again [Q-056]", {
  skip: getuid?.() === 0 ? false : "needs root (to mount a small disk)",
}, async (t) => {
  using disk = mountSmallDisk();
  if (disk === null) {
    t.skip("this process may not mount a disk");
    return;
  }
  const port = await freePort(); // Nobody listens: what is accepted stays in the queue and fills it.
  await using house = await House.open({
    folder: disk.path,
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${port}\n`, databytes: "0\n" },
  });
  const accepted = new Set<string>();
  const client = await SmtpClient.open(house.ports.smtp);
  await client.command("HELO client.test");
  let refused: string | null = null;
  for (let n = 0; n < 400 && refused === null; n++) {
    const size = n % 3 === 0 ? 1_000_000 : 60_000; // As files and as rows of the database.
    const from = `m${n}@full.test`;
    const reply = await client.send(
      from,
      ["b@far.test"],
      Buffer.from(`Subject: ${n}\n\n${`${"x".repeat(70)}\n`.repeat(size / 71)}`),
    );
    if (reply.code === 250) accepted.add(from);
    else refused = `${reply.code} ${reply.lines.join("/")}`;
  }
  assert.equal(refused, "451 qq write error or disk full (#4.3.0)");
  assert.ok(accepted.size > 3);
  await client.quit();

  await using remote = await openScriptedServer(() => null, port);
  const hurry = setInterval(() => house.signal("SIGALRM"), 2_000);
  try {
    await until(
      "every accepted message",
      () => new Set(remote.taken.map(({ from }) => from)).size >= accepted.size,
      60_000,
    );
  } finally {
    clearInterval(hurry);
  }
  assert.deepEqual([...new Set(remote.taken.map(({ from }) => from))].toSorted(), [...accepted].toSorted());
  const again = await until("mail is accepted again", async () => {
    const session = await SmtpClient.open(house.ports.smtp);
    await session.command("HELO client.test");
    const reply = await session.send("after@full.test", [inbox], Buffer.from("Subject: room again\n\n"));
    await session.quit();
    return reply.code === 250;
  });
  assert.ok(again);
  await house.mail(1);
});
