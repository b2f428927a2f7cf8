import assert from "node:assert/strict";
import { duplexPair, PassThrough } from "node:stream";
import { test } from "node:test";
import { joinStreams } from "./join-streams.ts";
import { LineWire } from "./line-wire.ts";

test("input and output are one connection; ending it leaves both open", async () => {
  const input = new PassThrough();
  const output = new PassThrough();
  const wire = new LineWire(joinStreams(input, output), 10_000);
  input.write("hello\r\nmore");
  assert.equal(await wire.readLine(100), "hello");
  wire.write("answer\r\n");
  await wire.flush();
  assert.equal(String(output.read()), "answer\r\n");
  wire.release().destroy();
  assert.ok(!input.destroyed && !output.destroyed && output.writable);
  output.write("still open");
  assert.equal(String(output.read()), "still open");
});

test("the input's end is the peer's hanging up", async () => {
  const input = new PassThrough();
  const wire = new LineWire(joinStreams(input, new PassThrough()), 10_000);
  input.end("last\r\n");
  assert.equal(await wire.readLine(100), "last");
  assert.equal(await wire.readLine(100), null);
});

test("a stream that is both already is left as it is", () => {
  const [one] = duplexPair();
  assert.equal(joinStreams(one, one), one);
});
