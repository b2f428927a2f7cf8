import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { parseTcpRuleLines } from "#net";
import { openRuleBook, renderRuleDatabase } from "#ucspi";
import { folderFor, outcome } from "./testing/ucspi-house.ts";

const compile = (t: TestContext, cwd: string, rules: string) =>
  outcome(t, ["tcprules", "r.cdb", "r.tmp"], { cwd, stdin: rules });

/** What tcprulescheck says about a peer under these rules. */
async function check(t: TestContext, rules: string, peer: NodeJS.ProcessEnv): Promise<string> {
  const cwd = folderFor(t);
  assert.deepEqual(await compile(t, cwd, rules), { code: 0, stdout: "", stderr: "" });
  const { code, stdout, stderr } = await outcome(t, ["tcprulescheck", "r.cdb"], { cwd, env: peer });
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

/** The key of the rule that decides. */
async function decides(t: TestContext, rules: string, ip: string, host?: string, info?: string): Promise<string> {
  const said = await check(t, rules, { TCPREMOTEIP: ip, TCPREMOTEHOST: host, TCPREMOTEINFO: info });
  return /^rule (.*):\n/.exec(said)?.[1] ?? "default";
}

/** Rules that deny at each of these addresses. */
const denying = (...addresses: readonly string[]): string => addresses.map((address) => `${address}:deny\n`).join("");

const keysIn = (rules: string): readonly string[] => {
  const parsed = parseTcpRuleLines(rules);
  assert.ok(!("kind" in parsed), JSON.stringify(parsed));
  return parsed.map(({ key }) => key);
};

test("a wrong number of arguments is the usage line and 100 [U-046]", async (t) => {
  for (const args of [[], ["a"], ["a", "b", "c"]]) {
    const { code, stderr } = await outcome(t, ["tcprules", ...args]);
    assert.deepEqual([code, stderr], [100, "tcprules: usage: tcprules rules.cdb rules.tmp\n"]);
  }
  for (const args of [[], ["a", "b"]]) {
    const { code, stderr } = await outcome(t, ["tcprulescheck", ...args]);
    assert.deepEqual([code, stderr], [100, "tcprulescheck: usage: tcprulescheck rules.cdb\n"]);
  }
});

test("a temporary file that cannot be made is named with the reason, 111 [U-047]", async (t) => {
  const { code, stderr } = await outcome(t, ["tcprules", "r.cdb", "no/such/r.tmp"], { cwd: folderFor(t) });
  assert.deepEqual([code, stderr], [111, "tcprules: fatal: unable to create no/such/r.tmp: file does not exist\n"]);
});

test("a target that cannot be replaced is named with the reason, 111 [U-048]", async (t) => {
  const cwd = folderFor(t);
  mkdirSync(join(cwd, "r.cdb"));
  const { code, stderr } = await outcome(t, ["tcprules", "r.cdb", "r.tmp"], { cwd });
  assert.deepEqual([code, stderr], [111, "tcprules: fatal: unable to move r.tmp to r.cdb: is a directory\n"]);
});

const golden: readonly (readonly [id: string, rules: string, size: number, sha256: string])[] = [
  ["U-049", "", 2048, "ad292543e381bc50175b6b6452ccc06e579755910a528c8dc7d18019279e1f3f"],
  ["U-050", "1.2.3.4:deny\n", 2081, "d5a60ae0956f0497b3318c3e718b95fdc40acf58d6dc5e995ebfbed0384a876c"],
  [
    "U-051",
    '127.:allow,RELAYCLIENT=""\n:allow\n',
    2114,
    "eb77cc85484d9cdfabc42f0e48b486bd84c13e1f1595bf65fc59a2ab8497be06",
  ],
  [
    "U-051",
    '1.2.3.4:allow,A="x",B=/y/\n=host.x:deny\n10.2-3.:allow\nbadline\n  # lead:deny\n:allow\n',
    2238,
    "0a891c0f5cde9bacd20e45a54def3ab16fe631444ebdda3bd10148f8c59cc5c4",
  ],
];

for (const [id, rules, size, sha256] of golden) {
  test(`${JSON.stringify(rules.slice(0, 24))}... compiles to the original's octets [${id}]`, async (t) => {
    const cwd = folderFor(t);
    assert.equal((await compile(t, cwd, rules)).code, 0);
    const bytes = readFileSync(join(cwd, "r.cdb"));
    assert.deepEqual([bytes.length, createHash("sha256").update(bytes).digest("hex")], [size, sha256]);
    assert.deepEqual(readdirSync(cwd), ["r.cdb"]);
  });
}

test("a line that is no rule is shown, and the old database stays [U-052]", async (t) => {
  const cwd = folderFor(t);
  writeFileSync(join(cwd, "r.cdb"), "as it was");
  for (const line of ["1.2.3.4:maybe", "1.2.3.4:allow X", '1.2.3.4:allow,X="1', "1.2.x-3:allow", "1.2.3-x:deny"]) {
    const { code, stderr } = await compile(t, cwd, `:allow\n${line}  \n`);
    assert.deepEqual([code, stderr], [100, `tcprules: fatal: unable to parse this line: ${line}\n`]);
    assert.equal(readFileSync(join(cwd, "r.cdb"), "latin1"), "as it was");
  }
});

test("comments and blank lines are skipped [U-053]", () => {
  assert.deepEqual(keysIn("# 1.2.3.4:deny\n\n   \t\n#\n1.:deny"), ["1."]);
});

test("a line without colon is no rule and no error [U-054]", () => {
  assert.deepEqual(keysIn("1.2.3.4\nallow\n2.:deny\n"), ["2."]);
});

test("blanks at a line's end are cut off, at its beginning they are the address's [U-055]", async (t) => {
  assert.deepEqual(keysIn("  1.:deny\n2.:allow \t \n"), ["  1.", "2."]);
  assert.equal(await decides(t, "  1.:deny\n", "1.1.1.1"), "default");
});

test("any octet may quote a value, which may have commas [U-056]", async (t) => {
  const said = await check(t, `:allow,A="x,y",B=/"/,C=ab ca,D=,z,\n`, {});
  assert.equal(
    said,
    'rule :\nset environment variable A=x,y\nset environment variable B="\nset environment variable C=b c\n' +
      "set environment variable D=z\nallow connection\n",
  );
});

test("a range stands for each of its numbers [U-057]", async (t) => {
  assert.deepEqual(keysIn("127.0-5.:deny"), ["127.0.", "127.1.", "127.2.", "127.3.", "127.4.", "127.5."]);
  assert.equal(await decides(t, "127.0-5.:deny", "127.5.0.1"), "127.5.");
  assert.equal(await decides(t, "127.0-5.:deny", "127.6.0.1"), "default");
});

test("a range's leading zeros do not count [U-058]", () => {
  assert.deepEqual(keysIn("1.2.3.037-039:deny"), ["1.2.3.37", "1.2.3.38", "1.2.3.39"]);
});

test("a range ends at 255 [U-059]", () => {
  assert.deepEqual(keysIn("1.2.3.254-999:deny"), ["1.2.3.254", "1.2.3.255"]);
});

test("a range that runs backwards writes nothing, and that is no error [U-060]", async (t) => {
  for (const rule of ["1.2.3.9-4:deny", "1.2.3.4-1.2.3.9:deny"]) {
    assert.deepEqual(keysIn(rule), []);
    assert.equal(await decides(t, rule, "1.2.3.4"), "default");
  }
});

test("a hyphen in a host's name or behind a user's is itself [U-061]", async (t) => {
  assert.equal(await decides(t, denying("=a-b.test", "joe-x@1.2.3.4"), "1.2.3.4", "a-b.test"), "=a-b.test");
  assert.equal(await decides(t, denying("joe-x@1.2.3.4"), "1.2.3.4", undefined, "joe-x"), "joe-x@1.2.3.4");
});

test("of two rules for one address the first counts [U-062]", async (t) => {
  assert.equal(
    await check(t, '1.:allow,X="1"\n1.:deny\n', { TCPREMOTEIP: "1.1.1.1" }),
    "rule 1.:\nset environment variable X=1\nallow connection\n",
  );
});

test("the keys are looked up in the original's order, each alone deciding [U-063]", async (t) => {
  const order = ["joe@1.2.3.4", "joe@=a.b.c", "1.2.3.4", "=a.b.c", "1.2.3.", "1.2.", "1.", "=.b.c", "=.c", "=", ""];
  for (let from = 0; from < order.length; from++) {
    const rules = denying(...order.slice(from).reverse());
    assert.equal(await decides(t, rules, "1.2.3.4", "a.b.c", "joe"), order[from], rules);
  }
});

test("a rule for the hosts of a domain is not for the domain itself [U-064]", async (t) => {
  assert.equal(await decides(t, denying("=.b.c"), "1.2.3.4", "a.b.c"), "=.b.c");
  assert.equal(await decides(t, denying("=.b.c"), "1.2.3.4", "b.c"), "default");
});

test("= is any host with a name [U-065]", async (t) => {
  assert.equal(await decides(t, denying("="), "1.2.3.4", "x"), "=");
  assert.equal(await decides(t, denying("="), "1.2.3.4"), "default");
});

test("tcprulescheck asks about 0.0.0.0 unless told [U-066]", async (t) => {
  assert.equal(await check(t, denying("0.0.0.0"), {}), "rule 0.0.0.0:\ndeny connection\n");
});

test("where no rule fits the connection is allowed by default [U-067]", async (t) => {
  assert.equal(await check(t, "", { TCPREMOTEIP: "1.2.3.4" }), "default:\nallow connection\n");
});

test("a rule that denies shows nothing behind that [U-068]", async (t) => {
  assert.equal(await check(t, ':deny,X="1"\n', {}), "rule :\ndeny connection\n");
});

test("variables are shown in the rule's order [U-069]", async (t) => {
  const said = await check(t, ':allow,Z="1",A="2",Z="3",!B\n', {});
  assert.equal(
    said,
    "rule :\nset environment variable Z=1\nset environment variable A=2\nset environment variable Z=3\n" +
      "remove environment variable B\nallow connection\n",
  );
});

test("a database that is not there, or cut short, is named with the reason, 111 [U-070]", async (t) => {
  const cwd = folderFor(t);
  const gone = await outcome(t, ["tcprulescheck", "r.cdb"], { cwd });
  assert.deepEqual(
    [gone.code, gone.stderr],
    [111, "tcprulescheck: fatal: unable to read r.cdb: file does not exist\n"],
  );
  writeFileSync(join(cwd, "r.cdb"), "short");
  assert.equal((await outcome(t, ["tcprulescheck", "r.cdb"], { cwd })).code, 111);
});

test("of IPv4 networks the longer prefix decides, behind the classic prefixes [U-071]", async (t) => {
  const rules = denying("10.0.0.0/8", "10.1.0.0/16", "10.1.128.0/17", "10.9.");
  for (const [ip, bits] of [
    ["10.1.200.1", "_00001010000000011"],
    ["10.1.1.1", "_0000101000000001"],
    ["10.2.1.1", "_00001010"],
    ["10.9.1.1", "10.9."],
    ["11.1.1.1", "default"],
  ] as const) {
    assert.equal(await decides(t, rules, ip), bits);
  }
});

test("an IPv6 address is a rule's address, however it is written, colons in values beside it [U-072]", async (t) => {
  const rules = '2001:DB8:0::1:allow,X="a:b"\nfe80::deny\n::1:deny\n';
  assert.deepEqual(keysIn(rules), ["2001:db8::1", "fe80:", "::1"]);
  assert.match(await check(t, rules, { TCPREMOTEIP: "2001:db8::1" }), /X=a:b/);
  assert.equal(await decides(t, rules, "::1"), "::1");
});

test("an IPv6 network is a rule's address [U-073]", async (t) => {
  const rules = denying("2001:db8::/32", "2001:db8:1::/48");
  assert.equal((await decides(t, rules, "2001:db8:1::5")).length, 49);
  assert.equal((await decides(t, rules, "2001:db8:2::5")).length, 33);
  assert.equal(await decides(t, rules, "2001:db9::5"), "default");
});

test("rules are read from their source, too, but a damaged one lets nobody in", async (t) => {
  const path = join(folderFor(t), "rules");
  writeFileSync(path, denying("1.2.3.4", "1.2.3.4"));
  assert.equal(openRuleBook(path)?.find({ ip: "1.2.3.4" })?.rule.verdict, "deny");
  writeFileSync(path, ":perhaps\n");
  assert.throws(() => openRuleBook(path), /line 1 is no rule/);
  writeFileSync(path, renderRuleDatabase([]).subarray(0, 1000));
  assert.throws(() => openRuleBook(path), /cut short/);
  assert.equal(openRuleBook(`${path}.gone`), null);
});

test("any rules come out of a database as they went in", async (t) => {
  const path = join(folderFor(t), "r.cdb");
  const word = fc.string({ unit: fc.constantFrom(..."ab.=@: -1é"), maxLength: 6 });
  const name = fc.stringMatching(/^[A-Z]{1,4}$/);
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: word, name, value: word, denies: fc.boolean() }), { maxLength: 8 }),
      (drawn) => {
        const rules = drawn.map(({ key, name: variable, value, denies }) => ({
          key,
          rule: {
            verdict: denies ? ("deny" as const) : ("allow" as const),
            changes: [[variable, value]] as [string, string][],
          },
        }));
        writeFileSync(path, renderRuleDatabase(rules));
        const book = openRuleBook(path);
        for (const { key } of rules) {
          const first = rules.find((one) => one.key === key);
          const found = book?.find({ ip: key });
          assert.deepEqual(found, first);
        }
      },
    ),
  );
});
