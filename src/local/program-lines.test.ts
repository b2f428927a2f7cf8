import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { permanent, temporary } from "#mail";
import { programsNamed, testHome } from "./testing.ts";

test("a program runs under /bin/sh in the home with the message as it came on stdin [Q-147]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", `|pwd > where; cat > message; echo $0 > shell\n`);
  assert.equal((await joe.deliver({ text: "Subject: x\n\nbody\n" })).text, "did 0+0+1\n");
  assert.equal(fs.realpathSync(joe.read("where").trim()), fs.realpathSync(joe.home));
  assert.equal(joe.read("message"), "Subject: x\n\nbody\n");
  assert.match(joe.read("shell"), /sh\n$/);
});

test("every program gets the message from its beginning, and may rewind it", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "|head -c 3\n|cat > message\n|(cat; echo; cat) > twice < /dev/stdin\n");
  assert.equal((await joe.deliver({ text: "abc\n\nbody\n" })).text, "abcdid 0+0+3\n");
  assert.equal(joe.read("message"), "abc\n\nbody\n");
});

test("a program need not read a large message", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "|exit 0\n|head -c 1 > /dev/null\n");
  assert.equal((await joe.deliver({ text: `a: b\n\n${"x".repeat(3_000_000)}` })).text, "did 0+0+2\n");
});

test("exit codes: 0 and 99 are fine, a few are for good, every other waits [Q-148]", async (t) => {
  const joe = testHome(t);
  const hard = [100, 64, 65, 70, 76, 77, 78, 112];
  for (const code of [1, 2, 63, 66, 71, 75, 98, 101, 111, 113, 126, 127, 128, 255, ...hard]) {
    joe.write(".qmail", `|exit ${code}\n`);
    const outcome = await joe.deliver();
    assert.deepEqual(outcome, hard.includes(code) ? permanent("") : temporary(""), `exit ${code}`);
  }
  for (const code of [0, 99]) {
    joe.write(".qmail", `|exit ${code}\n`);
    assert.equal((await joe.deliver()).text, "did 0+0+1\n");
  }
});

test("exit 99 skips the lines below; forwards above are still sent [Q-149]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "a@x.test\n|exit 99\n./Maildir/\nb@x.test\n");
  assert.equal((await joe.deliver()).text, "did 0+1+1\nqp 1\n");
  assert.deepEqual(joe.door.posted[0]!.envelope.recipients, ["a@x.test"]);
  assert.deepEqual(joe.mails(), []);
});

test("a program that fails prevents all forwarding [Q-150]", async (t) => {
  const joe = testHome(t);
  for (const code of [1, 100]) {
    joe.write(".qmail", `a@x.test\n|exit ${code}\nb@x.test\n`);
    assert.notEqual((await joe.deliver()).fate, "done");
  }
  assert.deepEqual(joe.door.posted, []);
});

test("what programs print is the report, both streams in their order", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "|echo one; echo two >&2; echo three; echo four >&2; exit 100\n");
  assert.deepEqual(await joe.deliver(), permanent("one\ntwo\nthree\nfour\n"));
  joe.write(".qmail", "|(\n");
  const outcome = await joe.deliver();
  assert.equal(outcome.fate, "temporary");
  assert.match(outcome.text, /[Ss]yntax error/);
});

test("a program that is killed defers [Q-155]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "|echo before; kill -9 $$\n");
  assert.deepEqual(await joe.deliver(), temporary("before\nAack, child crashed. (#4.3.0)\n"));
});

test("a long report is cut, and whoever writes it is read to the end [Q-163]", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "|yes | head -c 2000000; echo done > finished; exit 100\n");
  const outcome = await joe.deliver();
  assert.equal(outcome.fate, "permanent");
  assert.ok(outcome.text.length <= 3000 && outcome.text.length > 2900, `${outcome.text.length}`);
  assert.match(outcome.text, /^(?:y\n)+y?\nError report too long, sorry\.\n$/);
  assert.equal(joe.read("finished"), "done\n");
  joe.write(".qmail", `|printf '%2990s'\n`);
  assert.equal((await joe.deliver()).text, `${" ".repeat(2990)}did 0+0+1\n`, "3000 octets are not too long");
});

test("a program that takes too long is stopped with all it started, and the delivery waits", async (t) => {
  const joe = testHome(t, { programLimitMs: () => 1000 });
  joe.write(".qmail", "|(sleep 2; touch late) & sleep 600\n");
  const outcome = await joe.deliver();
  assert.deepEqual(outcome, temporary("Program took longer than 1 seconds and was stopped. (#4.3.0)\n"));
  await sleep(1500);
  assert.equal(fs.existsSync(joe.path("late")), false);
});

test("a background program that keeps its output open holds nobody up", async (t) => {
  const joe = testHome(t);
  joe.write(".qmail", "|echo now; sleep 20 &\n./Maildir/\n");
  const begun = performance.now();
  assert.equal((await joe.deliver()).text, "now\ndid 1+0+1\n");
  assert.ok(performance.now() - begun < 15_000);
});

test("program lines wait where programs are switched off", async (t) => {
  const joe = testHome(t, { allowPrograms: false });
  joe.write(".qmail", "|touch here\n");
  assert.deepEqual(await joe.deliver(), temporary("Programs are switched off here. (#4.3.0)\n"));
  assert.equal(fs.existsSync(joe.path("here")), false);
});

const variables =
  "SENDER NEWSENDER RECIPIENT USER HOME LOCAL HOST HOST2 HOST3 HOST4 EXT EXT2 EXT3 EXT4 DTLINE RPLINE UFLINE";

test("programs see every variable of the delivery [Q-156]", async (t) => {
  const joe = testHome(t, { env: { PATH: process.env.PATH, KEPT: "yes", DEFAULT: "inherited" } });
  joe.write(".qmail-list-a:b-c-d-owner", "");
  const print = variables
    .split(" ")
    .map((name) => `${name}=<$${name}>`)
    .join("; echo ");
  joe.write(
    ".qmail-list-default",
    `|echo ${print.replaceAll("<", '"<').replaceAll(">", '>"')}; echo "[\${DEFAULT-unset}]" $KEPT\n`,
  );
  const outcome = await joe.deliver({
    ext: "List-a.b-C-d",
    recipient: "joe-List-a.b-C-d@mail.x.example.org",
    sender: "jim b@a.test",
  });
  assert.equal(
    outcome.text,
    [
      "SENDER=<jim b@a.test>",
      "NEWSENDER=<joe-List-a.b-C-d-owner@mail.x.example.org>",
      "RECIPIENT=<joe-List-a.b-C-d@mail.x.example.org>",
      "USER=<joe>",
      `HOME=<${joe.home}>`,
      "LOCAL=<joe-List-a.b-C-d>",
      "HOST=<mail.x.example.org>",
      "HOST2=<mail.x.example>",
      "HOST3=<mail.x>",
      "HOST4=<mail>",
      "EXT=<List-a.b-C-d>",
      "EXT2=<a.b-C-d>",
      "EXT3=<C-d>",
      "EXT4=<d>",
      "DTLINE=<Delivered-To: joe-List-a.b-C-d@mail.x.example.org\n>",
      'RPLINE=<Return-Path: <"jim b"@a.test>\n>',
      "UFLINE=<From jim-b@a.test Thu Jan 01 00:00:00 1970\n>",
      "[a.b-C-d] yes",
      "did 0+0+1\n",
    ].join("\n"),
  );
});

test("what has no hyphen or dot leaves its variables empty or alone; DEFAULT is not inherited [Q-141] [Q-156]", async (t) => {
  const joe = testHome(t, { env: { PATH: process.env.PATH, DEFAULT: "inherited" } });
  const print = `|echo "$EXT,$EXT2,$EXT3,$EXT4 $HOST,$HOST2,$HOST3,$HOST4 [\${DEFAULT-unset}]"\n`;
  joe.write(".qmail", print);
  joe.write(".qmail-x", print);
  joe.write(".qmail-default", print);
  const says = async (ext: string | undefined, recipient: string) =>
    (await joe.deliver({ ...(ext === undefined ? {} : { ext }), recipient })).text.split("\n")[0];
  assert.equal(await says(undefined, "joe@localhost"), ",,, localhost,localhost,localhost,localhost [unset]");
  assert.equal(await says("x", "joe-x@a.b"), "x,,, a.b,a,a,a [unset]");
  assert.equal(await says("Other-One", "joe-Other-One@a.b"), "Other-One,One,, a.b,a,a,a [Other-One]");
  assert.equal(await says("Default", "joe-Default@a.b"), "Default,,, a.b,a,a,a [Default]");
});

test("a message's words reach the environment as UTF-8, a Latin-1 command reaches the shell octet by octet", async (t) => {
  const joe = testHome(t);
  const utf8 = Buffer.from("jörg@a.test").toString("latin1");
  joe.write(".qmail", `|printf %s "$SENDER" > sender; printf %s 'caf\xe9' > latin\n`);
  await joe.deliver({ sender: utf8 });
  assert.equal(joe.read("sender"), utf8);
  assert.equal(joe.read("latin"), "caf\xe9");
});

test("a plain command line of ours runs in this process, any other in a shell", async (t) => {
  const calls: string[] = [];
  const programs = programsNamed({
    echo: async ({ args, env, cwd, stdin, stdout, stderr }) => {
      let text = "";
      for await (const chunk of stdin) text += chunk;
      calls.push(`${args.join("|")} ${env.SENDER} ${cwd === joe.home} ${text}`);
      stdout.write("out\n");
      stderr.write("err\n");
      return args[0] === "fail" ? 100 : 0;
    },
  });
  const joe = testHome(t, { programs });
  joe.write(".qmail", `|echo "$EXT2" 'a b'\n|echo shell; true\n|exec echo fail\n`);
  assert.deepEqual(await joe.deliver({ text: "m" }), permanent("out\nerr\nshell\nout\nerr\n"));
  assert.deepEqual(calls, ["|a b jim@a.test true m", "fail jim@a.test true m"]);
});

test("a program of ours that hangs is given up in time", async (t) => {
  let aborted = false;
  const programs = programsNamed({
    hang: ({ signal }) =>
      new Promise(() => {
        signal.addEventListener("abort", () => {
          aborted = true;
        });
      }),
  });
  const joe = testHome(t, { programs, programLimitMs: () => 50 });
  joe.write(".qmail", "|hang\n");
  assert.equal((await joe.deliver()).fate, "temporary");
  assert.ok(aborted);
});
