import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fieldKey, fieldName, fieldValue, HeaderSplitter, splitHeader } from "./split-header.ts";

const split = (text: string) => {
  const { fields, body } = splitHeader(Buffer.from(text, "latin1"));
  return { fields, body: body.toString("latin1") };
};

test("a header is split into fields with their continuation lines; the body begins with the empty line", () => {
  assert.deepEqual(split("To: a\nSubject: b\n c\n\td\n\nbody\n"), {
    fields: ["To: a\n", "Subject: b\n c\n\td\n"],
    body: "\nbody\n",
  });
  assert.deepEqual(split("X :y\n"), { fields: ["X :y\n"], body: "" });
});

test("a line that is no field ends the header with an inserted empty line [Q-221]", () => {
  assert.deepEqual(split("To: a\nno field here\nmore\n"), { fields: ["To: a\n"], body: "\nno field here\nmore\n" });
  assert.deepEqual(split("To: a\nT\u00e9: b\n"), { fields: ["To: a\n"], body: "\nT\u00e9: b\n" });
  assert.deepEqual(split(": nameless\n"), { fields: [], body: "\n: nameless\n" });
  assert.deepEqual(split(" starts with a blank\nTo: a\n"), {
    fields: [],
    body: "\n starts with a blank\nTo: a\n",
  });
});

test("a From line of an mbox becomes an MBOX-Line field [Q-220]", () => {
  assert.deepEqual(split("From joe Mon\nTo: a\n\n"), { fields: ["MBOX-Line: From joe Mon\n", "To: a\n"], body: "\n" });
  assert.deepEqual(split("To: a\nFrom joe\n more\n").fields, ["To: a\n", "MBOX-Line: From joe\n more\n"]);
});

test("a missing last LF is put in, an empty line after a header without body is not", () => {
  assert.deepEqual(split("To: a"), { fields: ["To: a\n"], body: "" });
  assert.deepEqual(split("To: a\n\nbody"), { fields: ["To: a\n"], body: "\nbody\n" });
  assert.deepEqual(split(""), { fields: [], body: "" });
  assert.deepEqual(split("junk"), { fields: [], body: "\njunk\n" });
});

test("names are compared without case and blanks", () => {
  assert.equal(fieldName("Resent-To \t: a\n"), "Resent-To");
  assert.equal(fieldKey("RESENT-TO: a\n"), "resent-to");
  assert.equal(fieldName("no field\n"), "");
  assert.equal(fieldValue("A: b: c\n"), " b: c\n");
});

test("how the bytes are cut into pieces makes no difference, and none get lost", () => {
  const unit = fc.constantFrom("a", ":", " ", "\t", "\n", "From ", "To: x\n", "\u00ff", "\r");
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), fc.array(fc.nat(10), { maxLength: 20 }), (text, cuts) => {
      const whole = splitHeader(Buffer.from(text, "latin1"));
      const splitter = new HeaderSplitter();
      let rest = Buffer.from(text, "latin1");
      let done = null;
      for (const cut of cuts) {
        done ??= splitter.push(rest.subarray(0, cut));
        rest = rest.subarray(cut);
        if (done !== null) break;
      }
      done ??= splitter.push(rest);
      done ??= splitter.end();
      assert.deepEqual(done.fields, whole.fields);
      const all = whole.fields.join("") + whole.body.toString("latin1");
      const kept = text.endsWith("\n") || text === "" ? text : `${text}\n`;
      assert.equal(all.replaceAll("MBOX-Line: ", "").replaceAll("\n", ""), kept.replaceAll("\n", ""));
    }),
    { numRuns: 1000 },
  );
});

test("a header line of many megabytes in small pieces is no trouble", () => {
  const splitter = new HeaderSplitter();
  splitter.push(Buffer.from("To: "));
  for (let i = 0; i < 2000; i++) splitter.push(Buffer.alloc(4096, "a,"));
  const { fields } = splitter.end();
  assert.equal(fields[0]?.length, 4 + 2000 * 4096 + 1);
});
