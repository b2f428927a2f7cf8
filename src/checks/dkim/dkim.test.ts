import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { headerFields } from "../header-fields.ts";
import { proveMessage, rfc8463Message, rfc8463Zone, zoneDns } from "../testing/index.ts";
import { bodyHasher } from "./body-hash.ts";
import { canonicalField, withoutSignature } from "./canonical-header.ts";
import { parseKeyRecord } from "./key-record.ts";
import { signedData } from "./signed-data.ts";

const dkimOf = async (message: string, zone = {}, nowSeconds = 1_528_637_910) => {
  const { dkim } = await proveMessage(message, zoneDns({ ...rfc8463Zone, ...zone }), { nowSeconds });
  return (dkim ?? []).map(({ result, why }) => (why === "" ? result : `${result}: ${why}`));
};

test("both signatures of RFC 8463's message verify, whatever pieces its body comes in [J-202]", async () => {
  for (const pieceBytes of [1, 3, 1000]) {
    const { dkim } = await proveMessage(rfc8463Message, zoneDns(rfc8463Zone), {}, pieceBytes);
    assert.deepEqual(
      dkim?.map(({ result, domain, selector, algorithm, start }) => [result, domain, selector, algorithm, start]),
      [
        ["pass", "football.example.com", "brisbane", "ed25519-sha256", "/gCrinpc"],
        ["pass", "football.example.com", "test", "rsa-sha256", "F45dVWDf"],
      ],
    );
  }
});

/** Signs a message in the strictest form, for tests that need a signature with odd tags. */
function signedWith(tags: string, body: string, algorithm: "rsa" | "ed25519" = "ed25519", bits = 1024) {
  const pair =
    algorithm === "rsa" ? generateKeyPairSync("rsa", { modulusLength: bits }) : generateKeyPairSync("ed25519");
  const der = pair.publicKey.export({ type: "spki", format: "der" });
  const p = (algorithm === "rsa" ? der : der.subarray(-32)).toString("base64");
  const header = "From: a@example.org\nSubject: hi\n";
  const limit = /l=([0-9]+)/.exec(tags)?.[1];
  const hasher = bodyHasher(
    tags.includes("/relaxed") ? "relaxed" : "simple",
    limit === undefined ? null : Number(limit),
  );
  hasher.push(Buffer.from(body));
  const bh = hasher.end().digest.toString("base64");
  const field = `DKIM-Signature: v=1; a=${algorithm}-sha256; s=s; ${tags}; bh=${bh}; b=\n`;
  const fields = headerFields(Buffer.from(field + header));
  const names = (/h=([^;]*)/.exec(tags)?.[1] ?? "").split(":");
  const how = /c=(simple|relaxed)/.exec(tags)?.[1] === "relaxed" ? "relaxed" : "simple";
  const data = Buffer.from(signedData(fields, names, fields[0]!, how), "latin1");
  const b =
    algorithm === "rsa"
      ? sign("sha256", data, pair.privateKey)
      : sign(null, createHash("sha256").update(data).digest(), pair.privateKey);
  const message = `${field.trimEnd()}${b.toString("base64")}\n${header}\n${body}`;
  return {
    message,
    p,
    zone: (record = `v=DKIM1; k=${algorithm}; p=${p}`) => ({ "s._domainkey.example.org": { txt: [record] } }),
  };
}

test("every one-byte change of what is signed, and of the signature, makes it fail [J-202]", async () => {
  const { message, zone } = signedWith("d=example.org; h=from:subject", "one\ntwo\n");
  assert.deepEqual(await dkimOf(message, zone()), ["pass"]);
  for (let at = 0; at < message.length; at++) {
    const changed = Buffer.from(message);
    changed[at] = changed[at]! ^ 1;
    const results = await dkimOf(changed.toString("latin1"), zone());
    assert.ok(!results.includes("pass"), `octet ${at}: ${JSON.stringify(changed.toString("latin1"))}`);
  }
});

test("weak keys, l=, expiry, the future, other domains and revoked keys are told apart [J-204]", async () => {
  const plain = signedWith("d=example.org; h=from:subject", "x\n");
  const rsa = signedWith("d=example.org; h=from", "x\n", "rsa", 768);
  const limited = signedWith("d=example.org; h=from; l=3", "x\nadded\n");
  const rows: [string, object, string[]][] = [
    [plain.message, plain.zone(), ["pass"]],
    [plain.message, plain.zone("v=DKIM1; k=ed25519; p="), ["permerror: the key is revoked"]],
    [plain.message, {}, ["permerror: there is no such key"]],
    [plain.message, { "s._domainkey.example.org": { trouble: true } }, ["temperror: no answer from DNS for the key"]],
    [plain.message, plain.zone(`v=DKIM2; k=ed25519; p=${plain.p}`), ["permerror: key record is of another version"]],
    [plain.message, plain.zone(`k=ed25519; s=tlsrpt; p=${plain.p}`), ["permerror: key record is not for email"]],
    [plain.message, plain.zone(`k=ed25519; h=sha1; p=${plain.p}`), ["permerror: key record does not allow sha256"]],
    [plain.message, plain.zone(`k=rsa; p=${plain.p}`), ["permerror: key record has a malformed key"]],
    [rsa.message, rsa.zone(), ["policy: a key of 768 bits is too weak"]],
    [limited.message, limited.zone(), ["policy: part of the body is not signed"]],
  ];
  for (const [message, zone, expected] of rows) assert.deepEqual(await dkimOf(message, zone), expected);
  const tagged: [string, string[]][] = [
    ["d=example.org; h=from; x=1000; t=900", ["fail: signature has expired"]],
    ["d=example.org; h=from; t=1528647910", ["fail: signature is of the future"]],
    ["d=example.org; h=subject", ["permerror: From is not signed"]],
    ["d=example.org; h=from; i=@other.example", ["permerror: i= is not of the signing domain"]],
    ["d=example.org; h=from; x=5; t=9", ["permerror: signature expires before it is made"]],
    ["d=example.org; h=from; l=99", ["permerror: l= is longer than the body"]],
    ["d=example.org; h=from; q=http", ["permerror: signature is of an unknown query method"]],
    ["d=example.org; h=from; c=nowsp", ["permerror: signature is of an unknown canonicalization"]],
  ];
  for (const [tags, expected] of tagged) {
    const { message, zone } = signedWith(tags, "x\n");
    assert.deepEqual(await dkimOf(message, zone()), expected, tags);
  }
  const strict = signedWith("d=example.org; h=from; i=@sub.example.org", "x\n");
  assert.deepEqual(await dkimOf(strict.message, strict.zone(`k=ed25519; t=s; p=${strict.p}`)), [
    "permerror: the key does not allow subdomains in i=",
  ]);
  assert.deepEqual(await dkimOf(strict.message, strict.zone(`k=ed25519; t=y; p=${strict.p}`)), ["pass"]);
  const sha1 = plain.message.replace("ed25519-sha256", "rsa-sha1");
  assert.deepEqual(await dkimOf(sha1, plain.zone()), ["policy: rsa-sha1 is no proof any more"]);
});

test("only ten signatures are tried", async () => {
  const field = rfc8463Message.slice(0, rfc8463Message.indexOf("DKIM-Signature", 10));
  assert.equal((await dkimOf(field.repeat(40) + rfc8463Message)).length, 10);
});

test("canonical forms are those of RFC 6376's examples (3.4.5)", () => {
  assert.equal(canonicalField("A: X\n", "relaxed"), "a:X\r\n");
  assert.equal(canonicalField("B : Y\t\n\tZ  \n", "relaxed"), "b:Y Z\r\n");
  assert.equal(canonicalField("B : Y\t\n\tZ  \n", "simple"), "B : Y\t\r\n\tZ  \r\n");
  const sha = (text: string) => createHash("sha256").update(text, "latin1").digest("hex");
  const hashOf = (how: "simple" | "relaxed", body: string) => {
    const hasher = bodyHasher(how);
    hasher.push(Buffer.from(body, "latin1"));
    return hasher.end().digest.toString("hex");
  };
  assert.equal(hashOf("relaxed", " C \nD \t E\n\n\n"), sha(" C\r\nD E\r\n"));
  assert.equal(hashOf("simple", " C \nD \t E\n\n\n"), sha(" C \r\nD \t E\r\n"));
  assert.equal(hashOf("simple", ""), sha("\r\n"));
  assert.equal(hashOf("relaxed", ""), sha(""));
  assert.equal(hashOf("relaxed", " \t\n \n"), sha(""));
  assert.equal(hashOf("simple", "no end"), sha("no end\r\n"));
});

test("a body's hash does not depend on the pieces it comes in", () => {
  const letters = fc.constantFrom("a", " ", "\t", "\n", "\r", "\xe4");
  fc.assert(
    fc.property(fc.array(fc.array(letters)), fc.constantFrom("simple" as const, "relaxed" as const), (pieces, how) => {
      const [inPieces, whole] = [bodyHasher(how), bodyHasher(how)];
      for (const piece of pieces) inPieces.push(Buffer.from(piece.join(""), "latin1"));
      whole.push(Buffer.from(pieces.flat().join(""), "latin1"));
      assert.deepEqual(inPieces.end(), whole.end());
    }),
  );
});

test("no key record or signature makes us throw", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseKeyRecord(text)));
  const tag = fc.constantFrom(
    "v=1",
    "a=rsa-sha256",
    "b=YQ==",
    "bh=YQ==",
    "d=a.b",
    "s=c",
    "h=from",
    "p=",
    "k=rsa",
    "p=YQ==",
    ";",
    "=",
  );
  fc.assert(fc.property(fc.array(tag), (tags) => void parseKeyRecord(tags.join(";"))));
});

test("the signature field's line end stays when its b= is the last tag, so that simple signatures hold", () => {
  const table = [
    ["DKIM-Signature: v=1;\n\tb=ab\n\t c==\n", "DKIM-Signature: v=1;\n\tb=\n"],
    ["DKIM-Signature: b=ab; v=1\n", "DKIM-Signature: b=; v=1\n"],
    ["DKIM-Signature: bh=x; b = a; d=y\n", "DKIM-Signature: bh=x; b =; d=y\n"],
  ] as const;
  for (const [raw, expected] of table) assert.equal(withoutSignature(raw), expected);
});
