import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { type ZoneName, zoneDns } from "../testing/index.ts";
import { checkHost } from "./check-host.ts";
import { isDomainSpec, parseSpfRecord } from "./record.ts";

type Row = readonly [
  record: string,
  expected: string,
  more?: { readonly ip?: string; readonly zone?: Record<string, ZoneName> },
];

const question = {
  domain: "dom.test",
  sender: "joe.blow+x@dom.test",
  helo: "mail.dom.test",
  receiver: "mx.test",
  nowSeconds: 7,
};

async function resultOf(record: string | readonly string[], more: Row[2] = {}): Promise<string> {
  const zone = { "dom.test": { txt: [record].flat() }, ...more.zone };
  const { result, explanation } = await checkHost({ ...question, ip: more.ip ?? "192.0.2.3" }, zoneDns(zone));
  return explanation === null ? result : `${result} ${explanation}`;
}

/** RFC 7208, clause by clause. */
const rows: Readonly<Record<string, readonly Row[]>> = {
  "records (4.5)": [
    ["v=spf1 -all", "fail"],
    ["V=SPF1 ~all", "softfail"],
    ["v=spf1", "neutral"],
    ["v=spf10 -all", "none"],
    ["v=spf1\t-all", "none"],
    ["hello", "none"],
  ],
  "errors anywhere spoil all of it (4.6)": [
    ["v=spf1 +all moo", "permerror"],
    ["v=spf1 +all:", "permerror"],
    ["v=spf1 +all ip4:1.2.3", "permerror"],
    ["v=spf1 ip4:192.0.2.0/33 +all", "permerror"],
    ["v=spf1 ip4:192.0.2.0/032 +all", "permerror"],
    ["v=spf1 ip6:2001:db8::/129 +all", "permerror"],
    ["v=spf1 ip6:::1%lo +all", "permerror"],
    ["v=spf1 a:foo-bar +all", "permerror"],
    ["v=spf1 a:%%1.test/ +all", "permerror"],
    ["v=spf1 a/33 +all", "permerror"],
    ["v=spf1 mx//129 +all", "permerror"],
    ["v=spf1 include: +all", "permerror"],
    ["v=spf1 exists +all", "permerror"],
    ["v=spf1 a:%{z}.test +all", "permerror"],
    ["v=spf1 a:%{d0}.test +all", "permerror"],
    ["v=spf1 a:%d.test +all", "permerror"],
    ["v=spf1 a:%{c}.test +all", "permerror"],
    ["v=spf1 redirect=a.test redirect=b.test", "permerror"],
    ["v=spf1 exp=%{i} exp=b.test +all", "permerror"],
    ["v=spf1 moo.cow/x=1 +all", "permerror"],
    ["v=spf1 a:\xe9.test +all", "permerror"],
  ],
  "modifiers that are unknown are ignored (6)": [
    ["v=spf1 moo.cow-far_out=man:dog/cat +all", "pass"],
    ["v=spf1 default= +all", "pass"],
    ["v=spf1 x=%{abc} +all", "permerror"],
  ],
  "networks (5.6)": [
    ["v=spf1 ip4:192.0.2.3 -all", "pass"],
    ["v=spf1 ip4:192.0.2.0/30 -all", "pass"],
    ["v=spf1 ip4:192.0.2.4/30 -all", "fail"],
    ["v=spf1 ip4:0.0.0.0/0 -all", "pass"],
    ["v=spf1 ip6:2001:db8::/32 -all", "pass", { ip: "2001:DB8::5" }],
    ["v=spf1 ip6:::ffff:192.0.2.3 -all", "fail"],
    ["v=spf1 ip4:192.0.2.3 -all", "pass", { ip: "::FFFF:192.0.2.3" }],
    ["v=spf1 ip6:::/0 -all", "fail"],
  ],
  "a and mx (5.3, 5.4)": [
    ["v=spf1 a:h.test -all", "pass", { zone: { "h.test": { a: ["192.0.2.9", "192.0.2.3"] } } }],
    ["v=spf1 a:h.test/24 -all", "pass", { zone: { "h.test": { a: ["192.0.2.9"] } } }],
    ["v=spf1 a:h.test//64 -all", "pass", { ip: "2001:db8::7", zone: { "h.test": { aaaa: ["2001:db8::1"] } } }],
    ["v=spf1 a:h.test -all", "fail", { ip: "2001:db8::7", zone: { "h.test": { a: ["192.0.2.3"] } } }],
    ["v=spf1 mx:h.test -all", "pass", { zone: { "h.test": { mx: ["m.test"] }, "m.test": { a: ["192.0.2.3"] } } }],
    ["v=spf1 mx:h.test -all", "fail", { zone: { "h.test": { a: ["192.0.2.3"] } } }],
    ["v=spf1 mx:h.test -all", "permerror", { zone: { "h.test": { mx: Array<string>(11).fill("m.test") } } }],
    ["v=spf1 a:h.test -all", "temperror", { zone: { "h.test": { trouble: true } } }],
    ["v=spf1 a:a...b.test -all", "fail"],
  ],
  "exists and ptr (5.5, 5.7)": [
    ["v=spf1 exists:%{ir}.x.test -all", "pass", { zone: { "3.2.0.192.x.test": { a: ["127.0.0.2"] } } }],
    ["v=spf1 exists:h.test -all", "pass", { ip: "2001:db8::7", zone: { "h.test": { a: ["127.0.0.2"] } } }],
    [
      "v=spf1 ptr -all",
      "pass",
      { zone: { "3.2.0.192.in-addr.arpa": { ptr: ["m.dom.test"] }, "m.dom.test": { a: ["192.0.2.3"] } } },
    ],
    [
      "v=spf1 ptr -all",
      "fail",
      { zone: { "3.2.0.192.in-addr.arpa": { ptr: ["m.dom.test"] }, "m.dom.test": { a: ["192.0.2.4"] } } },
    ],
    [
      "v=spf1 ptr -all",
      "fail",
      { zone: { "3.2.0.192.in-addr.arpa": { ptr: ["evildom.test"] }, "evildom.test": { a: ["192.0.2.3"] } } },
    ],
  ],
  "include and redirect (5.2, 6.1)": [
    ["v=spf1 include:i.test -all", "pass", { zone: { "i.test": { txt: ["v=spf1 ip4:192.0.2.3 -all"] } } }],
    ["v=spf1 include:i.test ~all", "softfail", { zone: { "i.test": { txt: ["v=spf1 -all"] } } }],
    ["v=spf1 include:i.test ~all", "permerror"],
    ["v=spf1 include:i.test ~all", "temperror", { zone: { "i.test": { trouble: true } } }],
    ["v=spf1 redirect=i.test", "fail", { zone: { "i.test": { txt: ["v=spf1 -all"] } } }],
    ["v=spf1 redirect=i.test ?all", "neutral", { zone: { "i.test": { txt: ["v=spf1 -all"] } } }],
    ["v=spf1 redirect=i.test", "permerror"],
  ],
  "macros (7)": [
    [
      "v=spf1 exists:%{l1r+}.%{o}.%{d2}.%{v}.%{h} -all",
      "pass",
      { zone: { "joe.blow.dom.test.dom.test.in-addr.mail.dom.test": { a: ["127.0.0.2"] } } },
    ],
    ["v=spf1 exists:%{l1r+-}.x.test -all", "pass", { zone: { "joe.blow.x.test": { a: ["127.0.0.2"] } } }],
    ["v=spf1 exists:%{l-}.x.test -all", "pass", { zone: { "joe.blow+x.x.test": { a: ["127.0.0.2"] } } }],
    [
      "v=spf1 -all exp=e.test",
      "fail 192.0.2.3 may not, joe.blow%2Bx%40dom.test at 7 100%",
      { zone: { "e.test": { txt: ["%{c} may not, %{S} at %{t} 100%%"] } } },
    ],
    ["v=spf1 -all exp=e.test", "fail", { zone: { "e.test": { txt: ["%{bad"] } } }],
    ["v=spf1 -all exp=e.test", "fail", { zone: { "e.test": { txt: ["one", "two"] } } }],
    ["v=spf1 exists:%{p}.x.test -all", "pass", { zone: { "unknown.x.test": { a: ["127.0.0.2"] } } }],
  ],
};

for (const [clause, table] of Object.entries(rows)) {
  test(`SPF ${clause}: ${table.length} records give what RFC 7208 says`, async () => {
    for (const [record, expected, more] of table) assert.equal(await resultOf(record, more), expected, record);
  });
}

test("two records are an error, and a name that cannot be asked for has none", async () => {
  assert.equal(await resultOf(["v=spf1 -all", "v=spf1 +all"]), "permerror");
  for (const domain of ["localhost", "a..b", "[192.0.2.1]", `${"x".repeat(64)}.test`]) {
    const { result } = await checkHost({ ...question, ip: "192.0.2.3", domain, sender: `a@${domain}` }, zoneDns({}));
    assert.equal(result, "none", domain);
  }
});

test("ten terms may ask DNS, in all records together, and two answers may be empty [J-201]", async () => {
  const hosts = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `a:h${from + i}.test`).join(" ");
  const zone = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`h${i}.test`, { a: ["192.0.2.77"] }]));
  assert.equal(await resultOf(`v=spf1 ${hosts(10)} -all`, { zone }), "fail");
  assert.equal(await resultOf(`v=spf1 ${hosts(11)} -all`, { zone }), "permerror");
  const included = { ...zone, "i.test": { txt: [`v=spf1 ${hosts(5)} -all`] } };
  assert.equal(await resultOf(`v=spf1 include:i.test ${hosts(4, 5)} -all`, { zone: included }), "fail");
  assert.equal(await resultOf(`v=spf1 include:i.test ${hosts(5, 5)} -all`, { zone: included }), "permerror");
  assert.equal(await resultOf("v=spf1 a:x1.test a:x2.test -all"), "fail");
  assert.equal(await resultOf("v=spf1 a:x1.test a:x2.test a:x3.test -all"), "permerror");
  // Names made by macros count as all others do.
  assert.equal(await resultOf("v=spf1 exists:%{i}.x exists:%{d}.x exists:%{l}.%{d}.x -all"), "permerror");
  // A record that includes itself ends.
  assert.equal(await resultOf("v=spf1 include:dom.test -all"), "permerror");
});

test("SPF ends for every record, and throws for none", async () => {
  const words = [
    "a",
    "mx",
    "ptr",
    "include:dom.test",
    "redirect=dom.test",
    "exists:%{p}.%{d}",
    "ip4:1.2.3.4/5",
    "exp=%{d}",
    "-all",
    "a:%{l9r-}.x",
    "x=",
    "\x80",
    "%",
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...words), { maxLength: 30 }), async (some) => {
      assert.match(
        await resultOf(`v=spf1 ${some.join(" ")}`),
        /^(?:none|neutral|pass|fail|softfail|temperror|permerror)/,
      );
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => void [parseSpfRecord(`v=spf1 ${text}`), isDomainSpec(text)]),
  );
});

/** The suite of openspf.org as one JSON array of its documents: `SPF_SUITE=FILE` where somebody has it. */
const suite = process.env.SPF_SUITE;
type SuiteRecord = "TIMEOUT" | Readonly<Record<string, string | readonly string[] | readonly [number, string]>>;
type Suite = {
  readonly description: string;
  readonly tests: Readonly<
    Record<string, { host: string; helo: string; mailfrom?: string; result: string | string[] }>
  >;
  readonly zonedata: Readonly<Record<string, readonly SuiteRecord[]>>;
};

test("the openspf.org suite for RFC 7208, where it is at hand", {
  skip: suite === undefined && "SPF_SUITE names no file",
}, async () => {
  for (const { tests, zonedata, description } of JSON.parse(readFileSync(suite ?? "", "utf8")) as readonly Suite[]) {
    const zone = Object.fromEntries(
      Object.entries(zonedata).map(([name, records]) => [plainName(name), zoneName(records)]),
    );
    for (const [name, { host, helo, mailfrom, result }] of Object.entries(tests)) {
      const sender = (mailfrom ?? "") === "" ? `postmaster@${helo}` : (mailfrom ?? "");
      const domain = sender.slice(sender.lastIndexOf("@") + 1);
      const got = await checkHost({ ...question, ip: host, domain, sender, helo }, zoneDns(followed(zone)));
      assert.ok([result].flat().includes(got.result), `${description}, ${name}: ${got.result} (${got.why})`);
    }
  }
});

const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, "");

function zoneName(records: readonly SuiteRecord[]): ZoneName & { readonly cname?: string } {
  const of = (type: string) =>
    records.flatMap((record) => (record === "TIMEOUT" || !(type in record) ? [] : [record[type]]));
  const texts = of("TXT").length > 0 ? of("TXT").filter((text) => text !== "NONE") : of("SPF");
  const txt = texts.map((text) => [text].flat().join(""));
  const [cname] = of("CNAME");
  return {
    txt,
    a: of("A").map(String),
    aaaa: of("AAAA").map(String),
    mx: of("MX").map((mx) => plainName(String([mx].flat()[1]))),
    ptr: of("PTR").map((name) => plainName(String(name))),
    ...(records.includes("TIMEOUT") && txt.length === 0 ? { trouble: true as const } : {}),
    ...(cname === undefined ? {} : { cname: plainName(String(cname)) }),
  };
}

/** Aliases put in place, as a resolver follows them. */
function followed(zone: Readonly<Record<string, ZoneName & { readonly cname?: string }>>): Record<string, ZoneName> {
  const target = (name: string, hops: number): ZoneName => {
    const entry = zone[name];
    return entry?.cname !== undefined && hops < 10 ? target(entry.cname, hops + 1) : (entry ?? {});
  };
  return Object.fromEntries(Object.keys(zone).map((name) => [name, target(name, 0)]));
}
