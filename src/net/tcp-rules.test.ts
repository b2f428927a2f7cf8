import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseTcpRules, type TcpPeer, type TcpRules } from "./tcp-rules.ts";

function rules(...lines: string[]): TcpRules {
  const parsed = parseTcpRules(`${lines.join("\n")}\n`);
  assert.ok("find" in parsed, JSON.stringify(parsed));
  return parsed;
}

/** Each rule sets W to its own name, so that the one that decided can be told. */
const named = (...addresses: string[]): TcpRules =>
  rules(...addresses.map((address) => `${address}:allow,W="${address}"`));

const decides = (over: TcpRules, peer: TcpPeer): string | undefined =>
  over.find(peer).changes.find(([name]) => name === "W")?.[1] ?? undefined;

test("the first of the classic keys that has a rule decides alone", () => {
  const all = [
    "joe@192.0.2.1",
    "joe@=a.two.three",
    "192.0.2.1",
    "=a.two.three",
    "192.0.2.",
    "192.0.",
    "192.",
    "192.0.2.0/24",
    "192.0.0.0/16",
    "=.two.three",
    "=.three",
    "=",
    "",
  ];
  const peer = { ip: "192.0.2.1", host: "a.two.three", info: "joe" };
  for (let from = 0; from < all.length; from++) {
    assert.equal(decides(named(...all.slice(from).reverse()), peer), all[from]);
  }
  assert.equal(decides(named("=", "=.three", "joe@=x", "=x"), { ip: "192.0.2.1" }), undefined);
  assert.equal(decides(named("=.two.three", "=.three"), { ip: "192.0.2.1", host: "two.three" }), "=.three");
});

test("instructions: allow and deny, values in any quote, commas in them, removal, the first of two equal addresses", () => {
  const over = rules(
    "# a comment",
    '127.:allow,RELAYCLIENT="",X=/a,b/,Y=|a"b|',
    "10.:deny  ",
    "10.:allow",
    "no colon here",
    "  11.:deny",
    "12.:allow,!RELAYCLIENT",
    ":allow",
  );
  const changes = [
    ["RELAYCLIENT", ""],
    ["X", "a,b"],
    ["Y", 'a"b'],
  ];
  assert.deepEqual(over.find({ ip: "127.0.0.1" }), { verdict: "allow", changes });
  assert.equal(over.find({ ip: "10.1.2.3" }).verdict, "deny");
  assert.equal(over.find({ ip: "11.1.2.3" }).verdict, "allow");
  assert.deepEqual(over.find({ ip: "12.1.2.3" }).changes, [["RELAYCLIENT", null]]);
});

test("no rules, or none that fits, let everyone in unchanged", () => {
  assert.deepEqual(rules("").find({ ip: "192.0.2.1" }), { verdict: "allow", changes: [] });
  assert.deepEqual(rules("10.:deny").find({ ip: "100.0.0.1" }), { verdict: "allow", changes: [] });
});

test("ranges stand for each number of them; reversed ones for none", () => {
  const over = named("1.2.3.037-039", "127.0-5.", "9.9.9.250-300", "8.8.8.7-4", "1.1.1.1-1.1.1.9");
  assert.equal(decides(over, { ip: "1.2.3.38" }), "1.2.3.037-039");
  assert.equal(decides(over, { ip: "1.2.3.40" }), undefined);
  assert.equal(decides(over, { ip: "127.5.1.1" }), "127.0-5.");
  assert.equal(decides(over, { ip: "127.6.1.1" }), undefined);
  assert.equal(decides(over, { ip: "9.9.9.255" }), "9.9.9.250-300");
  assert.equal(decides(over, { ip: "8.8.8.5" }), undefined);
  assert.equal(decides(over, { ip: "1.1.1.5" }), undefined);
  assert.equal(decides(named("=a-b.test"), { ip: "1.1.1.1", host: "a-b.test" }), "=a-b.test");
});

test("IPv6 addresses, prefixes and networks", () => {
  const over = named("2001:db8::1", "2001:db8:1:", "2001:db8:2::/48", "2001:db8:2:8000::/49", "::ffff:0:0/96");
  assert.equal(decides(over, { ip: "2001:db8::1" }), "2001:db8::1");
  assert.equal(decides(over, { ip: "2001:db8:1::7" }), "2001:db8:1:");
  assert.equal(decides(over, { ip: "2001:db8:2::7" }), "2001:db8:2::/48");
  assert.equal(decides(over, { ip: "2001:db8:2:8001::7" }), "2001:db8:2:8000::/49");
  assert.equal(decides(over, { ip: "2001:db8:3::7" }), undefined);
  assert.equal(decides(over, { ip: "::ffff:1.2.3.4" }), "::ffff:0:0/96");
});

test("a line that is no rule is named", () => {
  const bad = (line: string): void =>
    assert.deepEqual(parseTcpRules(`:allow\n${line}\n`), { kind: "malformed", line: 2, text: line });
  bad("1.:permit");
  bad('1.:allow,X="open');
  bad("1.:allow,X");
  bad("1.:allow;");
  bad("1.2-x.:deny");
});

test("the longest network wins, as counted bit by bit", () => {
  const octet = fc.nat(255);
  const width = fc.nat(32);
  const number = (ip: readonly number[]): bigint => ip.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const ip = fc.tuple(octet, octet, octet, octet);
  fc.assert(
    fc.property(ip, fc.array(fc.tuple(ip, width), { maxLength: 6 }), (peer, networks) => {
      const over = named(...networks.map(([address, bits]) => `${address.join(".")}/${bits}`));
      const fitting = networks.filter(([address, bits]) => {
        return number(address) >> BigInt(32 - bits) === number(peer) >> BigInt(32 - bits);
      });
      const longest = Math.max(-1, ...fitting.map(([, bits]) => bits));
      const got = decides(over, { ip: peer.join(".") });
      assert.equal(got === undefined ? -1 : Number(got.split("/")[1]), longest);
    }),
  );
});

test("no text makes the parser or the rules throw", () => {
  const unit = fc.constantFrom(
    "1",
    ".",
    ":",
    ",",
    "=",
    '"',
    "-",
    "/",
    "allow",
    "deny",
    "\n",
    "@",
    "#",
    " ",
    "::",
    "255",
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), fc.string({ unit, maxLength: 12 }), (text, ip) => {
      const parsed = parseTcpRules(text);
      if ("find" in parsed) parsed.find({ ip, host: ip, info: "x" });
    }),
    { numRuns: 3_000 },
  );
});
