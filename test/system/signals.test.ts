/** Starting, stopping, and signals to the whole system. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { freePort } from "../../bench/tools/processes.ts";
import { House, inbox, readNew, until } from "./house.ts";
import { openScriptedServer } from "./scripted-server.ts";
import { sendOne } from "./smtp-client.ts";

test("a message that waits survives stop and start, and goes out when its host is back [Q-075]", async () => {
  const port = await freePort(); // Nobody listens there yet.
  await using house = await House.open({
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${port}\n` },
  });
  assert.ok(existsSync(house.path("ready")));
  assert.equal((await sendOne(house.ports.smtp, inbox, ["b@far.test"], "Subject: waits\n\nbody\n")).code, 250);
  await house.logged(/^delivery 1: deferral: Sorry,_I_wasn't_able_to_establish_an_SMTP_connection\._\(#4\.4\.1\)\/$/);
  assert.equal(await house.stop(), 0);
  assert.match(house.log(), /status: exiting$/m);
  assert.ok(!existsSync(house.path("ready")));
  const lines = house.logLines().length;
  await house.start();
  await house.logged(/^status: local 0\/10 remote 0\/20$/, 30_000, lines - 1);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.doesNotMatch(
    house
      .logLines()
      .slice(lines - 1)
      .join("\n"),
    /starting delivery/,
    "its time had not come",
  );
  await using remote = await openScriptedServer(() => null, port);
  house.signal("SIGALRM");
  await until("the message", () => remote.taken.length === 1);
  assert.equal(readNew(house.maildir).size, 0);
});

test("HUP: a new virtual domain is known without a restart; the acceptance list needs no signal [Q-046, Q-072]", async () => {
  await using house = await House.open({ control: { "tcp.smtp": ":allow\n" } }); // Loopback does not relay here.
  writeFileSync(house.path("home", "you", ".qmail-new-default"), "./Maildir/\n", { mode: 0o644 });
  const refused = await sendOne(house.ports.smtp, "a@client.test", ["x@new.test"], "Subject: x\n\n");
  assert.equal(refused.code, 553);
  house.control("rcpthosts", "localhost\nnew.test\n");
  house.control("virtualdomains", "new.test:you-new\n");
  house.signal("SIGHUP");
  // The signal passes from process to process; a message that is quicker would be routed the old way, for good.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const taken = await until("the new domain is accepted", async () => {
    const reply = await sendOne(house.ports.smtp, "a@client.test", ["x@new.test"], "Subject: new\n\n");
    return reply.code === 250 ? reply : null;
  });
  assert.equal(taken.code, 250);
  const [text = ""] = await house.mail(1);
  assert.match(text, /^Delivered-To: you-new-x@new\.test$/m);
});

test("TERM: a delivery under way is finished, the log says exitasap and exiting, the exit code is 0 [Q-074]", async () => {
  await using house = await House.open();
  writeFileSync(house.path("home", "you", ".qmail-slow"), "|sleep 2; echo slept\n", { mode: 0o644 });
  assert.equal(
    (await sendOne(house.ports.smtp, "a@client.test", ["you-slow@localhost"], "Subject: slow\n\n")).code,
    250,
  );
  await house.logged(/^starting delivery 1: /);
  assert.equal(await house.stop(), 0);
  const lines = house.logLines();
  const at = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line));
  assert.ok(at(/^delivery 1: success: slept\/did_0\+0\+1\/$/) > 0, house.story());
  assert.ok(at(/^status: local 1\/[0-9]+ remote 0\/[0-9]+ exitasap$/) > 0, house.story());
  assert.ok(at(/^status: exiting$/) > at(/^delivery 1: success/));
});

test("a second Quail on the same home refuses to start and says why; the first one works on", async () => {
  await using house = await House.open();
  const { spawnSync } = await import("node:child_process");
  const [command = "", ...args] = house.startWords;
  const second = spawnSync(command, args, { encoding: "utf8", timeout: 60_000 });
  assert.equal(second.status, 111);
  assert.match(second.stderr, /^quail: another Quail \(process [0-9]+\) runs on /m);
  assert.equal((await sendOne(house.ports.smtp, "a@client.test", [inbox], "Subject: still here\n\n")).code, 250);
  await house.mail(1);
});
