/**
 * SMTP smuggling: a sender hides a second message behind something that one server takes for the end of the first and another does
 * not. Here every combination of CR, LF, dot and NUL stands where the end could be, and a reading of RFC 5321 by the letter says
 * what is in the bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { play } from "./play-session.ts";
import { referenceMessages } from "./reference-smtp.ts";

const octets = ["\r", "\n", ".", "\0"] as const;
const longest = 6;

function* combinations(length: number): Generator<string> {
  if (length === 0) {
    yield "";
    return;
  }
  for (const rest of combinations(length - 1)) for (const octet of octets) yield rest + octet;
}

const before = "EHLO c.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\nSubject: x\r\n\r\nhello";
const hidden = "MAIL FROM:<evil@far.test>\r\nRCPT TO:<c@here.test>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n";

test("5,460 combinations of CR, LF, dot and NUL: a message ends at CRLF . CRLF and nowhere else [Q-030]", async (t) => {
  let tried = 0;
  let ended = 0;
  for (let length = 1; length <= longest; length++) {
    for (const end of combinations(length)) {
      const session = before + end + hidden;
      const { messages } = await play(session, []);
      assert.deepEqual(messages, referenceMessages(session), JSON.stringify(end));
      const isEnd = end.includes("\r\n.\r\n");
      const wasHidden = messages.some(({ from }) => from === "evil@far.test");
      assert.ok(isEnd || !wasHidden, `${JSON.stringify(end)} hid a message`);
      tried++;
      if (wasHidden) ended++;
    }
  }
  t.diagnostic(`${tried} combinations, ${ended} of them hold a right end`);
});

test("what stands behind DATA in the same packet is message, not commands", async () => {
  const { messages, said } = await play(
    "EHLO c.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\nRSET\r\nMAIL FROM:<evil@far.test>\r\n.\r\nQUIT\r\n",
    [],
  );
  assert.deepEqual(messages, [{ from: "a@far.test", to: ["b@here.test"], body: "RSET\nMAIL FROM:<evil@far.test>\n" }]);
  assert.match(said, /^221 /m);
});
