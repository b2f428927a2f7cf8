/** README's table of mistakes is true: each is made here, and what is seen must stand in the table. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { checkout, House } from "./house.ts";
import { SmtpClient } from "./smtp-client.ts";

const table = readFileSync(join(checkout, "README.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| "));

function inTable(seen: string): void {
  assert.ok(
    table.some((row) => row.includes(seen)),
    `README's table of mistakes should have «${seen}»`,
  );
}

let house: House;
before(async () => {
  house = await House.open({
    control: {
      rcpthosts: "localhost\n",
      "tcp.smtp": ":allow\n", // Nobody may relay, not even we.
      dnsservers: "127.0.0.1:9\n", // Nobody answers there.
      smtproutes: "down.test:127.0.0.1:9\n",
    },
  });
});
after(async () => {
  await house[Symbol.asyncDispose]();
});

/** A file of the test account. */
function put(name: string, text: string, mode = 0o644): void {
  const path = house.path("home", "you", name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  const { uid, gid } = statSync(house.home);
  chownSync(path, uid, gid);
}

/** Sends to an address and waits for the report of its delivery. */
async function report(to: string): Promise<string> {
  const from = house.logLines().length;
  house.run(["sendmail", "-f", "you@localhost", to], "Subject: x\n\nx\n");
  const address = to.replace(/[.+]/g, "\\$&");
  const [, id = ""] = await house.logged(
    new RegExp(`^starting delivery (\\d+): msg \\d+ to \\S+ ${address}$`),
    30_000,
    from,
  );
  const [, text = ""] = await house.logged(new RegExp(`^delivery ${id}: ((?:success|deferral|failure): .*)$`));
  return text;
}

test("mistakes in .qmail files and folders are reported in these words", async () => {
  put(".qmail-writable", "./Maildir/\n", 0o666);
  put(".qmail-nomaildir", "./Nowhere/\n");
  inTable(await report("you-writable@localhost"));
  inTable(await report("you-nomaildir@localhost"));
  const you = house.path("home", "you");
  chmodSync(you, 0o777);
  inTable(await report("you@localhost"));
  chmodSync(you, 0o700);
});

test("a forward to itself is found", async () => {
  put(".qmail-loop", "&you-loop@localhost\n");
  await report("you-loop@localhost");
  const [text] = await house.logged(/failure: This_message_is_looping.*/);
  inTable(text.replace(/^delivery \d+: /, ""));
});

test("a Maildir named without ./ is an address to forward to", async () => {
  put(".qmail-bare", "Maildir/\n");
  await report("you-bare@localhost");
  await house.logged(/^starting delivery \d+: msg \d+ to local Maildir\/@localhost$/);
  inTable("Maildir/@localhost");
});

test("without DNS, and with a host that does not answer, mail waits", async () => {
  inTable(await report("joe@nodns.test"));
  inTable(await report("joe@down.test"));
});

test("SMTP clients hear why a recipient is refused", async () => {
  const client = await SmtpClient.open(house.ports.smtp);
  await client.command("EHLO client.test");
  await client.command("MAIL FROM:<a@client.test>");
  for (const recipient of ["nobody@localhost", "joe@elsewhere.test"]) {
    const { code, lines } = await client.command(`RCPT TO:<${recipient}>`);
    inTable(`${code} ${lines.join("/")}`);
  }
  await client.command("QUIT");
});
