import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  authenticationResultsField,
  claimsToBe,
  receivedSpfField,
  resultsOf,
  saysDmarcPass,
} from "./authentication-results.ts";
import { authorDomains } from "./author-domains.ts";
import { boundedDns } from "./dns.ts";
import { headerFields } from "./header-fields.ts";
import { judge, type Stances } from "./judge.ts";
import { proveMessage, rfc8463Message, rfc8463Zone, zoneDns } from "./testing/index.ts";

const zone = {
  ...rfc8463Zone,
  "football.example.com": { txt: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "_dmarc.example.com": { txt: ["v=DMARC1; p=reject"] },
};
const sender = { ip: "192.0.2.1", helo: "mail.example.com", reversePath: "joe@football.example.com" };
const fieldOf = (raw: string) => headerFields(Buffer.from(raw))[0]!;

test("a message's proofs are told in one Authentication-Results and one Received-SPF", async () => {
  const proof = await proveMessage(rfc8463Message, zoneDns(zone), { sender });
  assert.equal(
    authenticationResultsField("mx.heaven.test", resultsOf(proof)),
    "Authentication-Results: mx.heaven.test;\n" +
      "\tspf=pass (ip4:192.0.2.0/24) smtp.mailfrom=joe@football.example.com;\n" +
      "\tdkim=pass (256-bit key) header.d=football.example.com header.s=brisbane header.a=ed25519-sha256 header.b=/gCrinpc;\n" +
      "\tdkim=pass (1024-bit key) header.d=football.example.com header.s=test header.a=rsa-sha256 header.b=F45dVWDf;\n" +
      "\tdmarc=pass (p=reject) header.from=football.example.com;\n" +
      "\tarc=none\n",
  );
  assert.equal(
    receivedSpfField(proof, "mx.heaven.test"),
    "Received-SPF: pass (mx.heaven.test: football.example.com designates 192.0.2.1 as permitted sender)\n" +
      "\tclient-ip=192.0.2.1;\n\tenvelope-from=joe@football.example.com;\n\thelo=mail.example.com;\n\tidentity=mailfrom\n",
  );
});

test("no peer's word can end a field, a comment or a value", async () => {
  const evil = 'x"; spf=pass\n\r(\\';
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.constant(evil), fc.string({ unit: "binary" })), async (word) => {
      const latin = Buffer.from(word, "latin1").toString("latin1");
      const proof = await proveMessage(`From: a@b.example\n\n`, zoneDns({}), {
        sender: { ip: latin, helo: latin, reversePath: `${latin}@${latin}` },
      });
      const text = authenticationResultsField("mx.test", resultsOf(proof)) + receivedSpfField(proof, "mx.test");
      assert.match(text, /^(?:[\x20-\x7e]*\n(?:\t[\x20-\x7e]*\n)*)+$/);
      assert.equal(headerFields(Buffer.from(text, "latin1")).length, 2);
    }),
    { numRuns: 50 },
  );
});

test("forged results of ours are known by their id, however it is dressed [J-213]", () => {
  const claims = [
    "Authentication-Results: mx.test; spf=pass",
    "authentication-results:MX.TEST;dkim=pass",
    "Authentication-Results: (hi (there)) mx.test 1; spf=pass",
    "Authentication-Results:\n mx.test;\n spf=pass",
    'Authentication-Results: "mx\\.test"; spf=pass',
    "Authentication-Results: mx.test.; spf=pass",
    "Authentication-Results: ; spf=pass",
    "Authentication-Results : mx.test; spf=pass",
  ];
  for (const raw of claims) assert.equal(claimsToBe(fieldOf(`${raw}\n`), "mx.test"), true, raw);
  const others = [
    "Authentication-Results: mx.test.example; spf=pass",
    "Authentication-Results: other; x=mx.test",
    "X: mx.test",
  ];
  for (const raw of others) assert.equal(claimsToBe(fieldOf(`${raw}\n`), "mx.test"), false, raw);
});

const off: Stances = { spf: "off", dkim: "off", dmarc: "off", arc: "off" };
const judged = async (stances: Partial<Stances>, message = rfc8463Message, changed = {}, ip = "192.0.2.1") => {
  const proof = await proveMessage(message, zoneDns({ ...zone, ...changed }), { sender: { ...sender, ip } });
  const judgement = judge(proof, { ...off, ...stances }, new Set());
  return judgement.kind === "reject" ? `reject ${judgement.outcome.text}` : judgement.kind;
};
const changed = rfc8463Message.replace("lost", "won");

test("each stance does what it says, and only to what fails", async () => {
  const bad = "198.51.100.1";
  assert.equal(await judged({ spf: "reject" }), "accept");
  assert.equal(await judged({ spf: "tag" }, changed, {}, bad), "accept");
  assert.equal(await judged({ spf: "quarantine" }, changed, {}, bad), "quarantine");
  assert.match(
    await judged({ spf: "reject" }, changed, {}, bad),
    /^reject sorry, football.example.com .* \(#5\.7\.23\)$/,
  );
  assert.equal(await judged({ dkim: "reject" }, "From: a@b.example\n\nunsigned\n"), "accept");
  assert.match(await judged({ dkim: "reject" }, changed), /\(#5\.7\.20\)$/);
  assert.equal(await judged({ dmarc: "reject" }, changed), "accept"); // SPF still speaks for it.
  assert.match(
    await judged({ dmarc: "reject" }, changed, {}, bad),
    /football.example.com wants no such mail delivered \(#5\.7\.1\)$/,
  );
  assert.equal(await judged({ dmarc: "quarantine" }, changed, {}, bad), "quarantine");
  assert.equal(await judged({ dmarc: "tag" }, changed, {}, bad), "accept");
  const asksLess = { "_dmarc.example.com": { txt: ["v=DMARC1; p=quarantine"] } };
  assert.equal(await judged({ dmarc: "reject" }, changed, asksLess, bad), "quarantine");
  const silent = { "football.example.com": { trouble: true }, "_dmarc.example.com": { trouble: true } };
  assert.equal(await judged({ spf: "reject", dmarc: "reject" }, changed, silent, bad), "accept");
});

test("every author counts, and names that look like addresses do not", () => {
  const of = (from: string) => authorDomains(headerFields(Buffer.from(`From: ${from}\n`, "latin1")));
  assert.deepEqual(of('"a@evil.example" <b@Good.Example>'), ["good.example"]);
  assert.deepEqual(of("(c@x.example) b@good.example (d@y.example)"), ["good.example"]);
  assert.deepEqual(of("a@one.example, Two <b@two.example>"), ["one.example", "two.example"]);
  assert.deepEqual(of("team: a@one.example, b@one.example;"), ["one.example"]);
  assert.deepEqual(of("a@b\xc3\xbccher.example"), ["xn--bcher-kva.example"]);
  assert.deepEqual(of("nobody"), []);
  assert.deepEqual(authorDomains(headerFields(Buffer.from("From: a@one.example\nFrom: b@two.example\n"))), [
    "one.example",
    "two.example",
  ]);
});

test("DMARC of a message with two authors is that of the worse", async () => {
  const proof = await proveMessage(
    rfc8463Message.replace("From: ", "From: x@victim.example, "),
    zoneDns({ ...zone, "_dmarc.victim.example": { txt: ["v=DMARC1; p=reject"] } }),
    { sender },
  );
  assert.deepEqual(
    proof.dmarc?.map(({ author, result }) => [author, result]),
    [
      ["victim.example", "fail"],
      ["football.example.com", "pass"],
    ],
  );
});

test("a comment or a quoted string in ARC results does not say that DMARC passed", () => {
  assert.equal(
    saysDmarcPass(fieldOf("ARC-Authentication-Results: i=1; mx; spf=fail;\n dmarc=pass header.from=a\n")),
    true,
  );
  assert.equal(saysDmarcPass(fieldOf("ARC-Authentication-Results: i=1; mx; spf=fail (; dmarc=pass )\n")), false);
  assert.equal(
    saysDmarcPass(fieldOf('ARC-Authentication-Results: i=1; mx; spf=fail smtp.helo="; dmarc=pass ;"\n')),
    false,
  );
  assert.equal(saysDmarcPass(fieldOf("ARC-Authentication-Results: i=1; mx; dmarc=passed\n")), false);
});

test("long runs of blanks and brackets in a header or record cost no more than their length", async () => {
  const run = " ".repeat(400_000);
  const header =
    `DKIM-Signature: v=1; a=${run}x; d=a.b;${run}b${run}=x\n` +
    `From: ${"<(".repeat(50_000)}\nARC-Seal: i=1;${run}x=${run}y;\n` +
    `Authentication-Results: ${"(".repeat(100_000)}${'"\\'.repeat(50_000)}\n`;
  const proof = await proveMessage(`${header}\n`, zoneDns({}));
  assert.equal(proof.dkim?.[0]?.result, "permerror");
  assert.equal(claimsToBe(headerFields(Buffer.from(header)).at(-1)!, "mx.test"), true);
  assert.equal(saysDmarcPass(fieldOf(`ARC-Authentication-Results: ${'"\\'.repeat(200_000)}\n`)), false);
  const record = { "x.test": { txt: [`v=spf1 a:x.${"a".repeat(60_000)}! ${"/".repeat(60_000)}`] } };
  const spf = await proveMessage("\n", zoneDns(record), { sender: { ...sender, reversePath: "a@x.test" } });
  assert.equal(spf.spf?.result, "permerror");
});

test("one message asks DNS so often and so long, and no more", async () => {
  const asked: string[] = [];
  const dns = boundedDns(zoneDns({}, asked), { maxQuestions: 2, withinMs: 60_000 });
  const kinds = [await dns.resolveTxt("a"), await dns.resolveMx("b"), await dns.resolveIpv4("c")].map(
    ({ kind }) => kind,
  );
  assert.deepEqual([kinds, asked.length], [["no-name", "no-name", "temporary"], 2]);
  const slow = boundedDns(
    { ...zoneDns({}), resolveTxt: () => new Promise(() => {}) },
    { maxQuestions: 5, withinMs: 20 },
  );
  assert.equal((await slow.resolveTxt("a")).kind, "temporary");
});
