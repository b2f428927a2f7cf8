/**
 * Trouble with what a house stands on: mailboxes that vanish, fill up or are locked away, too few descriptors, a DNS that lies. For each:
 * what the client hears, what the log says, that the message arrives when the trouble is over, and that other mail flows beside it.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startTestDns, type TestZone } from "#dns/testing";
import { House, inbox, needs, readNew, until } from "../system/house.ts";
import { SmtpClient, sendOne } from "../system/smtp-client.ts";

const isRoot = process.getuid?.() === 0;

/** One trouble with a Maildir: how it is made, what the log says, how it is ended. */
type Trouble = {
  readonly name: string;
  readonly report: RegExp;
  /** Returns what ends it; null if it cannot be made here (the reason is printed). */
  readonly make: (maildir: string) => (() => void) | string;
};

const roomyBytes = 8 * 1024 * 1024;

/** A file system of its own in the place of a folder, with these options; what ends it. */
function mountOn(path: string, options: string, later: string): (() => void) | string {
  if (!isRoot) return "needs root (to mount a small disk)";
  const { uid, gid } = statSync(path);
  const mounted = spawnSync("mount", [
    "-t",
    "tmpfs",
    "-o",
    `mode=700,uid=${uid},gid=${gid},${options}`,
    "quail-test",
    path,
  ]);
  if (mounted.status !== 0) return "this process may not mount a disk";
  for (const part of ["tmp", "new", "cur"]) {
    mkdirSync(join(path, part), { mode: 0o700 });
    chownSync(join(path, part), uid, gid);
  }
  spawnSync("mount", ["-o", `remount,${options}`, path]);
  return () => void spawnSync("mount", ["-o", `remount,${later}`, path]);
}

const troubles: readonly Trouble[] = [
  {
    name: "is not there",
    report: /^Unable_to_chdir_to_maildir\._\(#4\.2\.1\)\/$/,
    make: (maildir) => {
      renameSync(maildir, `${maildir}.away`);
      return () => renameSync(`${maildir}.away`, maildir);
    },
  },
  {
    name: "has no tmp",
    report: /^Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
    make: (maildir) => {
      renameSync(join(maildir, "tmp"), join(maildir, "t"));
      return () => renameSync(join(maildir, "t"), join(maildir, "tmp"));
    },
  },
  {
    name: "has a file in the place of new",
    report: /^Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
    make: (maildir) => {
      rmSync(join(maildir, "new"), { recursive: true });
      writeFileSync(join(maildir, "new"), "");
      return () => {
        const { uid, gid } = statSync(maildir);
        rmSync(join(maildir, "new"));
        mkdirSync(join(maildir, "new"), { mode: 0o700 });
        chownSync(join(maildir, "new"), uid, gid);
      };
    },
  },
  {
    name: "may not be written to",
    report: /^Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
    make: (maildir) => {
      chmodSync(join(maildir, "tmp"), 0o500);
      return () => chmodSync(join(maildir, "tmp"), 0o700);
    },
  },
  {
    name: "is on a full disk",
    report: /^Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
    make: (maildir) => mountOn(maildir, "size=16k", `size=${roomyBytes}`),
  },
  {
    name: "is on a disk without room for names",
    report: /^Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
    make: (maildir) => mountOn(maildir, "nr_inodes=4", "nr_inodes=100"),
  },
  {
    name: "is on a read-only disk",
    report: /^Temporary_error_on_maildir_delivery\._\(#4\.3\.0\)\/$/,
    make: (maildir) => {
      const mounted = mountOn(maildir, "size=1m", "rw");
      if (typeof mounted !== "string") spawnSync("mount", ["-o", "remount,ro", maildir]);
      return mounted;
    },
  },
];

test("a Maildir that is gone, full, locked or read-only defers its own mail, and gets it later; others get theirs", async (t) => {
  await using house = await House.open();
  const { uid, gid } = statSync(house.maildir);
  const home = house.path("home", "you");
  const made: {
    readonly trouble: Trouble;
    readonly user: string;
    readonly maildir: string;
    readonly end: () => void;
  }[] = [];
  try {
    for (const [n, trouble] of troubles.entries()) {
      const maildir = join(home, `M${n}`);
      for (const path of [maildir, ...["tmp", "new", "cur"].map((part) => join(maildir, part))]) {
        mkdirSync(path, { mode: 0o700 });
        chownSync(path, uid, gid);
      }
      const instructions = join(home, `.qmail-t${n}`);
      writeFileSync(instructions, `./M${n}/\n`);
      chownSync(instructions, uid, gid);
      const end = trouble.make(maildir);
      if (typeof end === "string") t.diagnostic(`left out: a Maildir that ${trouble.name}: ${end}`);
      else made.push({ trouble, maildir, end, user: `you-t${n}` });
    }
    for (const { user } of made) {
      const message = `Subject: ${user}\n\n${`${"x".repeat(70)}\n`.repeat(600)}`;
      assert.equal((await sendOne(house.ports.smtp, "a@b.test", [`${user}@localhost`], message)).code, 250);
    }
    await sendOne(house.ports.smtp, "a@b.test", [inbox], "Subject: beside\n\n");
    await house.mail(1);
    for (const { trouble, user } of made) {
      const [, number] = await house.logged(
        new RegExp(`^starting delivery ([0-9]+): msg [0-9]+ to local ${user}@localhost$`),
      );
      const [, fate = "", report = ""] = await house.logged(new RegExp(`^delivery ${number}: ([a-z]+): (.*)$`));
      assert.equal(fate, "deferral", `a Maildir that ${trouble.name}`);
      assert.match(report, trouble.report, `a Maildir that ${trouble.name}`);
    }
    for (const { end } of made) end();
    house.signal("SIGALRM");
    for (const { trouble, maildir, user } of made) {
      const found = await until(`mail for a Maildir that ${trouble.name}`, () => {
        const messages = readNew(maildir);
        return messages.size > 0 ? [...messages.values()] : null;
      });
      assert.equal(found.length, 1);
      assert.match(found[0]!.toString("latin1"), new RegExp(`Subject: ${user}\\n\\n(?:x{70}\\n){600}$`));
    }
  } finally {
    for (const { maildir, trouble } of made) if (/disk/.test(trouble.name)) spawnSync("umount", ["-l", maildir]);
  }
});

test("with too few descriptors sessions wait and messages are put off; when there are some again all is well, in old sessions too", {
  skip: needs("prlimit"),
}, async () => {
  await using house = await House.open({ wrapper: ["prlimit", "--nofile=70:70"] });
  const first = await SmtpClient.open(house.ports.smtp);
  await first.command("EHLO first.test");
  const others = await Promise.allSettled(
    Array.from({ length: 250 }, () =>
      Promise.race([
        SmtpClient.open(house.ports.smtp),
        new Promise<never>((_, refused) => setTimeout(() => refused(new Error("kept waiting")), 3_000).unref()),
      ]),
    ),
  );
  const served = others.filter(({ status }) => status === "fulfilled").length;
  assert.ok(served < 250, "there were descriptors enough: this test shows nothing");
  // Its message needs a way to the queue: it is taken, or put off if there is no descriptor even for that.
  const reply = await first
    .send("a@b.test", [inbox], Buffer.from("Subject: first\n\n"))
    .catch((error: unknown) => assert.fail(`${error}\n${house.log("smtpd")}\n${house.story()}`));
  assert.ok(reply.code === 250 || reply.code === 451, `${reply.code} ${reply.lines[0]}`);
  for (const other of others) if (other.status === "fulfilled") other.value.hangUp();
  await until("a new session", async () => {
    try {
      return (await sendOne(house.ports.smtp, "a@b.test", [inbox], "Subject: later\n\n")).code === 250;
    } catch {
      return false; // Still taking leave of the others.
    }
  });
  const again = await first.send("a@b.test", [inbox], Buffer.from("Subject: again\n\n"));
  assert.equal(again.code, 250);
  await house.mail(reply.code === 250 ? 3 : 2);
  await first.quit();
});

/** Zones that are wrong in one way each, and what becomes of mail to them. */
const zones: readonly (readonly [what: string, name: string, fate: "deferral" | "failure", zone: TestZone])[] = [
  ["does not know the domain", "none.test", "failure", {}],
  ["says nothing", "silent.test", "deferral", { "silent.test": { fault: "silent" } }],
  ["fails", "servfail.test", "deferral", { "servfail.test": { fault: "servfail" } }],
  ["refuses", "refused.test", "deferral", { "refused.test": { fault: "refused" } }],
  ["talks garbage", "garbage.test", "deferral", { "garbage.test": { fault: "garbage" } }],
  ["answers another question", "question.test", "deferral", { "question.test": { fault: "wrong-question" } }],
  ["guesses our numbers", "id.test", "deferral", { "id.test": { fault: "wrong-id" } }],
  ["names other servers", "referral.test", "deferral", { "referral.test": { fault: "referral" } }],
  ["cuts every answer", "cut.test", "deferral", { "cut.test": { fault: "truncated-always" } }],
  ["closes over TCP", "tcp.test", "deferral", { "tcp.test": { fault: "tcp-closes" } }],
  [
    "goes in circles",
    "loop.test",
    "deferral",
    { "loop.test": { bareCname: "pool.test" }, "pool.test": { bareCname: "loop.test" } },
  ],
  ["knows the exchanger's name only", "half.test", "failure", { "half.test": { mx: [[10, "gone.test"]] } }],
  ["says there is no mail (RFC 7505)", "null.test", "failure", { "null.test": { mx: [[0, "."]] } }],
  [
    "points at us",
    "us.test",
    "failure",
    { "us.test": { mx: [[10, "us-mx.test"]] }, "us-mx.test": { a: ["127.0.0.1"] } },
  ],
  [
    "lists 300 exchangers that do not exist",
    "many.test",
    "failure",
    { "many.test": { mx: Array.from({ length: 300 }, (_, n) => [n, `gone${n}.test`] as const) } },
  ],
];

test("a DNS that lies, fails, loops or says nothing defers or bounces that mail, with a status; other mail flows", async () => {
  await using dns = await startTestDns(Object.assign({}, ...zones.map(([, , , zone]) => zone)) as TestZone);
  await using house = await House.open({
    control: {
      rcpthosts: `localhost\n${zones.map(([, name]) => `${name}\n`).join("")}`,
      dnsservers: `${dns.server}\n`,
      concurrencyremote: "50\n",
    },
  });
  for (const [, name] of zones)
    assert.equal((await sendOne(house.ports.smtp, inbox, [`a@${name}`], "Subject: x\n\n")).code, 250);
  await sendOne(house.ports.smtp, "a@b.test", [inbox], "Subject: beside\n\n");
  await until(
    "mail here",
    () => [...readNew(house.maildir).values()].some((bytes) => bytes.includes("Subject: beside")),
    10_000,
  );
  const wrong: string[] = [];
  for (const [what, name, expected] of zones) {
    const [, number] = await house.logged(new RegExp(`^starting delivery ([0-9]+): msg [0-9]+ to remote a@${name}$`));
    const [, fate = "", report = ""] = await house.logged(new RegExp(`^delivery ${number}: ([a-z]+): (.*)$`), 60_000);
    if (fate !== expected || !/\(#[45]\.[0-9]\.[0-9]+\)/.test(report))
      wrong.push(`a DNS that ${what}: ${fate} ${report}`);
  }
  assert.deepEqual(wrong, []);
});
