import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { parseNetworks } from "#net";
import { bodyHasher } from "../dkim/body-hash.ts";
import { headerFields } from "../header-fields.ts";
import { proveMessage, zoneDns } from "../testing/index.ts";
import { composeSignature } from "./compose-signature.ts";
import { beganHere } from "./is-ours.ts";
import { parseSignRequest, renderSignRequest } from "./sign-request.ts";
import { keysFor, parseSigningKey, renderSigningKey, signingDomain } from "./signing-plan.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const p = (key: KeyObject, from = 0) => key.export({ type: "spki", format: "der" }).subarray(from).toString("base64");
const zone = zoneDns({
  "sr._domainkey.example.org": { txt: [`v=DKIM1; k=rsa; p=${p(rsa.publicKey)}`] },
  "se._domainkey.example.org": { txt: [`v=DKIM1; k=ed25519; p=${p(ed.publicKey, -32)}`] },
});

function signed(header: string, body: string): string {
  const hasher = bodyHasher("relaxed");
  hasher.push(Buffer.from(body, "latin1"));
  const common = { domain: "example.org", bodyHash: hasher.end().digest, signedAt: 1000, expiresAt: 2000 };
  const fields = headerFields(Buffer.from(header, "latin1"));
  const [one, two] = [rsa, ed].map(({ privateKey }, index) =>
    composeSignature(fields, { ...common, selector: index === 0 ? "sr" : "se", key: privateKey }),
  );
  return `${one}${two}${header}\n${body}`;
}
const results = async (message: string, nowSeconds = 1500) =>
  (await proveMessage(message, zone, { nowSeconds })).dkim?.map(({ result }) => result);

test("whatever is signed with both keys verifies, and in short lines [J-203]", async () => {
  const text = fc.string({ unit: fc.constantFrom("a", " ", "\t", "\xe4", ":", ";", "="), maxLength: 200 });
  const body = fc.string({ unit: fc.constantFrom("a", " ", "\t", "\n", "\xe4", "."), maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(text, text, body, async (subject, to, content) => {
      const message = signed(`From: joe@example.org\nSubject: ${subject}\nTo: ${to}\n\tfolded\nX: y\n`, content);
      assert.deepEqual(await results(message), ["pass", "pass"]);
      const head = message.slice(0, message.indexOf("\nFrom:"));
      assert.ok(head.split("\n").every((line) => line.length <= 80));
    }),
    { numRuns: 30 },
  );
});

test("a second Subject, To or From put on later breaks our signature, as does its age", async () => {
  const message = signed("From: joe@example.org\nSubject: x\n", "body\n");
  for (const added of ["Subject: y\n", "To: eve@x.example\n", "From: eve@x.example\n", "Content-Type: text/html\n"])
    assert.deepEqual(await results(added + message), ["fail", "fail"], added);
  assert.deepEqual(await results(`X-Other: y\n${message}`), ["pass", "pass"]);
  assert.deepEqual(await results(message, 2001), ["fail", "fail"]);
});

const networks = parseNetworks(["127.0.0.0/8", "10.1."]) as Extract<ReturnType<typeof parseNetworks>, { has: unknown }>;
const queue = (how: string) => `Received: (qmail 7 invoked ${how}); 26 Sep 1995 04:46:53 -0000\n`;
const server = (protocol: string, ip = "192.0.2.1") =>
  `Received: from unknown (HELO with ESMTPSA) (${ip})\n  by mx.test with ${protocol}; 26 Sep 1995 04:46:53 -0000\n`;

test("only what began here is ours to sign: the trace on top decides, what is below may be forged", () => {
  const net = queue("from network");
  const rows: readonly (readonly [header: string, isOurs: boolean])[] = [
    [queue("by uid 1000"), true],
    [queue("for bounce"), true],
    [net + server("ESMTPSA"), true],
    [net + server("ESMTPA", "joe@192.0.2.1"), true],
    [net + server("SMTP"), false],
    [net + server("SMTP", "127.0.0.1"), true],
    [net + server("SMTP", "10.1.2.3"), true],
    [net + server("SMTP", "127.0.0.1@192.0.2.1"), false],
    [net + server("SMTP") + net + server("ESMTPSA"), false],
    // Forwarded by a user of ours: it still began where it began.
    [`${queue("by uid 1000")}Delivered-To: joe@x\n${net}${server("SMTP")}`, false],
    [`${queue("by alias")}Delivered-To: joe@x\n${net}${server("ESMTPSA")}`, true],
    [`${queue("by uid 1000")}Received: from x by y; today\n`, false],
    [net, false],
    [net + queue("by uid 5"), false],
    ["", false],
  ];
  for (const [header, isOurs] of rows)
    assert.equal(beganHere(headerFields(Buffer.from(`${header}From: a@b\n`)), networks), isOurs, header);
});

test("each key signs in its time, the new ones when the old ones end [J-206]", () => {
  const keys = ["example.org:old:-1000", "example.org:new:1000-", "other.example:x"].map(
    (line) => parseSigningKey(line)!,
  );
  const at = (seconds: number) => keysFor(keys, "example.org", seconds).map(({ selector }) => selector);
  assert.deepEqual([at(999), at(1000), at(1001)], [["old"], ["new"], ["new"]]);
  assert.deepEqual(keys.map(renderSigningKey), ["example.org:old:-1000", "example.org:new:1000-", "other.example:x"]);
  assert.equal(signingDomain(keys, "a.b.example.org"), "example.org");
  assert.equal(signingDomain(keys, "evilexample.org"), null);
  for (const bad of ["x", "a..b:s", "a:../s", "a:s:5", ".a:s", "a:s/t"]) assert.equal(parseSigningKey(bad), null, bad);
});

test("a request comes out as it went in; anything else is none", () => {
  const request = { domain: "example.org", bodyHash: Buffer.alloc(32, 10), header: Buffer.from("A: b\n") };
  assert.deepEqual(parseSignRequest(renderSignRequest(request)), request);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseSignRequest(Buffer.from(bytes))));
  assert.equal(parseSignRequest(Buffer.from("../x\n")), null);
  assert.equal(parseSignRequest(Buffer.from(`a/b\n${"x".repeat(40)}`)), null);
});
