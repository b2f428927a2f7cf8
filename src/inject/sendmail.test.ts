import assert from "node:assert/strict";
import { test } from "node:test";
import { planSendmail, type SendmailPlan, sendmail } from "./sendmail.ts";
import { callFor } from "./testing.ts";

const plan = (args: string[], env: NodeJS.ProcessEnv = {}, name = "sendmail"): SendmailPlan =>
  planSendmail(name, args, env);
const wordsOf = (args: string[]): string | null => {
  const made = plan(args);
  return made.kind === "exec" ? made.words.join(" ") : null;
};
const envOf = (args: string[], env: NodeJS.ProcessEnv): NodeJS.ProcessEnv | null => {
  const made = plan(args, env);
  return made.kind === "exec" ? made.env : null;
};

test("-t asks for header and arguments, without it arguments alone count [Q-224]", () => {
  assert.equal(wordsOf(["joe", "fred"]), "qmail-inject -a -- joe fred");
  assert.equal(wordsOf(["-t"]), "qmail-inject -H --");
  assert.equal(wordsOf(["-t", "joe"]), "qmail-inject -H -- joe");
  assert.equal(wordsOf(["--", "-joe"]), "qmail-inject -a -- -joe");
});

test("every flag that means nothing here is accepted, with its value where it has one [Q-224]", () => {
  const ignored = [
    ["-B8BITMIME"], ["-B", "7BIT"], ["-pSMTP:host"], ["-p", "SMTP"], ["-v"], ["-i"], ["-x"], ["-m"], ["-em"], ["-e", "q"],
    ["-oi"], ["-oem"], ["-odb"], ["-om"], ["-o", "i"], ["-Ephrase"], ["-E"], ["-J"], ["-Jx"], ["-bm"],
    ["-N", "failure,delay"], ["-R", "hdrs"], ["-V", "id"], ["-Am"], ["-Ac"], ["-L", "tag"], ["-h", "5"], ["-O", "DeliveryMode=b"],
    ["-n"], ["-U"], ["-G"], ["-X", "/log"], ["-imv"],
  ]; // biome-ignore format: a table
  for (const args of ignored) assert.equal(wordsOf([...args, "joe"]), "qmail-inject -a -- joe", args.join(" "));
});

test("what real callers give is understood [Q-224]", () => {
  const rows: [string, string[], string][] = [
    ["mutt", ["-oem", "-oi", "-f", "me@h.h", "-N", "failure", "-R", "hdrs", "--", "joe"], "-a -f me@h.h -- joe"],
    ["s-nail", ["-i", "-m", "-v", "-r", "me@h.h", "--", "joe", "fred"], "-a -f me@h.h -- joe fred"],
    ["cron", ["-i", "-FCronDaemon", "-B8BITMIME", "-oem", "root"], "-a -- root"],
    ["PHP", ["-t", "-i", "-fwww@h.h"], "-H -f www@h.h --"],
    ["git send-email", ["-i", "joe@h.h"], "-a -- joe@h.h"],
  ];
  for (const [who, args, expected] of rows) assert.equal(wordsOf(args), `qmail-inject ${expected}`, who);
});

test("-f makes its address the author too, -F his name [Q-224]", () => {
  const env = { QMAILNAME: "a", MAILNAME: "b", NAME: "c", QMAILHOST: "d", MAILHOST: "e", QMAILUSER: "f", HOME: "/" };
  assert.deepEqual(envOf(["-fjoe@h.h"], env), { HOME: "/", QMAILUSER: "joe", QMAILHOST: "h.h" });
  assert.deepEqual(envOf(["-f", "joe"], env), { HOME: "/", QMAILUSER: "joe" });
  assert.deepEqual(envOf(["-FJoe Q"], { HOME: "/" }), { HOME: "/", MAILNAME: "Joe Q" });
});

test("-bp and the name mailq list the queue [Q-226]", () => {
  assert.deepEqual(plan(["-bp"]), { kind: "exec", words: ["qmail-qread"], env: {} });
  assert.deepEqual(plan([], {}, "mailq"), { kind: "exec", words: ["qmail-qread"], env: {} });
});

test("newaliases says where to go instead, exit 100 [Q-226]", async () => {
  const { call, stderr } = callFor({ name: "newaliases" });
  assert.equal(await sendmail(call), 100);
  assert.equal(stderr(), "sendmail: fatal: please use fastforward/newaliases instead\n");
});

test("-bs is an SMTP session of a local user who may relay, unless a server set it up already [Q-225]", () => {
  assert.deepEqual(plan(["-bs"], { HOME: "/" }), {
    kind: "exec",
    words: ["qmail-smtpd"],
    env: {
      HOME: "/",
      RELAYCLIENT: "",
      DATABYTES: "0",
      PROTO: "TCP",
      TCPLOCALIP: "127.0.0.1",
      TCPLOCALHOST: "localhost",
      TCPREMOTEIP: "127.0.0.1",
      TCPREMOTEHOST: "localhost",
      TCPREMOTEINFO: "sendmail-bs",
    },
  });
  assert.deepEqual(plan(["-bs"], { PROTO: "TCP", TCPREMOTEIP: "192.0.2.1" }), {
    kind: "exec",
    words: ["qmail-smtpd"],
    env: { PROTO: "TCP", TCPREMOTEIP: "192.0.2.1" },
  });
});

test("other modes and unknown flags are answered with the usage, exit 100", async () => {
  for (const args of [["-bd"], ["-bt"], ["-bz"], ["-Z"], ["-f"]]) {
    const { call, stderr } = callFor({ name: "sendmail", args });
    assert.equal(await sendmail(call), 100);
    const usage = "sendmail: usage: sendmail [ -t ] [ -fsender ] [ -Fname ] [ -bp ] [ -bs ] [ arg ... ]\n";
    assert.ok(stderr().endsWith(usage), stderr());
  }
});

test("without a home there is nothing to hand the message to, exit 111", async () => {
  for (const [name, args] of [
    ["sendmail", ["joe@example.org"]],
    ["mailq", []],
  ] as const) {
    const { call, stderr } = callFor({ name, args, env: { QUAIL_HOME: "/no-such-home" } });
    assert.equal(await sendmail(call), 111);
    assert.equal(stderr(), "sendmail: fatal: unable to switch to qmail home directory\n");
  }
});
