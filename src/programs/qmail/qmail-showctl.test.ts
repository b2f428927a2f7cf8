import assert from "node:assert/strict";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { programHouse } from "../testing/program-house.ts";
import { main as showctl } from "./qmail-showctl.ts";

const house = (t: TestContext, files: Readonly<Record<string, string>>) => programHouse(t, { showctl }, files);

const section = (said: string, name: string): string => {
  const start = said.indexOf(`\n${name}: `) + 1;
  return start === 0 ? "" : said.slice(start, `${said}\n\n`.indexOf("\n\n", start) + 1);
};

/** Control files, the program's sentence when they are there, and its sentence when they are not (spec 3.6). */
const sentences: readonly (readonly [name: string, content: string, set: string, unset: string])[] = [
  [
    "badmailfrom",
    "a@b\n@c\n",
    "\na@b not accepted in MAIL FROM.\n@c not accepted in MAIL FROM.",
    "(Default.) Any MAIL FROM is allowed.",
  ],
  ["bouncefrom", "x\n", "Bounce user name is x.", "(Default.) Bounce user name is MAILER-DAEMON."],
  ["bouncehost", "x\n", "Bounce host name is x.", "(Default.) Bounce host name is mx.test."],
  ["concurrencylocal", "3\n", "Local concurrency is 3.", "(Default.) Local concurrency is 10."],
  ["concurrencyremote", "3\n", "Remote concurrency is 3.", "(Default.) Remote concurrency is 20."],
  ["databytes", "3\n", "SMTP DATA limit is 3 bytes.", "(Default.) SMTP DATA limit is 0 bytes."],
  ["defaultdomain", "x\n", "Default domain name is x.", "(Default.) Default domain name is mx.test."],
  ["defaulthost", "x\n", "Default host name is x.", "(Default.) Default host name is mx.test."],
  ["doublebouncehost", "x\n", "2B recipient host: x.", "(Default.) 2B recipient host: mx.test."],
  ["doublebounceto", "x\n", "2B recipient user: x.", "(Default.) 2B recipient user: postmaster."],
  ["envnoathost", "x\n", "Presumed domain name is x.", "(Default.) Presumed domain name is mx.test."],
  ["helohost", "x\n", "SMTP client HELO host name is x.", "(Default.) SMTP client HELO host name is mx.test."],
  ["idhost", "x\n", "Message-ID host name is x.", "(Default.) Message-ID host name is mx.test."],
  ["localiphost", "x\n", "Local IP address becomes x.", "(Default.) Local IP address becomes mx.test."],
  [
    "locals",
    "x\ny\n",
    "\nMessages for x are delivered locally.\nMessages for y are delivered locally.",
    "(Default.) Messages for me are delivered locally.",
  ],
  [
    "percenthack",
    "x\n",
    "\nThe percent hack is allowed for user%host@x.",
    "(Default.) The percent hack is not allowed.",
  ],
  ["plusdomain", "x\n", "Plus domain name is x.", "(Default.) Plus domain name is mx.test."],
  ["qmqpservers", "192.0.2.1\n", "\nQMQP server: 192.0.2.1.", "(Default.) No QMQP servers."],
  [
    "queuelifetime",
    "9\n",
    "Message lifetime in the queue is 9 seconds.",
    "(Default.) Message lifetime in the queue is 604800 seconds.",
  ],
  [
    "rcpthosts",
    "x\n",
    "\nSMTP clients may send messages to recipients at x.",
    "(Default.) SMTP clients may send messages to any recipient.",
  ],
  [
    "morercpthosts",
    "y\n",
    "\nSMTP clients may send messages to recipients at y.",
    "(Default.) No rcpthosts; morercpthosts is irrelevant.",
  ],
  ["morercpthosts.cdb", "", "Modified recently enough; hopefully up to date.", "(Default.) No effect."],
  ["smtpgreeting", "x\n", "SMTP greeting: 220 x.", "(Default.) SMTP greeting: 220 mx.test."],
  ["smtproutes", ":x\n", "\nSMTP route: :x", "(Default.) No artificial SMTP routes."],
  [
    "timeoutconnect",
    "3\n",
    "SMTP client connection timeout is 3 seconds.",
    "(Default.) SMTP client connection timeout is 60 seconds.",
  ],
  [
    "timeoutremote",
    "3\n",
    "SMTP client data timeout is 3 seconds.",
    "(Default.) SMTP client data timeout is 1200 seconds.",
  ],
  [
    "timeoutsmtpd",
    "3\n",
    "SMTP server data timeout is 3 seconds.",
    "(Default.) SMTP server data timeout is 1200 seconds.",
  ],
  ["virtualdomains", "x:y\n", "\nVirtual domain: x:y", "(Default.) No virtual domains."],
];

test("qmail-showctl has a sentence for each file, there or not, and flags strangers [Q-257]", async (t) => {
  const full = house(t, Object.fromEntries(sentences.map(([name, content]) => [name, content])));
  writeFileSync(join(full.home, "control", "me"), "mx.test\n");
  writeFileSync(join(full.home, "control", "stranger"), "\n");
  mkdirSync(join(full.home, "control", "clientcert.pem"));
  const set = await full.run(["showctl"]);
  const unset = await house(t, { me: "mx.test\n" }).run(["showctl"]);
  assert.equal(set.code, 0);
  for (const [name, , whenSet, whenUnset] of sentences) {
    assert.equal(section(set.said, name), `${name}: ${whenSet}\n`, name);
    assert.equal(section(unset.said, name), `${name}: ${whenUnset}\n`, name);
  }
  assert.equal(section(set.said, "me"), "me: My name is mx.test.\n");
  assert.equal(section(set.said, "stranger"), "stranger: I have no idea what this file does.\n");
  const head = set.said.slice(0, set.said.indexOf("\n\n")).split("\n");
  assert.deepEqual(head.slice(0, 5), [
    `qmail home directory: ${full.home}.`,
    "user-ext delimiter: -.",
    "paternalism (in decimal): 2.",
    "silent concurrency limit: 120.",
    "subdirectory split: 23.",
  ]);
  assert.match(head[5] ?? "", /^user ids: (?:[0-9]+, ){7}[0-9]+\.$/);
  assert.match(head[6] ?? "", /^group ids: [0-9]+, [0-9]+\.$/);
});

test("qmail-showctl says what is wrong with morercpthosts, me, and files it cannot read [Q-257]", async (t) => {
  const cdbSentence = async (files: Record<string, string>, older = false): Promise<string> => {
    const { home, run } = house(t, { me: "m\n", rcpthosts: "x\n", ...files });
    if (older) utimesSync(join(home, "control", "morercpthosts.cdb"), 1, 1);
    return section((await run(["showctl"])).said, "morercpthosts.cdb");
  };
  const both = { morercpthosts: "a\n", "morercpthosts.cdb": "" };
  assert.equal(
    await cdbSentence({ morercpthosts: "a\n" }),
    "morercpthosts.cdb: Oops! morercpthosts exists but morercpthosts.cdb doesn't.\n",
  );
  assert.equal(
    await cdbSentence({ "morercpthosts.cdb": "" }),
    "morercpthosts.cdb: Oops! morercpthosts.cdb exists but morercpthosts doesn't.\n",
  );
  assert.equal(
    await cdbSentence(both, true),
    "morercpthosts.cdb: Oops! morercpthosts.cdb is older than morercpthosts.\n",
  );
  const closed = house(t, { morercpthosts: "a\n" });
  mkdirSync(join(closed.home, "control", "locals"));
  const { said } = await closed.run(["showctl"]);
  assert.equal(
    section(said, "morercpthosts"),
    "morercpthosts: \nNo rcpthosts; doesn't matter that morercpthosts has a.\n",
  );
  assert.equal(section(said, "me"), "me: (Default.) My name is undefined! Uh-oh.\n");
  assert.equal(section(said, "locals"), "locals: Oops! Trouble reading this file.\n");
  assert.equal(section(said, "bouncehost"), "bouncehost: (Default.) Bounce host name is bouncehost.\n");
  assert.equal(
    section((await house(t, { rcpthosts: "" }).run(["showctl"])).said, "morercpthosts"),
    "morercpthosts: (Default.) No effect.\n",
  );
});

test("qmail-showctl --json and --warnings speak to scripts", async (t) => {
  const { run } = house(t, { me: "mx.test\n", rcpthosts: "mx.test\n", databytes: "many\n" });
  const settings = JSON.parse((await run(["showctl", "--json"])).said) as {
    name: string;
    value: unknown;
    from: string;
  }[];
  const found = settings.find(({ name }) => name === "locals");
  assert.deepEqual([found?.value, found?.from], [["mx.test"], "me"]);
  assert.deepEqual(await run(["showctl", "--warnings"]), {
    code: 1,
    said: "control/databytes:1: error: does not begin with a digit, so the default 0 applies\n",
  });
  assert.equal((await run(["showctl", "--verbose"])).code, 100);
});

test("a route's login and a secret are not shown", async (t) => {
  const { run } = house(t, { me: "mx.test\n", smtproutes: "far.test:relay.test joe hunter2\n", batvkey: "hunter2\n" });
  const { said } = await run(["showctl"]);
  assert.match(section(said, "smtproutes"), /\nSMTP route: far\.test:relay\.test \(secret\)\n/);
  assert.doesNotMatch(said, /hunter2|joe/);
});
