import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitCommand } from "./command.ts";
import { decodeXtext, parseParameters } from "./parameters.ts";
import { enhancedFor, renderReply } from "./reply.ts";

test("a command is its verb in lower case and the rest after blanks; a NUL ends the line [Q-004]", () => {
  assert.deepEqual(splitCommand("QUIT"), { verb: "quit", argument: "" });
  assert.deepEqual(splitCommand("MaIl   FROM:<a@b> X"), { verb: "mail", argument: "FROM:<a@b> X" });
  assert.deepEqual(splitCommand("NOOP\0 x"), { verb: "noop", argument: "" });
  assert.deepEqual(splitCommand(" NOOP"), { verb: "", argument: "NOOP" });
  assert.deepEqual(splitCommand(""), { verb: "", argument: "" });
});

test("ESMTP parameters are looked up by keyword, malformed ones are nobody's (RFC 5321 §4.1.2)", () => {
  const found = parseParameters("size=12  body=8BITMIME SMTPUTF8 X=a=b =y ENVID=");
  assert.deepEqual(
    [...found],
    [
      ["SIZE", "12"],
      ["BODY", "8BITMIME"],
      ["SMTPUTF8", ""],
      ["ENVID", ""],
    ],
  );
  assert.equal(parseParameters("").size, 0);
  assert.equal(parseParameters("X ".repeat(100)).size, 1);
});

test("xtext is undone, and what is none is refused (RFC 3461 §4)", () => {
  assert.equal(decodeXtext("a+2Bb+3D"), "a+b=");
  assert.equal(decodeXtext("a+2b"), null);
  assert.equal(decodeXtext("a+"), null);
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
      const encoded = text.replace(/[^\x21-\x2a\x2c-\x3c\x3e-\x7e]/g, (octet) => {
        return `+${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
      });
      assert.equal(decodeXtext(encoded), text);
    }),
  );
});

test("no text can break a reply's line, whoever wrote it", () => {
  const reply = { code: 554, enhanced: "5.0.0", lines: ["no\r\n250 ok\0x", "last"] } as const;
  assert.equal(renderReply(reply, false), "554-no 250 ok x\r\n554 last\r\n");
  assert.equal(renderReply(reply, true), "554-5.0.0 no 250 ok x\r\n554 5.0.0 last\r\n");
});

test("the enhanced status is the text's own, in the class of the reply code (RFC 2034 §4)", () => {
  assert.equal(enhancedFor(554, "qq permanent problem (#5.3.0)"), "5.3.0");
  assert.equal(enhancedFor(451, "says five (#5.3.0)"), "4.3.0");
  assert.equal(enhancedFor(554, "no thanks"), "5.0.0");
});
