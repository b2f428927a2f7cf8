/** The tests' own client and server against each other: what they say about Quail is worth no more than they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { corpus } from "../corpus/messages.ts";
import { seededRandom } from "../corpus/random.ts";
import { openScriptedServer } from "./scripted-server.ts";
import { dotted, SmtpClient, withCrlf } from "./smtp-client.ts";

test("dots are doubled at the start of lines only, and a missing line end is added", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["", ".\r\n"],
    [".\n", "..\r\n.\r\n"],
    ["a.\n.b\n..\n", "a.\r\n..b\r\n...\r\n.\r\n"],
    ["\r.\n", "\r.\r\n.\r\n"],
    ["end", "end\r\n.\r\n"],
  ];
  for (const [message, wire] of rows) assert.equal(dotted(Buffer.from(message)).toString(), wire);
});

test("the scripted server takes what the client sends, byte for byte, however it is cut", async () => {
  await using server = await openScriptedServer();
  const client = await SmtpClient.open(server.port);
  const random = seededRandom(1);
  const sent: Buffer[] = [];
  for (const { bytes, endsInLf } of corpus(random, 60)) {
    if (!endsInLf || bytes.length > 2_000_000) continue;
    const cut = 1 + random.below(bytes.length + 1);
    assert.equal((await client.send("a@b.test", ["c@d.test"], bytes, () => cut)).code, 250);
    sent.push(withCrlf(bytes));
  }
  await client.quit();
  assert.equal(server.taken.length, sent.length);
  for (const [at, { bytes }] of server.taken.entries()) assert.ok(bytes.equals(sent[at]!), `message ${at}`);
});
