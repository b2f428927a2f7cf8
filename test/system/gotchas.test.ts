/** qmail's surprises that are kept, seen from outside: whoever switches over finds them as they were (gotchas of the book's appendix and beyond). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { House, inbox, quailCommand, readNew, until } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

let house: House;

before(async () => {
  house = await House.open({
    control: {
      locals: "localhost\nboth.test\n",
      rcpthosts: "localhost\nboth.test\nvirtual.test\n",
      virtualdomains: "both.test:you-shadowed\nvirtual.test:you-v\n",
    },
  });
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

function lay(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}
const yours = (ext: string, text: string): void => lay(house.path("home", "you", `.qmail-${ext}`), text);

function arrived(words: string): Promise<string> {
  return until(`a message with ${words}`, () => {
    const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
    return texts.find((text) => text.includes(words)) ?? null;
  });
}

test("alias's .qmail-default takes typos, but not a user's own extensions (G28)", async () => {
  lay(house.path("alias", ".qmail-default"), "&you@localhost\n");
  const { smtp } = house.ports;
  assert.equal((await sendOne(smtp, inbox, ["yuo@localhost"], "Subject: a typo\n\nx\n")).code, 250);
  assert.match(await arrived("Subject: a typo"), /^Delivered-To: yuo@localhost$/m);
  assert.equal((await sendOne(smtp, inbox, ["you-typo@localhost"], "Subject: an extension\n\nx\n")).code, 550);
  yours("default", "./Maildir/\n");
  assert.equal((await sendOne(smtp, inbox, ["you-other@localhost"], "Subject: an extension\n\nx\n")).code, 250);
  assert.match(await arrived("Subject: an extension"), /^Delivered-To: you-other@localhost$/m);
});

test("a domain in locals is local, whatever virtualdomains says (G30) [Q-110]", async () => {
  assert.equal((await sendOne(house.ports.smtp, inbox, ["you@both.test"], "Subject: shadow\n\nx\n")).code, 250);
  assert.match(await arrived("Subject: shadow"), /^Delivered-To: you@both\.test$/m);
});

test("a program's failure does not undo the lines above it (G26)", async () => {
  yours("steps", `./Maildir/\n|exit 111\n`);
  assert.equal((await sendOne(house.ports.smtp, inbox, ["you-steps@localhost"], "Subject: above\n\nx\n")).code, 250);
  assert.match(await arrived("Subject: above"), /^Delivered-To: you-steps@localhost$/m);
  const [, number = ""] = await house.logged(/^starting delivery (\d+): msg \d+ to local you-steps@localhost$/);
  await house.logged(new RegExp(`^delivery ${number}: deferral: $`));
});

test("lines share the message: each begins at its start (G39)", async () => {
  yours("twice", `|head -c 5 >/dev/null\n|cat >> ${house.path("home", "you", "second")}\n./Maildir/\n`);
  assert.equal(
    (await sendOne(house.ports.smtp, inbox, ["you-twice@localhost"], "Subject: read twice\n\nx\n")).code,
    250,
  );
  await arrived("Subject: read twice");
  assert.match(readFileSync(house.path("home", "you", "second"), "latin1"), /Subject: read twice\n\nx\n$/);
});

test("a VERP sender holds the recipient with its virtual prefix (G48)", async () => {
  yours("v-gone", '|echo "$SENDER"; exit 100\n');
  yours("list-owner", "./Maildir/\n");
  const { smtp } = house.ports;
  const sent = await sendOne(smtp, "you-list-owner-@localhost-@[]", ["gone@virtual.test"], "Subject: verp\n\nx\n");
  assert.equal(sent.code, 250);
  await house.logged(/^delivery \d+: failure: you-list-owner-you-v-gone=virtual\.test@localhost\/$/);
});

test("sendmail -t adds its arguments to the header's recipients, and a lone dot ends nothing (G44) [Q-224]", async () => {
  const { status } = spawnSync(quailCommand, ["sendmail", "-t", "you-arg@localhost"], {
    input: "To: you-header@localhost\nSubject: both of them\n\nbefore\n.\nafter\n",
    env: { ...process.env, QUAIL_HOME: house.home },
  });
  assert.equal(status, 0);
  for (const name of ["arg", "header"]) {
    const text = await until(`the message to ${name}`, () => {
      const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
      return texts.find((one) => one.includes("both of them") && one.includes(`Delivered-To: you-${name}@`)) ?? null;
    });
    assert.match(text, /\nbefore\n\.\nafter\n$/);
  }
});

test("queue ids are not used twice (G49)", async () => {
  const ids = house.logLines().flatMap((line) => /^new msg (\d+)$/.exec(line)?.[1] ?? []);
  assert.ok(ids.length >= 6);
  assert.equal(new Set(ids).size, ids.length);
});
