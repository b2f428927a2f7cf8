/**
 * The setups that qmail's documents and books walk through (spec 12.6), each made with control files and `.qmail` files only and
 * seen from outside. One is missing: the archive of everything, for which there is no `extraqueue` here (handbook, Patches).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import { House, quailCommand, until } from "./house.ts";
import { openScriptedServer, type ScriptedServer, type Taken } from "./scripted-server.ts";
import { type Reply, sendOne } from "./smtp-client.ts";

/** Nobody answers there: a name that is looked up fails at once. */
const noDns = "127.0.0.1:1\n";
/** Loopback clients may relay. */
const relaying = '127.:allow,RELAYCLIENT=""\n';

/** The host that takes all mail that leaves. */
let hub: ScriptedServer;
/** A mail host with most of the setups at once, as they are found together in life. */
let house: House;

before(async () => {
  hub = await openScriptedServer();
  house = await House.open({
    control: {
      "tcp.smtp": relaying,
      locals: "localhost\nothername.test\n",
      rcpthosts: [
        "localhost",
        "othername.test",
        "bobs.test",
        "d1.test",
        "d2.test",
        "backup.test",
        "movie.test",
        "",
      ].join("\n"),
      virtualdomains: "bobs.test:you\nd1.test:you-d1\nd2.test:you-d2\nmovie.test:alias-movie\nfixme:alias-fixup\n",
      smtproutes: `:127.0.0.1:${hub.port}\nexception.test:\n`,
      dnsservers: noDns,
    },
  });
});
after(async () => {
  await house?.[Symbol.asyncDispose]();
  await hub?.close();
});

/** Writes an instruction file of the test account or of alias. */
function dotQmail(of: "you" | "alias", extension: string, text: string, mode = 0o644): void {
  const path =
    of === "you" ? house.path("home", "you", `.qmail-${extension}`) : house.path("alias", `.qmail-${extension}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
}

/** Makes a folder of the user who has `like` (below the home). */
function folderOf(like: string, path: string): void {
  mkdirSync(path, { mode: 0o700 });
  const { uid, gid } = statSync(house.path(like));
  chownSync(path, uid, gid);
}

const send = (to: string, subject: string, from = "sender@client.test"): Promise<Reply> =>
  sendOne(house.ports.smtp, from, [to], `From: <${from}>\nTo: <${to}>\nSubject: ${subject}\n\nbody\n`);

async function taken(to: string, subject: string, from = "sender@client.test"): Promise<void> {
  const reply = await send(to, subject, from);
  assert.equal(reply.code, 250, reply.lines.join("/"));
}

/** The message of this subject, once it is in the test account's Maildir. */
async function arrived(subject: string, at = house): Promise<string> {
  for (let count = 1; ; count++) {
    const texts = await at.mail(count);
    const found = texts.find((text) => text.includes(`\nSubject: ${subject}\n`));
    if (found !== undefined) return found;
    count = texts.length;
  }
}

const atHub = (subject: string): Promise<Taken> =>
  until(
    `a message with the subject ${subject} at the hub`,
    () => hub.taken.find(({ bytes }) => bytes.toString("latin1").includes(`\r\nSubject: ${subject}\r\n`)) ?? null,
  );

/** A message written on this host; the hub gets it. */
async function injected(
  subject: string,
  env: Readonly<Record<string, string>>,
): Promise<{ from: string; text: string }> {
  const words = { USER: "", LOGNAME: "", MAILUSER: "", MAILHOST: "", QMAILINJECT: "", ...env };
  const given = Object.fromEntries(Object.entries(words).filter(([, value]) => value !== ""));
  house.run(["qmail-inject"], `To: friend@far.test\nSubject: ${subject}\n\nbody\n`, given);
  const { from, bytes } = await atHub(subject);
  return { from, text: bytes.toString("latin1") };
}

/** Each setup by its name in the spec's table, and what shows that it works. */
const setups: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  async "host masquerading"() {
    house.control("defaulthost", "masked.test\n");
    const { from, text } = await injected("masked host", { MAILUSER: "joe" });
    assert.equal(from, "joe@masked.test");
    assert.match(text, /^From: joe@masked\.test\r$/m);
  },

  async "user masquerading"() {
    const { from, text } = await injected("masked user", {
      MAILUSER: "joe",
      MAILHOST: "masked.test",
      QMAILINJECT: "f",
    });
    assert.equal(from, "joe@masked.test");
    assert.match(text, /^From: joe@masked\.test\r$/m);
  },

  async "receive for another name"() {
    await taken("you@othername.test", "another name");
    assert.match(await arrived("another name"), /^Delivered-To: you@othername\.test$/m);
  },

  async "virtual domain for one user"() {
    dotQmail("you", "sales", "./Maildir/\n");
    await taken("sales@bobs.test", "all mine");
    assert.match(await arrived("all mine"), /^Delivered-To: you-sales@bobs\.test$/m);
  },

  async "several domains, one user"() {
    dotQmail("you", "d1-info", "./Maildir/\n");
    dotQmail("you", "d2-default", "./Maildir/\n");
    await taken("info@d1.test", "the first domain");
    await taken("whoever@d2.test", "the second domain");
    assert.match(await arrived("the first domain"), /^Delivered-To: you-d1-info@d1\.test$/m);
    assert.match(await arrived("the second domain"), /^Delivered-To: you-d2-whoever@d2\.test$/m);
    assert.equal((await send("whoever@d1.test", "of the other domain only")).code, 550);
  },

  async "selective relaying"() {
    house.control("tcp.smtp", "127.0.0.1:allow\n");
    assert.equal((await send("joe@far.test", "not relayed")).code, 553);
    house.control("tcp.smtp", relaying);
    await until("the rules are read", async () => (await send("joe@far.test", "relayed")).code === 250);
    assert.deepEqual((await atHub("relayed")).to, ["joe@far.test"]);
  },

  async "repair broken clients"() {
    house.control("tcp.smtp", '127.:allow,RELAYCLIENT="@fixme"\n');
    dotQmail(
      "alias",
      "fixup-default",
      `|bouncesaying 'Permission denied' [ "@$HOST" != "@fixme" ]\n|qmail-inject -f "$SENDER" -- "$DEFAULT"\n`,
    );
    const message = "From: Broken <broken@client.test>\nSubject: to be repaired\n\nbody\n";
    await until("the rules are read", async () => {
      return (await sendOne(house.ports.smtp, "broken@client.test", ["joe@far.test"], message)).code === 250;
    });
    const { from, to, bytes } = await atHub("to be repaired");
    house.control("tcp.smtp", relaying);
    assert.deepEqual([from, to], ["broken@client.test", ["joe@far.test"]]);
    assert.match(bytes.toString("latin1"), /^Message-ID: <[^>]+>\r$/m, "qmail-inject has added what was missing");
    assert.match(bytes.toString("latin1"), /^Date: /m);
  },

  async "backup MX"() {
    house.control("tcp.smtp", "127.:allow\n");
    await until("the rules are read", async () => (await send("joe@far.test", "not ours")).code === 553);
    await taken("joe@backup.test", "kept for another");
    house.control("tcp.smtp", relaying);
    assert.deepEqual((await atHub("kept for another")).to, ["joe@backup.test"]);
    await house.logged(/^starting delivery [0-9]+: msg [0-9]+ to remote joe@backup\.test$/);
  },

  async "smarthost with exceptions"() {
    await until("the rules are read", async () => (await send("joe@anywhere.test", "by the hub")).code === 250);
    await taken("joe@exception.test", "not by the hub");
    assert.deepEqual((await atHub("by the hub")).to, ["joe@anywhere.test"]);
    const [, number = ""] = await house.logged(
      /^starting delivery ([0-9]+): msg [0-9]+ to remote joe@exception\.test$/,
    );
    // It is looked up as any domain is without a hub; there is no DNS here.
    await house.logged(new RegExp(`^delivery ${number}: deferral: .*_host_by_that_name`));
    assert.ok(hub.taken.every(({ to }) => !to.includes("joe@exception.test")));
  },

  async "forward unknown users"() {
    dotQmail("alias", "default", '|forward "$LOCAL"@hub.test\n');
    await taken("stranger@localhost", "to a stranger");
    assert.deepEqual((await atHub("to a stranger")).to, ["stranger@hub.test"]);
  },

  async "mailing list"() {
    dotQmail("you", "list", "&joe@far.test\n&jim@elsewhere.test\n", 0o755);
    dotQmail("you", "list-owner", "./Maildir/\n");
    dotQmail("you", "list-owner-default", "./Maildir/\n");
    await taken("you-list@localhost", "to the list");
    const copies = await until("both copies", () => {
      const found = hub.taken.filter(({ bytes }) => bytes.toString("latin1").includes("\r\nSubject: to the list\r\n"));
      return found.length === 2 ? found : null;
    });
    assert.deepEqual(copies.map(({ from, to }) => `${from} ${to}`).toSorted(), [
      "you-list-owner-jim=elsewhere.test@localhost jim@elsewhere.test",
      "you-list-owner-joe=far.test@localhost joe@far.test",
    ]);
    await taken("you-list-owner-joe=far.test@localhost", "a bounce to the list", "");
    assert.match(await arrived("a bounce to the list"), /^Delivered-To: you-list-owner-joe=far\.test@localhost$/m);
  },

  async "big network"() {
    dotQmail("alias", "movie-bob", "&bob@pc1.movie.test\n");
    await taken("bob@movie.test", "to his own machine");
    assert.deepEqual((await atHub("to his own machine")).to, ["bob@pc1.movie.test"]);
  },

  async "UUCP / serial link"() {
    for (const part of ["", "tmp", "new", "cur"]) folderOf("alias", house.path("alias", "uucp", part));
    dotQmail("alias", "uucp-default", "./uucp/\n");
    const domains = readFileSync(house.path("control", "virtualdomains"), "latin1");
    house.control("virtualdomains", `${domains}:alias-uucp\n`);
    house.signal("SIGHUP");
    // Routes are given when a message is queued, and nothing says that the file was read: send until it was.
    await until("mail for everywhere is local", async () => {
      await taken("joe@by-uucp.test", "over the line");
      return house.logLines().some((line) => line.endsWith(" to local alias-uucp-joe@by-uucp.test"));
    });
    const [text = ""] = await house.mail(1, house.path("alias", "uucp"));
    assert.match(text, /^Delivered-To: alias-uucp-joe@by-uucp\.test$/m);
    house.control("virtualdomains", domains);
    house.signal("SIGHUP");
  },

  async "defer during NFS outage"(t) {
    const folder = house.path("home", "nfs");
    const { uid, gid } = statSync(house.path("home", "you"));
    if (uid === 0) return t.skip("the test account is root's: nobody here has a home of his own to lose");
    folderOf("home/you", folder);
    const assign = readFileSync(house.path("users", "assign"), "latin1");
    const alias = `alias:x:${uid}:${gid}::${house.path("alias")}:/bin/sh\n`;
    const made = house.run(["qmail-pw2u", "-h"], `${alias}nfs:x:${uid}:${gid}::${folder}:/bin/sh\n`);
    assert.match(made, /^=nfs:nfs:/m);
    const entries = made.split("\n").filter((line) => line.startsWith("=nfs:") || line.startsWith("+nfs-"));
    writeFileSync(house.path("users", "assign"), `${entries.join("\n")}\n${assign}`);
    house.run(["qmail-newu"]);
    renameSync(folder, `${folder}.away`);
    house.control("rcptcheck", "0\n");
    await until(
      "the question is no longer asked",
      async () => (await send("nfs@localhost", "to a lost home")).code === 250,
    );
    const [, number = ""] = await house.logged(/^starting delivery ([0-9]+): msg [0-9]+ to local nfs@localhost$/);
    await house.logged(new RegExp(`^delivery ${number}: deferral: Unable_to_switch_to_.*_\\(#4\\.3\\.0\\)/$`));
  },
};

for (const [name, works] of Object.entries(setups)) test(`reference configuration: ${name}`, works);

test("reference configuration: null client: no SMTP server, no local mail, everything by the hub", async () => {
  await using null_ = await House.open({
    control: { me: "null.test\n", locals: "", smtproutes: `:127.0.0.1:${hub.port}\n`, dnsservers: noDns },
    words: ["--port", "smtp=off", "--port", "submission=off"],
  });
  null_.run(["qmail-inject"], "To: you\nSubject: from a null client\n\nbody\n", {
    MAILUSER: "joe",
    MAILHOST: "null.test",
  });
  const { from, to } = await atHub("from a null client");
  assert.deepEqual([from, to], ["joe@null.test", ["you@null.test"]]);
});

/** Runs qmail-qmqpd for each connection, as tcpserver does; its port. */
async function qmqpServer(home: string): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((socket) => {
    const child = spawn(quailCommand, ["qmail-qmqpd"], {
      env: { ...process.env, QUAIL_HOME: home },
      stdio: ["pipe", "pipe", "ignore"],
    });
    socket.on("error", () => {});
    child.stdin.on("error", () => {});
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  assert.ok(address !== null && typeof address !== "string");
  return { port: address.port, server };
}

test("reference configuration: mini-qmail: no daemons and no queue, another machine's instead", async () => {
  const { port, server } = await qmqpServer(house.home);
  await using mini = await House.lay({ control: { me: "mini.test\n", qmqpservers: `127.0.0.1:${port}\n` } });
  mkdirSync(mini.path("bin"));
  symlinkSync("qmail-qmqpc", mini.path("bin", "qmail-queue"));
  try {
    const env = { ...process.env, QUAIL_HOME: mini.home, MAILUSER: "joe", MAILHOST: "mini.test" };
    const child = spawn(quailCommand, ["qmail-inject", "you@othername.test"], {
      env,
      stdio: ["pipe", "inherit", "inherit"],
    });
    child.stdin.end("Subject: from mini-qmail\n\nbody\n");
    assert.equal(await new Promise<number | null>((ended) => child.once("close", ended)), 0);
    assert.match(await arrived("from mini-qmail"), /^Return-Path: <joe@mini\.test>$/m);
  } finally {
    server.close();
  }
});
