/** Programs on this host that send mail by running `sendmail`, `qmail-inject` or `qmail-queue`. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { House, needs, quailCommand, readNew, until } from "./house.ts";

let house: House;
let env: NodeJS.ProcessEnv;
/** A link to the multi-call executable, named as the mail programs expect it. */
let sendmail: string;

before(async () => {
  house = await House.open();
  mkdirSync(house.path("..", "bin"));
  sendmail = house.path("..", "bin", "sendmail");
  symlinkSync(quailCommand, sendmail);
  const mutt = house.path("..", "muttrc");
  writeFileSync(mutt, `set sendmail="${sendmail}"\nset record=""\nset copy=no\nset use_domain=no\n`);
  env = {
    ...process.env,
    QUAIL_HOME: house.home,
    HOME: house.path(".."),
    USER: "tester",
    LOGNAME: "tester",
    LC_ALL: "C",
  };
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

function arrived(subject: string): Promise<string> {
  return until(`a message with the subject ${subject}`, () => {
    const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
    return texts.find((text) => text.includes(`\nSubject: ${subject}\n`)) ?? null;
  });
}

test("s-nail sends through sendmail", { skip: needs("s-nail") }, async () => {
  const args = ["-:/", "-S", `mta=${sendmail}`, "-S", "v15-compat", "-s", "by s-nail", "you@localhost"];
  execFileSync("s-nail", args, { input: "hello from s-nail\n", env });
  const text = await arrived("by s-nail");
  assert.match(text, /\nhello from s-nail\n/);
  assert.match(text, /^From: .+@localhost$/m);
});

test("mutt sends through sendmail", { skip: needs("mutt") }, async () => {
  execFileSync("mutt", ["-n", "-F", house.path("..", "muttrc"), "-s", "by mutt", "you@localhost"], {
    input: "hello from mutt\n",
    env,
  });
  assert.match(await arrived("by mutt"), /\nhello from mutt\n/);
});

test("sendmail -t -i takes the recipients from the header and keeps lone dots, as PHP and cron use it", async () => {
  const input = "To: you@localhost\nBcc: you@localhost\nSubject: by sendmail -t\n\nabove\n.\nbelow\n";
  execFileSync(sendmail, ["-t", "-i", "-fsomebody@client.test"], { input, env });
  const text = await arrived("by sendmail -t");
  assert.ok(text.startsWith("Return-Path: <somebody@client.test>\n"));
  assert.match(text, /\nabove\n\.\nbelow\n$/);
  assert.doesNotMatch(text, /^Bcc:/m);
});

test("qmail-inject completes a header; the queue says who called it [Q-047]", async () => {
  execFileSync(quailCommand, ["qmail-inject"], { input: "to: you@localhost\nsubject: injected\n\nbody\n", env });
  const text = await until("the injected message", () => {
    return (
      [...readNew(house.maildir).values()].map(String).find((found) => found.includes("subject: injected")) ?? null
    );
  });
  assert.match(
    text,
    /^Received: \(qmail [0-9]+ invoked by uid [0-9]+\); [0-9]+ [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} -0000$/m,
  );
  assert.match(text, /^Date: .*\nMessage-ID: <.*>\nFrom: /im);
});

test("qmail-queue takes message and envelope on descriptors 0 and 1, says nothing, and queues any bytes [Q-047]", async () => {
  const message = Buffer.from("Subject: raw\n\n\0\xff\r.\nno end", "latin1");
  const envelope = "Fraw@client.test\0Tyou@localhost\0\0";
  const script = 'exec "$0" qmail-queue 0<"$1" 1<"$2"';
  writeFileSync(house.path("..", "message"), message);
  writeFileSync(house.path("..", "envelope"), envelope);
  const ran = spawnSync("sh", ["-c", script, quailCommand, house.path("..", "message"), house.path("..", "envelope")], {
    env,
  });
  assert.deepEqual([ran.status, String(ran.stderr)], [0, ""]);
  const text = await arrived("raw");
  assert.ok(text.startsWith("Return-Path: <raw@client.test>\nDelivered-To: you@localhost\n"));
  assert.ok(text.endsWith(message.toString("latin1")));
});

test("mail injected while the queue service is down is kept and delivered after the start", async () => {
  await house.stop();
  execFileSync(sendmail, ["you@localhost"], { input: "Subject: dropped\n\nwritten while nobody was at home\n", env });
  await house.start();
  assert.match(await arrived("dropped"), /\nwritten while nobody was at home\n/);
});
