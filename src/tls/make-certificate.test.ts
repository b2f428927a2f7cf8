import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { integer, oid } from "./der.ts";
import { IdentityError, keyPem, makeKey, makeRequest, namesOf, parseIdentity, selfSign } from "./index.ts";

const days = (count: number): Date => new Date(Date.UTC(2026, 10, 22) + count * 86_400_000);

function selfSigned(names: readonly [string, ...string[]]) {
  const key = makeKey();
  return { key, pem: selfSign({ names, key, notBefore: days(0), notAfter: days(90) }) };
}

test("a self-signed certificate says whose it is, since when and how long, and OpenSSL finds its signature good", () => {
  const { pem, key } = selfSigned(["mx.test", "mail.test", "192.0.2.1", "2001:db8::25"]);
  const read = new X509Certificate(pem);
  assert.equal(read.subject, "CN=mx.test");
  assert.equal(
    read.subjectAltName,
    "DNS:mx.test, DNS:mail.test, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:25",
  );
  assert.equal(read.validFromDate.toISOString(), "2026-11-22T00:00:00.000Z");
  assert.equal(read.validToDate.toISOString(), "2027-02-20T00:00:00.000Z");
  assert.ok(read.verify(read.publicKey) && read.checkPrivateKey(key));
  assert.equal(read.ca, false);
  assert.match(read.serialNumber, /^[4-7][0-9A-F]{31}$/);
});

test("years from 2050 on have four digits (RFC 5280 §4.1.2.5)", () => {
  const key = makeKey();
  const far = new Date(Date.UTC(2061, 0, 2, 3, 4, 5));
  const read = new X509Certificate(selfSign({ names: ["x.test"], key, notBefore: days(0), notAfter: far }));
  assert.equal(read.validToDate.toISOString(), far.toISOString());
});

test("a request for a certificate is signed by its key and asks for every name (RFC 2986)", (context) => {
  const text = (() => {
    try {
      const input = makeRequest(["mx.test", "mail.test"], makeKey());
      return execFileSync("openssl", ["req", "-inform", "DER", "-noout", "-verify", "-text"], { input, stdio: "pipe" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  })();
  if (text === null) return context.skip("not installed: openssl");
  assert.match(text.toString(), /CN ?= ?mx\.test[\s\S]*DNS:mx\.test, DNS:mail\.test/);
});

test("an RSA key signs a certificate too", () => {
  const { privateKey: key } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const read = new X509Certificate(selfSign({ names: ["rsa.test"], key, notBefore: days(0), notAfter: days(1) }));
  assert.ok(read.verify(read.publicKey));
});

test("an identity is a certificate and its key in any order; the chain begins with the key's own certificate", () => {
  const [own, other] = [selfSigned(["own.test"]), selfSigned(["other.test"])];
  for (const text of [keyPem(own.key) + own.pem + other.pem, other.pem + own.pem + keyPem(own.key)]) {
    const { chain, certificate } = parseIdentity(text);
    assert.deepEqual(namesOf(certificate), ["own.test"]);
    assert.ok(chain.startsWith(own.pem.trim()) && chain.includes(other.pem.trim()));
  }
});

test("what is no identity is refused with the reason, and without a word of the key", () => {
  const [own, other] = [selfSigned(["own.test"]), selfSigned(["other.test"])];
  const locked = own.key.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();
  const cases: readonly (readonly [text: string, reason: RegExp])[] = [
    ["", /holds no certificate/],
    [own.pem, /holds no private key/],
    [keyPem(own.key), /holds no certificate/],
    [own.pem + keyPem(other.key), /belongs to none/],
    [own.pem + locked, /locked by a password/],
    [own.pem.replace(/M/g, "A") + keyPem(own.key), /certificate that cannot be read/],
    [
      own.pem + keyPem(own.key).replace(/\nM[A-Za-z0-9+/]{6}/, "\nAAAAAAA"),
      /private key that cannot be read|belongs to none/,
    ],
  ];
  for (const [text, reason] of cases) {
    assert.throws(
      () => parseIdentity(text),
      (error: Error) =>
        error instanceof IdentityError && reason.test(error.message) && !/[A-Za-z0-9+/]{30}/.test(error.message),
    );
  }
});

test("any text is read as an identity or refused, never more", () => {
  const { pem, key } = selfSigned(["own.test"]);
  const whole = pem + keyPem(key);
  const cut = fc
    .tuple(fc.nat(whole.length), fc.nat(40), fc.string())
    .map(([at, length, put]) => whole.slice(0, at) + put + whole.slice(at + length));
  fc.assert(
    fc.property(fc.oneof(cut, fc.string()), (text) => {
      try {
        parseIdentity(text);
      } catch (error) {
        assert.ok(error instanceof IdentityError);
      }
    }),
    { numRuns: 200 },
  );
});

test("DER numbers have one zero in front where the first bit is set, and no other (X.690 §8.3.2)", () => {
  assert.deepEqual(integer(Buffer.from([0, 0, 1])), Buffer.from([2, 1, 1]));
  assert.deepEqual(integer(Buffer.from([0x80])), Buffer.from([2, 2, 0, 0x80]));
  assert.deepEqual(integer(Buffer.from([0, 0])), Buffer.from([2, 1, 0]));
  assert.deepEqual(oid("1.2.840.113549.1.1.11").toString("hex"), "06092a864886f70d01010b");
  assert.ok(createPrivateKey(keyPem(makeKey())).asymmetricKeyDetails?.namedCurve === "prime256v1");
});
