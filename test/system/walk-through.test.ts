/** The acceptance walk-through of the classic TEST documents (spec 12.5) on a fresh home. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { commandOf, treePids } from "../../bench/tools/process-tree.ts";
import { House, inbox, needs, quailCommand, readNew, until } from "./house.ts";
import { openScriptedServer } from "./scripted-server.ts";
import { SmtpClient } from "./smtp-client.ts";

test("the walk-through of the TEST documents on a fresh home [Q-300]", async (t) => {
  await using remote = await openScriptedServer();
  await using house = await House.open({
    control: { rcptcheck: "0\n", smtproutes: `far.test:127.0.0.1:${remote.port}\n` },
  });
  const env = { ...process.env, QUAIL_HOME: house.home, USER: "you", LOGNAME: "you", MAILHOST: "localhost" };
  const inject = (input: string, ...args: readonly string[]): void => {
    execFileSync(quailCommand, ["qmail-inject", ...args], { input, env });
  };
  const find = (words: string): Promise<string> =>
    until(`a message with ${words}`, () => {
      return (
        [...readNew(house.maildir).values()]
          .map((bytes) => bytes.toString("latin1"))
          .find((text) => text.includes(words)) ?? null
      );
    });

  await t.test("1: the log begins with the status line, and the services are idle processes", async () => {
    await house.logged(/^status: local 0\/10 remote 0\/20$/);
    const commands = treePids(house.pid).map((pid) => commandOf(pid).join(" "));
    for (const service of ["smtpd", "queue", "local", "remote"]) {
      assert.ok(
        commands.some((command) => command.includes(`run.ts ${service}`)),
        `${service} in\n${commands.join("\n")}`,
      );
    }
  });

  await t.test("2: echo to: me | qmail-inject is delivered, and the log tells so line by line", async () => {
    inject("to: you\n");
    const [, id = ""] = await house.logged(/^new msg ([0-9]+)$/);
    await house.logged(new RegExp(`^info msg ${id}: bytes [0-9]+ from <you@localhost> qp ${id} uid [0-9]+$`));
    const [, delivery = ""] = await house.logged(
      new RegExp(`^starting delivery ([0-9]+): msg ${id} to local you@localhost$`),
    );
    await house.logged(new RegExp(`^delivery ${delivery}: success: did_1\\+0\\+0/$`));
    await house.logged(new RegExp(`^end msg ${id}$`));
    await house.mail(1);
  });

  await t.test("3: a message to nobody comes back from <>", async () => {
    inject("to: nonexistent\nsubject: three\n\nbody three\n");
    const bounce = await find("body three");
    assert.match(bounce, /^Return-Path: <>\n/);
    assert.match(bounce, /Sorry, no mailbox here by that name\. \(#5\.1\.1\)/);
    await house.logged(/^bounce msg [0-9]+ qp [0-9]+$/);
  });

  await t.test("4: a message to a remote account succeeds with the remote's own words", async () => {
    inject("to: someone@far.test\n\n");
    await house.logged(/^delivery [0-9]+: success: 127\.0\.0\.1_accepted_message\.\/Remote_host_said:_250_taken\/$/);
    assert.deepEqual(remote.taken[0]?.to, ["someone@far.test"]);
  });

  await t.test("5: postmaster in any case is the alias", async () => {
    writeFileSync(house.path("alias", ".qmail-postmaster"), "&you@localhost\n", { mode: 0o644 });
    inject("to: POSTmaster\nsubject: five\n\n");
    await find("\nsubject: five\n");
  });

  await t.test("6: a double bounce lands with postmaster", async () => {
    inject("to: unknownuser\nsubject: six\n\nbody six\n", "-f", "nonexistent");
    assert.match(await find("body six"), /^Return-Path: <#@\[\]>\n/);
  });

  await t.test("7: a program delivery runs with the user's group and no other", async () => {
    writeFileSync(house.path("home", "you", ".qmail-groups"), "|id -G > MYGROUPS; exit 0\n", { mode: 0o644 });
    inject("to: you-groups\n");
    const groups = await until("MYGROUPS", () => {
      const ran = spawnSync("cat", [house.path("home", "you", "MYGROUPS")], { encoding: "latin1" });
      return ran.stdout === "" ? null : ran.stdout.trim();
    });
    if (process.getuid?.() === 0) assert.match(groups, /^[0-9]+$/);
  });

  await t.test("8: SMTP by hand, in lower case and without HELO's angle brackets", async () => {
    const client = await SmtpClient.open(house.ports.smtp);
    assert.equal((await client.command("helo dude")).code, 250);
    assert.deepEqual(await client.command("mail <me@client.test>"), { code: 250, lines: ["ok"] });
    assert.deepEqual(await client.command(`rcpt <${inbox}>`), { code: 250, lines: ["ok"] });
    assert.deepEqual(await client.command("data"), { code: 354, lines: ["go ahead"] });
    const accepted = await client.command("Subject: testing\r\n\r\nThis is a test.\r\n.");
    assert.equal(accepted.code, 250);
    assert.match(accepted.lines.join("/"), /^ok [0-9]+ qp [0-9]+$/);
    assert.equal((await client.command("quit")).code, 221);
    await find("\nThis is a test.\n");
  });

  await t.test("9: from another host: to a user, to nobody (the bounce goes back there), to PoStMaStEr", async () => {
    const client = await SmtpClient.open(house.ports.smtp);
    await client.command("HELO far.test");
    assert.equal((await client.send("them@far.test", [inbox], Buffer.from("Subject: nine\n\nbody nine\n"))).code, 250);
    assert.equal(
      (await client.send("them@far.test", ["nonexistent@localhost"], Buffer.from("Subject: nine b\n\n"))).code,
      250,
    );
    assert.equal(
      (await client.send("them@far.test", ["PoStMaStEr@localhost"], Buffer.from("Subject: nine c\n\n"))).code,
      250,
    );
    await client.quit();
    await find("\nSubject: nine\n");
    await find("\nSubject: nine c\n");
    const bounce = await until(
      "the bounce at the other host",
      () => remote.taken.find(({ to }) => to.includes("them@far.test")) ?? null,
    );
    assert.equal(bounce.from, "");
    assert.match(bounce.bytes.toString("latin1"), /\r\n<nonexistent@localhost>:\r\n/);
  });

  await t.test("10: a mail user agent sends through sendmail", { skip: needs("s-nail") }, async () => {
    const sendmail = house.path("..", "sendmail");
    symlinkSync(quailCommand, sendmail);
    const args = ["-:/", "-S", `mta=${sendmail}`, "-S", "v15-compat", "-s", "ten", inbox];
    execFileSync("s-nail", args, { input: "by a mail user agent\n", env: { ...env, HOME: house.path("..") } });
    await find("\nby a mail user agent\n");
  });

  await t.test("the welcome text tells where the mailbox is", () => {
    assert.match(readFileSync(house.path("welcome.txt"), "utf8"), /you@localhost/);
  });
});
