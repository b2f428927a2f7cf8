import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readProxyHeader } from "./proxy-protocol.ts";

const text = (line: string): Buffer => Buffer.from(line, "latin1");
const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

function binary(versionAndCommand: number, family: number, addresses: Buffer): Buffer {
  const head = Buffer.from([versionAndCommand, family, 0, 0]);
  head.writeUInt16BE(addresses.length, 2);
  return Buffer.concat([signature, head, addresses]);
}

test("version 1 headers: IPv4, IPv6 and unknown", () => {
  assert.deepEqual(readProxyHeader(text("PROXY TCP4 192.0.2.7 192.0.2.25 40000 25\r\nEHLO")), {
    kind: "proxied",
    ip: "192.0.2.7",
    port: 40_000,
    localIp: "192.0.2.25",
    localPort: 25,
    next: 42,
  });
  const six = readProxyHeader(text("PROXY TCP6 2001:db8::7 2001:db8::25 1 25\r\n"));
  assert.equal(six !== null && six !== "short" && six.kind === "proxied" && six.ip, "2001:db8::7");
  assert.deepEqual(readProxyHeader(text("PROXY UNKNOWN ffff:: whatever\r\n")), { kind: "local", next: 31 });
});

test("version 2 headers: IPv4, IPv6, local, extras behind the addresses", () => {
  const four = Buffer.from([192, 0, 2, 7, 192, 0, 2, 25, 0x9c, 0x40, 0, 25]);
  const expected = { kind: "proxied", ip: "192.0.2.7", port: 40_000, localIp: "192.0.2.25", localPort: 25 };
  assert.deepEqual(readProxyHeader(binary(0x21, 0x11, four)), { ...expected, next: 28 });
  const extras = Buffer.concat([four, Buffer.from([4, 0, 1, 0])]);
  assert.deepEqual(readProxyHeader(binary(0x21, 0x11, extras)), { ...expected, next: 32 });
  const six = Buffer.concat([
    Buffer.from("20010db8000000000000000000000007", "hex"),
    Buffer.from("00000000000000000000ffffc0000219", "hex"),
    Buffer.from([0, 1, 0, 25]),
  ]);
  const read = readProxyHeader(binary(0x21, 0x21, six));
  assert.ok(read !== null && read !== "short" && read.kind === "proxied");
  assert.deepEqual([read.ip, read.localIp], ["2001:db8::7", "192.0.2.25"]);
  assert.deepEqual(readProxyHeader(binary(0x20, 0x00, Buffer.alloc(0))), { kind: "local", next: 16 });
  assert.deepEqual(readProxyHeader(binary(0x21, 0x00, Buffer.alloc(3))), { kind: "local", next: 19 });
});

test("what is no header is told at once, what may become one is waited for", () => {
  for (const wrong of [
    "EHLO x\r\n",
    "PROXY TCP4 192.0.2.7 192.0.2.25 40000\r\n",
    "PROXY TCP4 192.0.2.7 192.0.2.25 40000 25 more\r\n",
    "PROXY TCP4 2001:db8::1 192.0.2.25 40000 25\r\n",
    "PROXY TCP4 192.0.2.7 192.0.2.25 70000 25\r\n",
    "PROXY TCP4 192.0.2.7 192.0.2.25 -1 25\r\n",
    "PROXY UDP4 192.0.2.7 192.0.2.25 1 25\r\n",
    `PROXY ${"x".repeat(200)}`,
  ]) {
    assert.equal(readProxyHeader(text(wrong)), null, wrong);
  }
  assert.equal(readProxyHeader(binary(0x31, 0x11, Buffer.alloc(12))), null);
  assert.equal(readProxyHeader(binary(0x22, 0x11, Buffer.alloc(12))), null);
  assert.equal(readProxyHeader(binary(0x21, 0x11, Buffer.alloc(11))), null);
  assert.equal(readProxyHeader(binary(0x21, 0x11, Buffer.alloc(60_000))), null);
  for (const short of ["", "P", "PROXY", "PROXY TCP4 1", "\r\n\r\n"])
    assert.equal(readProxyHeader(text(short)), "short");
});

test("a header is read the same whatever follows it, and every beginning of it asks for more", () => {
  const headers = [
    text("PROXY TCP4 192.0.2.7 192.0.2.25 40000 25\r\n"),
    text("PROXY UNKNOWN\r\n"),
    binary(0x21, 0x11, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])),
    binary(0x20, 0x00, Buffer.alloc(5)),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...headers), fc.uint8Array({ maxLength: 40 }), fc.nat(60), (header, tail, length) => {
      const whole = readProxyHeader(Buffer.concat([header, tail]));
      assert.deepEqual(whole, readProxyHeader(header));
      if (length < header.length) assert.equal(readProxyHeader(header.subarray(0, length)), "short");
    }),
  );
});

test("no bytes make the parser throw, and none make it wait beyond its bound", () => {
  const unit = fc.oneof(fc.constant(signature), fc.constant(text("PROXY TCP4 ")), fc.uint8Array({ maxLength: 20 }));
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 6 }), (parts) => {
      readProxyHeader(Buffer.concat(parts));
      assert.notEqual(readProxyHeader(Buffer.concat([...parts, Buffer.alloc(2200, "x")])), "short");
    }),
    { numRuns: 3_000 },
  );
});
