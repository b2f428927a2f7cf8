/** The sentences of the message catalogue as people meet them: in the log while mail waits, in the bounce when it does not. */
import assert from "node:assert/strict";
import { chmodSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { after, before, test } from "node:test";
import { House, inbox, readNew, until } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

let house: House;

function instructions(ext: string, text: string, mode = 0o644): void {
  const path = house.path("home", "you", `.qmail-${ext}`);
  writeFileSync(path, text);
  chmodSync(path, mode);
}

before(async () => {
  house = await House.open();
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

/** What makes mail wait: extension, instructions, mode, and the report as the log shows it. */
const waiting: readonly (readonly [ext: string, text: string, mode: number, report: string])[] = [
  ["blank", "\n./Maildir/\n", 0o644, "Uh-oh:_first_line_of_.qmail_file_is_blank._(#4.2.1)/"],
  ["list", "./Maildir/\n", 0o744, "Uh-oh:_.qmail_has_file_delivery_but_has_x_bit_set._(#4.7.0)/"],
  ["listprog", "|true\n", 0o744, "Uh-oh:_.qmail_has_prog_delivery_but_has_x_bit_set._(#4.7.0)/"],
  ["open", "./Maildir/\n", 0o646, "Uh-oh:_.qmail_file_is_writable._(#4.7.0)/"],
  ["nowhere", "./No/\n", 0o644, "Unable_to_chdir_to_maildir._(#4.2.1)/"],
  ["killed", "|kill -9 $$\n", 0o644, "Aack,_child_crashed._(#4.3.0)/"],
  ["later", "|echo not now; exit 111\n", 0o644, "not_now/"],
  ["one", "|exit 1\n", 0o644, ""],
];

test("what makes mail wait is told in the log, in qmail's words (section 9.4, G41)", async () => {
  for (const [ext, text, mode] of waiting) instructions(ext, text, mode);
  const recipients = waiting.map(([ext]) => `you-${ext}@localhost`);
  assert.equal((await sendOne(house.ports.smtp, inbox, recipients, "Subject: waits\n\nx\n")).code, 250);
  for (const [ext, , , report] of waiting) {
    const [, number = ""] = await house.logged(
      new RegExp(`^starting delivery (\\d+): msg \\d+ to local you-${ext}@localhost$`),
    );
    const [line] = await house.logged(new RegExp(`^delivery ${number}: .*$`));
    assert.equal(line, `delivery ${number}: deferral: ${report}`, ext);
  }
});

test("what a program says is in the log and in the bounce [Q-154]", async () => {
  instructions("says", "|echo all is lost; echo 100% sure >&2; exit 100\n");
  assert.equal((await sendOne(house.ports.smtp, inbox, ["you-says@localhost"], "Subject: told\n\nx\n")).code, 250);
  await house.logged(/^delivery \d+: failure: all_is_lost\/100__sure\/$/);
  const bounce = await until("the bounce", () => {
    const texts = [...readNew(house.maildir).values()].map((bytes) => bytes.toString("latin1"));
    return texts.find((text) => text.includes("Subject: told")) ?? null;
  });
  assert.match(bounce, /\n<you-says@localhost>:\nall is lost\n100% sure\n\n/);
});

const identPort = 113;

/** Listens where an IDENT server would; null if this process may not. */
function identServer(asked: () => void): Promise<Server | null> {
  return new Promise((done) => {
    const server = createServer((socket) => {
      asked();
      socket.destroy();
    });
    server.once("error", () => done(null));
    server.listen(identPort, "127.0.0.1", () => done(server));
  });
}

test("nobody is asked by IDENT who a client is [Q-273]", async (t) => {
  let asked = 0;
  const server = await identServer(() => asked++);
  if (server === null) return t.skip(`port ${identPort} is not to be had: needs root`);
  const result = await sendOne(house.ports.smtp, inbox, [inbox], "Subject: no IDENT\n\nx\n");
  await new Promise((closed) => server.close(closed));
  assert.equal(result.code, 250);
  assert.equal(asked, 0);
});
