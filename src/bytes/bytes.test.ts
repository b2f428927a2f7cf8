import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { displayText, fromBytes, lowerAscii, toBytes, utf8ToByteString } from "./byte-string.ts";
import { BytesReader } from "./bytes-reader.ts";
import { netstring, readNetstring } from "./netstring.ts";

test("a byte string holds any octets and gives them back", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      assert.deepEqual([...toBytes(fromBytes(octets))], [...octets]);
    }),
  );
});

test("text goes in as UTF-8 and is shown as text again", () => {
  assert.equal(utf8ToByteString("jörg"), "j\xc3\xb6rg");
  assert.equal(displayText("j\xc3\xb6rg"), "jörg");
  assert.equal(displayText("\xff"), "\ufffd");
});

test("only A-Z are lower-cased", () => {
  assert.equal(lowerAscii("JOE\xc4@Ex.ORG"), "joe\xc4@ex.org");
});

test("netstrings survive, whole or in part", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(60), (content, cut) => {
      const bytes = netstring(content);
      const read = readNetstring(bytes, 0, 100);
      assert.ok(read !== null && read !== "short");
      assert.deepEqual([[...read.bytes], read.next], [[...content], bytes.length]);
      if (cut < bytes.length) assert.equal(readNetstring(bytes.subarray(0, cut), 0, 100), "short");
    }),
  );
});

for (const bad of ["x", ":", "3:abcd", "-1:", "99999999999:", "101:"]) {
  test(`${JSON.stringify(bad)} is no netstring of up to 100 bytes`, () => {
    assert.equal(readNetstring(Buffer.from(bad), 0, 100), null);
  });
}

test("a cursor refuses to read past its payload", () => {
  const reader = new BytesReader(Buffer.from("\0\0\0\x02hi\0\0\0\x09x", "latin1"));
  assert.equal(reader.counted(), "hi");
  assert.throws(() => reader.counted(), RangeError);
});
