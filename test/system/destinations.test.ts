/** Where local mail can go: Maildir, mbox, program, forwards one after another, alias, a virtual domain's catch-all. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { House, inbox, readNew, until } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

let house: House;

before(async () => {
  house = await House.open({
    control: {
      rcpthosts: "localhost\nvirtual.test\n.wild.test\n",
      virtualdomains: "virtual.test:alias-virtual\n.wild.test:you-wild\nclerk@virtual.test:you-clerk\n",
    },
  });
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

function dotQmail(extension: string, text: string, mode = 0o644): void {
  writeFileSync(house.path("home", "you", `.qmail-${extension}`), text, { mode });
}

async function send(to: string, subject: string, body = "body\n"): Promise<void> {
  const reply = await sendOne(house.ports.smtp, "sender@client.test", [to], `Subject: ${subject}\n\n${body}`);
  assert.equal(reply.code, 250, reply.lines.join("/"));
}

function arrived(subject: string): Promise<string> {
  return until(`a message with the subject ${subject}`, () => {
    const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
    return texts.find((text) => text.includes(`\nSubject: ${subject}\n`)) ?? null;
  });
}

function fileText(...names: readonly string[]): string | null {
  try {
    return readFileSync(house.path(...names), "latin1");
  } catch {
    return null; // Not delivered yet.
  }
}

test("an mbox gets a From_ line, the two delivery fields, >From, and an empty line at the end [Q-166, Q-168, Q-169]", async () => {
  dotQmail("box", "./Mailbox\n");
  await send("you-box@localhost", "into an mbox", "From the start\n>From\nlast\n");
  const text = await until("the mbox", () => {
    const found = fileText("home", "you", "Mailbox");
    return found?.endsWith("last\n\n") === true ? found : null;
  });
  assert.match(
    text,
    /^From sender@client\.test [A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 ]{2} [0-9:]{8} [0-9]{4}\nReturn-Path: <sender@client\.test>\nDelivered-To: you-box@localhost\n/,
  );
  assert.ok(text.endsWith("\n\n>From the start\n>From\nlast\n\n"));
});

test("a program gets the message on its stdin and the address in its environment [Q-147]", async () => {
  dotQmail("prog", `|cat > seen; printf '%s %s %s' "$SENDER" "$RECIPIENT" "$EXT" > seen.env\n`);
  await send("you-prog@localhost", "to a program");
  await house.logged(/^delivery [0-9]+: success: did_0\+0\+1\/$/);
  assert.equal(fileText("home", "you", "seen.env"), "sender@client.test you-prog@localhost prog");
  assert.match(fileText("home", "you", "seen") ?? "", /^Received: \(qmail .*\nSubject: to a program\n\nbody\n$/s);
});

test("a chain of forwards ends in the Maildir with a Delivered-To of each step [Q-151, Q-152]", async () => {
  dotQmail("first", "&you-second@localhost\n");
  dotQmail("second", "# a comment\nyou-third@localhost\n");
  dotQmail("third", "./Maildir/\n");
  await send("you-first@localhost", "forwarded twice");
  const text = await arrived("forwarded twice");
  const steps = [...text.matchAll(/^Delivered-To: (.*)$/gm)].map(([, address]) => address);
  assert.deepEqual(steps, ["you-third@localhost", "you-second@localhost", "you-first@localhost"]);
  assert.equal(text.match(/^Return-Path:/gm)?.length, 1);
  assert.ok(text.startsWith("Return-Path: <sender@client.test>\n"));
});

test("forwards that go round in a circle end in a bounce, not in a loop [Q-158]", async () => {
  dotQmail("round", "&you-about@localhost\n");
  dotQmail("about", "&you-round@localhost\n");
  const message = "Subject: round and round\n\nbody\n";
  assert.equal((await sendOne(house.ports.smtp, inbox, ["you-round@localhost"], message)).code, 250);
  const text = await arrived("failure notice");
  assert.match(text, /This message is looping: it already has my Delivered-To line\. \(#5\.4\.6\)/);
});

test("an address of no user is alias's [Q-123]", async () => {
  writeFileSync(house.path("alias", ".qmail-info"), "&you@localhost\n", { mode: 0o644 });
  await send("info@localhost", "to an alias");
  assert.match(await arrived("to an alias"), /^Delivered-To: info@localhost$/m);
});

test("a virtual domain's catch-all takes any name in it [Q-104]", async () => {
  writeFileSync(house.path("alias", ".qmail-virtual-default"), "&you@localhost\n", { mode: 0o644 });
  await send("Any.One@virtual.test", "to a catch-all");
  assert.match(await arrived("to a catch-all"), /^Delivered-To: alias-virtual-Any\.One@virtual\.test$/m);
});

test("a wildcard takes subdomains, a virtual user one address [Q-105, Q-106]", async () => {
  dotQmail("wild-default", "./Maildir/\n");
  dotQmail("clerk-clerk", "./Maildir/\n");
  await send("x@a.b.wild.test", "to a subdomain");
  assert.match(await arrived("to a subdomain"), /^Delivered-To: you-wild-x@a\.b\.wild\.test$/m);
  await send("clerk@virtual.test", "to a virtual user");
  assert.match(await arrived("to a virtual user"), /^Delivered-To: you-clerk-clerk@virtual\.test$/m);
});

test("recipients of one message fare each for itself; a retry does not repeat what is done [Q-079, Q-053]", async () => {
  dotQmail("later", "|test -f go-on || exit 111\n./Maildir/\n");
  const message = "Subject: two ways\n\nbody\n";
  const to = [inbox, "you-later@localhost"];
  assert.equal((await sendOne(house.ports.smtp, "sender@client.test", to, message)).code, 250);
  await arrived("two ways");
  await house.logged(/^delivery [0-9]+: deferral: /);
  writeFileSync(house.path("home", "you", "go-on"), "");
  house.signal("SIGALRM");
  const texts = await until("both copies", () => {
    const found = [...readNew(house.maildir).values()]
      .map(String)
      .filter((text) => text.includes("\nSubject: two ways\n"));
    return found.length >= 2 ? found : null;
  });
  const steps = texts.map((text) => /^Delivered-To: (.*)$/m.exec(text)?.[1]).toSorted();
  assert.deepEqual(steps, ["you-later@localhost", inbox]);
});
