import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Origin } from "#mail";
import type { DoorAnswer } from "#qmtp";
import { inject } from "./inject.ts";
import { brokenStream, type CallFacts, callFor, memoryPoster } from "./testing.ts";
import { uniqueNumber } from "./unique-number.ts";

/** The home of spec 7.5: defaulthost=mail.example.com, defaultdomain=plusdomain=example.com. */
const home = mkdtempSync(join(tmpdir(), "inject-"));
mkdirSync(join(home, "control"));
for (const [file, value] of [
  ["me", "mail.example.com"],
  ["defaultdomain", "example.com"],
  ["plusdomain", "example.com"],
  ["idhost", "id.example.com"],
]) {
  writeFileSync(join(home, "control", `${file}`), `${value}\n`);
}
after(() => rmSync(home, { recursive: true }));

const origin: Origin = { invoker: "user", uid: 1000 };
const clock = { now: new Date(Date.UTC(1995, 8, 26, 4, 46, 53)), unique: 12345 };
const user = { USER: "joe" };

/** Runs qmail-inject on a message; `posted` is the one message that got queued, if any. */
async function run(stdin: CallFacts["stdin"], facts: CallFacts = {}, answer?: DoorAnswer, at: string = home) {
  const queue = memoryPoster(answer);
  const { call, stdout, stderr } = callFor({ name: "qmail-inject", env: user, ...facts, ...(stdin && { stdin }) });
  const code = await inject(call, { home: at, openPoster: async () => queue.poster, origin, ...clock });
  const [posted] = queue.posted;
  return {
    code,
    stdout: stdout(),
    stderr: stderr(),
    posted,
    state: queue.state,
    message: posted?.message ?? "",
    sender: posted?.envelope.sender,
    recipients: posted?.envelope.recipients,
  };
}

const generated = `Date: 26 Sep 1995 04:46:53 -0000
Message-ID: <19950926044653.12345.qmail@id.example.com>
From: joe@mail.example.com
`;

test("Date, Message-ID, From and Cc are added in front of the user's fields when they are missing [Q-201]", async () => {
  const { message, posted, code } = await run("Subject: hello\n\nbody\n");
  assert.equal(message, `${generated}Cc: recipient list not shown: ;\nSubject: hello\n\nbody\n`);
  assert.equal(code, 0);
  assert.deepEqual(posted?.envelope, { sender: "joe@mail.example.com", recipients: [] });
  assert.deepEqual(posted?.origin, origin);
});

test("nothing is added that is there already", async () => {
  const whole = "Date: now\nMessage-ID: <x@y>\nFrom: a@b.c\nTo: d@e.f\n\nbody\n";
  assert.equal((await run(whole)).message, whole);
});

test("no Cc line is added when there is a To or a Cc [Q-202]", async () => {
  assert.equal((await run("To: a@b.c\n\n")).message, `${generated}To: a@b.c\n\n`);
  assert.equal((await run("Cc: a@b.c\n\n")).message, `${generated}Cc: a@b.c\n\n`);
});

test("Bcc is delivered and never seen [Q-203]", async () => {
  const { message, recipients } = await run("Bcc: secret@b.c\nTo: a@b.c\nbcc: (unclosed\n\n");
  assert.equal(message, `${generated}To: a@b.c\n\n`);
  assert.deepEqual(recipients, ["secret@b.c", "a@b.c"]);
});

test("Apparently-To is delivered and kept [Q-204]", async () => {
  const { message, recipients } = await run("Apparently-To: joe@sun\n\n");
  assert.match(message, /^Cc: recipient list not shown: ;\nApparently-To: joe@sun\.example\.com\n/m);
  assert.deepEqual(recipients, ["joe@sun.example.com"]);
});

test("Return-Path becomes the sender and disappears [Q-205]", async () => {
  const { message, sender } = await run("Return-Path: <list@sun>\nTo: a@b.c\n\n");
  assert.equal(message, `${generated}To: a@b.c\n\n`);
  assert.equal(sender, "list@sun.example.com");
  assert.equal((await run("Return-Path: <>\n\n")).sender, "");
  assert.equal((await run("Return-Path:\n\n")).sender, "joe@mail.example.com", "an empty field names nobody");
});

test("Content-Length is removed [Q-206]", async () => {
  assert.equal((await run("CONTENT-LENGTH: 17\nTo: a@b.c\n\n")).message, `${generated}To: a@b.c\n\n`);
});

test("addresses in every address field are completed, other fields are untouched [Q-207]", async () => {
  const { message } = await run(
    "To: fred\nReply-To: joe@sun\nErrors-To: e@m.cs+\nReturn-Receipt-To: r\nSender: s\n" +
      "Delivered-To: fred\nMail-Followup-To: fred\nNotice-Requested-Upon-Delivery-To: fred\nX: fred  fred\n\n",
  );
  assert.equal(
    message,
    `${generated}To: fred@mail.example.com
Reply-To: joe@sun.example.com
Errors-To: e@m.cs.example.com
Return-Receipt-To: r@mail.example.com
Sender: s@mail.example.com
Delivered-To: fred
Mail-Followup-To: fred
Notice-Requested-Upon-Delivery-To: fred
X: fred  fred

`,
  );
});

test("old-style lists and groups keep their shape and reach their members [Q-208]", async () => {
  const { message, recipients } = await run("To: djb fred (Fred F.)\nCc: friends: a@b.c, Jo <c@d.e>;\n\n");
  assert.equal(
    message,
    `${generated}To: djb@mail.example.com, fred@mail.example.com (Fred F.)\nCc: friends: a@b.c, Jo <c@d.e>;\n\n`,
  );
  assert.deepEqual(recipients, ["djb@mail.example.com", "fred@mail.example.com", "a@b.c", "c@d.e"]);
});

test("a resent message gets Resent fields only, and goes to the Resent recipients only [Q-210]", async () => {
  const { message, recipients } = await run("Resent-Bcc: b@b.b\nTo: a@a.a\n\n");
  assert.equal(
    message,
    `Resent-Date: 26 Sep 1995 04:46:53 -0000
Resent-Message-ID: <19950926044653.12345.qmail@id.example.com>
Resent-From: joe@mail.example.com
Resent-Cc: recipient list not shown: ;
To: a@a.a

`,
  );
  assert.deepEqual(recipients, ["b@b.b"]);
  const whole = "Resent-Date: now\nResent-Message-ID: <x@y>\nResent-From: a@b.c\nResent-To: r@r.r\nCc: c@c.c\n\n";
  const again = await run(whole);
  assert.equal(again.message, whole);
  assert.deepEqual(again.recipients, ["r@r.r"]);
});

test("-a, -h, -A and -H choose where recipients come from [Q-211]", async () => {
  const rows: [string[], string[]][] = [
    [[], ["head@h.h"]],
    [["arg@a.a"], ["arg@a.a"]],
    [["-a"], []],
    [["-a", "arg@a.a"], ["arg@a.a"]],
    [["-h", "arg@a.a"], ["head@h.h"]],
    [
      ["-H", "arg@a.a"],
      ["arg@a.a", "head@h.h"],
    ],
    [["-H"], ["head@h.h"]],
    [["-h", "-A", "arg@a.a"], ["arg@a.a"]],
    [["-A"], ["head@h.h"]],
    [["--", "-a"], ["-a@mail.example.com"]],
    [
      ["me+", "x y@sun"],
      ["me+@mail.example.com", "x y@sun.example.com"],
    ],
  ];
  for (const [args, expected] of rows) {
    assert.deepEqual((await run("To: head@h.h\n\n", { args })).recipients, expected, args.join(" "));
  }
});

test("-n shows the message under its Return-Path and queues nothing; -N takes that back [Q-212]", async () => {
  const shown = await run("To: a@b.c\n\nbody", { args: ["-n", '-fa"b c@sun'] });
  assert.equal(shown.stdout, `Return-Path: <"a\\"b c"@sun.example.com>\n${generated}To: a@b.c\n\nbody\n`);
  assert.equal(shown.posted, undefined);
  assert.equal(shown.code, 0);
  assert.equal((await run("To: a@b.c\n\n", { args: ["-n", "-N"] })).posted?.envelope.recipients.length, 1);
});

test("-f beats Return-Path and environment; -f '' is the null sender [Q-213]", async () => {
  const message = "Return-Path: <r@r.r>\n\n";
  const env = { ...user, QMAILSUSER: "s", QMAILSHOST: "s.s", QMAILINJECT: "rm" };
  assert.equal((await run(message, { args: ["-ff@sun"], env })).sender, "f@sun.example.com");
  assert.equal((await run(message, { args: ["-f", ""], env })).sender, "");
  assert.equal((await run("\n", { args: ["-f", "#@[]"] })).sender, "#@[]");
});

test("the letters of QMAILINJECT do what they say [Q-214]", async () => {
  const named = { ...user, QMAILNAME: "Joe Q. (Public)" };
  const from = async (letters: string, header = "") =>
    /^From: .*$/m.exec((await run(`${header}\n`, { env: { ...named, QMAILINJECT: letters } })).message)?.[0];
  assert.equal(await from(""), 'From: "Joe Q. \\(Public\\)" <joe@mail.example.com>');
  assert.equal(await from("c"), "From: joe@mail.example.com (Joe Q. \\(Public\\))");
  assert.equal(await from("", "From: other@o.o\n"), "From: other@o.o");
  assert.equal(await from("f", "From: other@o.o\n"), 'From: "Joe Q. \\(Public\\)" <joe@mail.example.com>');

  const run1 = (letters: string, header: string) => run(`${header}\n`, { env: { ...user, QMAILINJECT: letters } });
  assert.equal((await run1("i", "Message-ID: <a@b>\n")).message, `${generated}Cc: recipient list not shown: ;\n\n`);
  assert.equal((await run1("s", "Return-Path: <r@r.r>\n")).sender, "joe@mail.example.com");
  assert.equal((await run1("r", "")).sender, "joe-@mail.example.com-@[]");
  assert.equal((await run1("m", "")).sender, "joe-812090813.12345@mail.example.com");
  assert.equal((await run1("rm", "")).sender, "joe-812090813.12345-@mail.example.com-@[]");
  assert.equal((await run1("r", "Return-Path: <r-@r.r>\n")).sender, "r-@r.r-@[]");
  assert.equal((await run1("r", "Return-Path: <>\n")).sender, "", "a bounce stays a bounce");
});

test("user, host, name and sender come from the first variable that is set [Q-215]", async () => {
  const all: Record<string, string> = {
    QMAILUSER: "qu",
    MAILUSER: "mu",
    USER: "u",
    LOGNAME: "ln",
    QMAILHOST: "qh.h",
    MAILHOST: "mh.h",
    QMAILNAME: "QN",
    MAILNAME: "MN",
    NAME: "N",
  };
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
  const rows: [NodeJS.ProcessEnv, string, string][] = [
    [all, '"QN" <qu@qh.h>', "qu@qh.h"],
    [without("QMAILUSER", "QMAILHOST", "QMAILNAME"), '"MN" <mu@mh.h>', "mu@mh.h"],
    [without("QMAILUSER", "MAILUSER", "QMAILNAME", "MAILNAME"), '"N" <u@qh.h>', "u@qh.h"],
    [
      without("QMAILUSER", "MAILUSER", "USER", "QMAILHOST", "MAILHOST", "QMAILNAME", "MAILNAME", "NAME"),
      "ln@mail.example.com",
      "ln@mail.example.com",
    ],
    [{ ...all, QMAILSUSER: "qs" }, '"QN" <qu@qh.h>', "qs@qh.h"],
    [{ ...all, QMAILSHOST: "sun" }, '"QN" <qu@qh.h>', "qu@sun.example.com"],
    [{ USER: "a b", QMAILHOST: "sun" }, '"a b"@sun.example.com', "a b@sun.example.com"],
    [{ USER: "a.b" }, "a.b@mail.example.com", "a.b@mail.example.com"],
    [{ USER: "x", NAME: "A\nBcc: b@c.d" }, '"A Bcc: b@c.d" <x@mail.example.com>', "x@mail.example.com"],
  ];
  for (const [env, from, sender] of rows) {
    const result = await run("\n", { env });
    assert.ok(result.message.includes(`\nFrom: ${from}\n`), `${from} in ${result.message}`);
    assert.equal(result.sender, sender);
  }
});

test("without any name the author is anonymous [Q-216]", async () => {
  const { message, sender } = await run("\n", { env: {} });
  assert.match(message, /^From: anonymous@mail\.example\.com$/m);
  assert.equal(sender, "anonymous@mail.example.com");
});

test("QMAILMFTFILE adds Mail-Followup-To for the lists it names, once [Q-217]", async () => {
  writeFileSync(join(home, "lists"), "# my lists\nLIST@example.com \n");
  const env = { ...user, QMAILMFTFILE: "lists" };
  const followUp = async (header: string, more: CallFacts = {}) =>
    /^Mail-Followup-To: (?:.|\n )*$/m.exec((await run(`${header}\n`, { env, cwd: home, ...more })).message)?.[0];
  assert.equal(
    await followUp("To: list@Example.com, a@a.a\nCc: b@b.b, c c@c\n"),
    "Mail-Followup-To: b@b.b,\n  c@mail.example.com,\n  c@c.example.com,\n  list@Example.com,\n  a@a.a",
  );
  assert.equal(await followUp("To: a@a.a\n"), undefined);
  assert.equal(await followUp("Bcc: list@example.com\nTo: a@a.a\n"), undefined);
  assert.equal(await followUp("To: list@example.com\nResent-To: x@y.z\n"), undefined);
  assert.equal(await followUp("To: list@example.com\nMail-followup-to: x\n"), undefined);
  assert.equal(await followUp("To: list@example.com\n", { cwd: "/" }), undefined, "the file is looked for in the cwd");
});

test("QMAILDEFAULTDOMAIN, -HOST, QMAILPLUSDOMAIN and QMAILIDHOST beat the control files [Q-218]", async () => {
  const env = {
    ...user,
    QMAILDEFAULTHOST: "h",
    QMAILDEFAULTDOMAIN: "d.d",
    QMAILPLUSDOMAIN: "p.p",
    QMAILIDHOST: "i.i",
  };
  const { message } = await run("To: a, b@c, d@e+\n\n", { env });
  assert.match(message, /^To: a@h\.d\.d, b@c\.d\.d, d@e\.p\.p$/m);
  assert.match(message, /^Message-ID: <19950926044653\.12345\.qmail@i\.i>$/m);
});

test("two messages of one process and second have different Message-IDs of the same form [Q-219]", async () => {
  const numbers = Array.from({ length: 1000 }, () => uniqueNumber());
  assert.equal(new Set(numbers).size, 1000);
  assert.ok(numbers.every((number) => Number.isSafeInteger(number) && number % 10_000_000 === process.pid));
  const { message } = await run("\n");
  assert.match(message, /^Message-ID: <[0-9]{14}\.[0-9]+\.qmail@[^>]+>$/m);
});

test("a From line becomes MBOX-Line; a line that is no field begins the body [Q-220] [Q-221]", async () => {
  const { message } = await run("From joe Mon\nTo: a@b.c\nhello there\nmore");
  assert.equal(message, `${generated}MBOX-Line: From joe Mon\nTo: a@b.c\n\nhello there\nmore\n`);
});

test("an unparsable sender field stops the message, a recipient field stays as it is [Q-222]", async () => {
  const stopped = await run("From: joe (the\n unclosed\nTo: a@b.c\n\n");
  assert.equal(stopped.code, 100);
  assert.equal(
    stopped.stderr,
    "qmail-inject: fatal: unable to parse this line:\nFrom: joe (the\n unclosed\n",
    "the line is printed",
  );
  assert.equal(stopped.posted, undefined);

  const passed = await run("To: a@b.c, (broken\nCc: good@g.g\n\n");
  assert.equal(passed.code, 0);
  assert.equal(passed.message, `${generated}To: a@b.c, (broken\nCc: good@g.g\n\n`);
  assert.deepEqual(passed.recipients, ["good@g.g"]);
});

test("bad arguments and addresses are told apart on stderr, exit 100", async () => {
  const rows: [string[], string][] = [
    [["-z"], "qmail-inject: illegal option -- z\n"],
    [["-f"], "qmail-inject: option requires an argument -- f\n"],
    [["a@b)"], ""],
    [["a@[b"], "qmail-inject: fatal: unable to parse address: a@[b\n"],
    [["x".repeat(1003)], "qmail-inject: fatal: envelope address too long for qq (#5.1.3)\n"],
  ];
  for (const [args, expected] of rows) {
    const { code, stderr, posted } = await run("\n", { args });
    assert.equal(stderr, expected);
    assert.equal(code, expected === "" ? 0 : 100);
    assert.equal(posted === undefined, expected !== "");
  }
});

test("what the queue says decides the exit code and is shown [Q-223]", async () => {
  const temporary = await run("\n", {}, { fate: "temporary", text: "qq timeout (#4.3.0)", queueId: null });
  assert.equal(temporary.code, 111);
  assert.equal(temporary.stderr, "qmail-inject: fatal: qq timeout (#4.3.0)\n");
  const permanent = await run("\n", {}, { fate: "permanent", text: "qq permanent problem (#5.3.0)", queueId: null });
  assert.equal(permanent.code, 100);
  assert.equal(permanent.stderr, "qmail-inject: fatal: qq permanent problem (#5.3.0)\n");
});

test("a message that cannot be read to its end is not queued", async () => {
  const inHeader = await run(brokenStream("To: a@b"));
  assert.deepEqual([inHeader.code, inHeader.stderr], [111, "qmail-inject: fatal: read error\n"]);
  const inBody = await run(brokenStream("To: a@b.c\n\nhalf a bo"));
  assert.deepEqual([inBody.code, inBody.stderr], [111, "qmail-inject: fatal: read error\n"]);
  assert.equal(inBody.posted, undefined);
  assert.deepEqual(inBody.state, { aborted: 1, closed: 1 });
});

test("a home that is not there is said to be qmail's bug, as ever", async () => {
  const { code, stderr } = await run("\n", {}, undefined, join(home, "nowhere"));
  assert.deepEqual([code, stderr], [111, "qmail-inject: fatal: internal bug\n"]);
});

test("a body goes through byte for byte, a lone dot and 8-bit octets included", async () => {
  const octets = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString("latin1");
  const body = `\n.\n\r\n${octets}\n`;
  assert.ok((await run(`To: a@b.c\n${body}`)).message.endsWith(`To: a@b.c\n${body}`));
});
