import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { qualifiersFrom, qualifyAddress } from "./qualify-address.ts";
import { foldColumns } from "./render-tokens.ts";
import { rewriteAddressField } from "./rewrite-address-field.ts";
import { tokenize } from "./tokens.ts";

/** The setting of spec 7.5. */
const qualifiers = qualifiersFrom({
  defaultHost: "mail.example.com",
  defaultDomain: "example.com",
  plusDomain: "example.com",
});
assert.ok("host" in qualifiers);
const qualified = (field: string) => rewriteAddressField(field, (address) => qualifyAddress(address, qualifiers));
const rendered = (value: string) => qualified(`To: ${value}\n`).field;
const untouched = (value: string) => rewriteAddressField(`To: ${value}\n`, (address) => address);

/** Milliseconds of CPU since it was made: other work on the machine does not count. */
function cpuClock(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}

test("an address is completed by the seven rules in their order [Q-207]", () => {
  const cases: [string, string][] = [
    ["<>", "<>"],
    ["<#@[]>", "<#@[]>"],
    ["x@[]", "x@[]"],
    ["<@r1,@r2:u@h.com>", "<u@h.com>"],
    ["foo@bar.", "foo@bar.example.com"],
    ["foo@bar.com.", "foo@bar.com"],
    ["joe@", "joe@mail.example.com"],
    ["fred", "fred@mail.example.com"],
    ["eric@mammoth.cs+", "eric@mammoth.cs.example.com"],
    ["joe@sun", "joe@sun.example.com"],
    ["me+", "me+@mail.example.com"],
    ["u@[1.2.3.4]", "u@[1.2.3.4]"],
    ["a@b.c", "a@b.c"],
    ["<@>", "<>"],
    ["<@r:>", "<>"],
  ];
  for (const [written, expected] of cases) assert.equal(rendered(written), `To: ${expected}\n`, written);
});

test("a short default host is completed like any other host [Q-207]", () => {
  const short = qualifiersFrom({ defaultHost: "mail", defaultDomain: "example.com", plusDomain: "p.net" });
  const plus = qualifiersFrom({ defaultHost: "mail+", defaultDomain: "example.com", plusDomain: "p.net" });
  assert.ok("host" in short && "host" in plus);
  assert.equal(rewriteAddressField("To: joe\n", (a) => qualifyAddress(a, short)).field, "To: joe@mail.example.com\n");
  assert.equal(rewriteAddressField("To: joe\n", (a) => qualifyAddress(a, plus)).field, "To: joe@mail.p.net\n");
});

test("missing commas are put in; groups and comments stay, comments behind their address [Q-208]", () => {
  const cases: [string, string, string[]][] = [
    ["djb fred", "djb, fred", ["djb", "fred"]],
    ["djb@x.y fred", "djb@x.y, fred", ["djb@x.y", "fred"]],
    ["Joe Shmoe <joe@x.y> fred", "Joe Shmoe <joe@x.y>, fred", ["joe@x.y", "fred"]],
    ["friends: a@b, c@d;", "friends: a@b, c@d;", ["a@b", "c@d"]],
    ["friends: a@b;fred", "friends: a@b;, fred", ["a@b", "fred"]],
    ["g: a; h: b;", "g: a;, h: b;", ["a", "b"]],
    ["recipient list not shown: ;", "recipient list not shown: ;", []],
    ["a)", '"a\\)"', ["a)"]],
    ["joe (Joe (nested) x) @ x.y", "joe@x.y (Joe nested x)", ["joe@x.y"]],
    ["(who) joe, fred (that)", "joe (who), fred (that)", ["joe", "fred"]],
    ["joe @ x . y", "joe@x.y", ["joe@x.y"]],
    ['"a b"@c', '"a b"@c', ["a b@c"]],
    ["a\\ b@c", '"a b"@c', ["a b@c"]],
    ['"q\\"q"@c', '"q\\"q"@c', ['q"q@c']],
    ["a, , b,", "a, , b,", ["a", "b"]],
    ["<>", "<>", [""]],
    ["joe@[1.2.3.4]", "joe@[1.2.3.4]", ["joe@[1.2.3.4]"]],
    ["\u00e9t\u00e9@x.y", '"\u00e9t\u00e9"@x.y', ["\u00e9t\u00e9@x.y"]],
  ];
  for (const [written, expected, addresses] of cases) {
    assert.deepEqual(untouched(written), { field: `To: ${expected}\n`, addresses }, written);
  }
});

test("what cannot be parsed is null, and addresses right of the trouble are known", () => {
  for (const value of ["(open", '"open', "[open", "a )", "b ]", ")", "a, ]b"]) {
    assert.deepEqual(untouched(value), { field: null, addresses: [] }, value);
  }
  assert.deepEqual(untouched("c: d, e"), { field: null, addresses: ["d", "e"] }, "a group that does not end");
  assert.deepEqual(untouched("a>, b"), { field: null, addresses: ["a", "b"] }, "an angle that does not open");
  assert.equal(untouched("g: a; b;").field, null, "a group that does not begin");
});

test("a field's name keeps its spelling, blanks before the colon go", () => {
  assert.equal(qualified("rEsEnt-to \t: joe@x.y\n").field, "rEsEnt-to: joe@x.y\n");
  assert.equal(qualified("To:\n").field, "To:\n");
});

test("lines are folded after commas beyond 80 columns with LF and two blanks [Q-209]", () => {
  const names = Array.from({ length: 9 }, (_, i) => `person${i}@host.example.com`);
  assert.equal(
    untouched(names.join(",")).field,
    "To: person0@host.example.com, person1@host.example.com,\n" +
      "  person2@host.example.com, person3@host.example.com,\n" +
      "  person4@host.example.com, person5@host.example.com,\n" +
      "  person6@host.example.com, person7@host.example.com, person8@host.example.com\n",
  );
});

test("a To line of 1 MB is parsed, completed and folded in a moment [Q-209]", () => {
  const value = Array.from({ length: 40_000 }, (_, i) => `Person ${i} <p${i}@sun>`).join(", ");
  assert.ok(value.length > 1_000_000);
  const cpuMs = cpuClock();
  const { field, addresses } = qualified(`To: ${value}\n`);
  const tookMs = cpuMs();
  assert.equal(addresses.length, 40_000);
  assert.equal(addresses[39_999], "p39999@sun.example.com");
  assert.ok(field?.split("\n").every((line) => line.length <= foldColumns));
  assert.ok(tookMs < 1000, `took ${tookMs} ms`);
});

/** Octets a parser trips over more often than chance would have it. */
const troublesome = fc.string({ unit: fc.constantFrom(...'ab.@<>,:;()[]"\\ \t\n\r+\0\u00ff'), maxLength: 60 });
const anyOctets = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

test("any octets are parsed or refused without a throw, and parsing what was rendered changes nothing", () => {
  fc.assert(
    fc.property(fc.oneof(troublesome, anyOctets), (value) => {
      const once = untouched(value);
      if (once.field === null) return;
      const twice = rewriteAddressField(once.field, (address) => address);
      assert.deepEqual(twice.addresses, once.addresses);
      assert.equal(rewriteAddressField(twice.field ?? "", (address) => address).field, twice.field);
    }),
    { numRuns: 2000 },
  );
});

test("long junk takes time in proportion to its length", () => {
  for (const piece of ["(", "a ", "\\", "<", ":;", "a@b ", "[", '"', "a.", ",", "@", "\n "]) {
    const cpuMs = cpuClock();
    untouched(piece.repeat(300_000));
    const tookMs = cpuMs();
    assert.ok(tookMs < 2000, `${JSON.stringify(piece)} took ${tookMs} ms`);
  }
});

test("tokens carry their text without quoting", () => {
  assert.deepEqual(tokenize('a"b c"[d](e(f)\\)g)'), [
    { kind: "atom", text: "a" },
    { kind: "quote", text: "b c" },
    { kind: "literal", text: "d" },
    { kind: "comment", text: "ef)g" },
  ]);
});

test("an empty defaultdomain leaves a host without a dot as it is", () => {
  const bare = qualifiersFrom({ defaultHost: "localhost", defaultDomain: "", plusDomain: "p.net" });
  assert.ok("host" in bare);
  const field = (value: string) => rewriteAddressField(`To: ${value}\n`, (a) => qualifyAddress(a, bare)).field;
  assert.equal(field("you"), "To: you@localhost\n");
  assert.equal(field("you@localhost"), "To: you@localhost\n");
});
