import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type ZoneName, zoneDns } from "../testing/index.ts";
import { type DmarcResult, evaluateDmarc } from "./evaluate-dmarc.ts";
import { parsePolicyRecord } from "./policy-record.ts";
import { walkedNames } from "./tree-walk.ts";

type Case = {
  readonly author: string;
  readonly zone: Readonly<Record<string, ZoneName | string>>;
  readonly dkim?: readonly string[];
  readonly spf?: string;
  readonly is: Partial<Pick<DmarcResult, "result" | "policy" | "dkimAligned" | "spfAligned">>;
  /** Where the applied record stands. */
  readonly at?: string;
};

const records = (zone: Case["zone"]): Record<string, ZoneName> =>
  Object.fromEntries(
    Object.entries(zone).map(([name, what]) =>
      typeof what === "string" ? [`_dmarc.${name}`, { txt: [what] }] : [name, what],
    ),
  );

const deep = "a.b.c.d.e.f.g.h.i.j.k.example.com";

const cases: Readonly<Record<string, Case>> = {
  "strict and the same domain": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; p=reject; adkim=s" },
    dkim: ["example.com"],
    is: { result: "pass", policy: "reject" },
  },
  "relaxed, by the organization": {
    author: "mail.example.com",
    zone: { "example.com": "v=DMARC1; p=reject" },
    dkim: ["example.com"],
    is: { result: "pass", dkimAligned: true, spfAligned: false },
  },
  "no record": { author: "example.com", zone: {}, dkim: ["example.com"], is: { result: "none", policy: null } },
  "two records are none": {
    author: "example.com",
    zone: { "_dmarc.example.com": { txt: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] } },
    is: { result: "none" },
  },
  "two records below: discarded, the walk goes on (4.10 step 2)": {
    author: "mail.example.com",
    zone: {
      "_dmarc.mail.example.com": { txt: ["v=DMARC1; p=reject", "v=DMARC1; p=quarantine"] },
      "example.com": "v=DMARC1; p=quarantine",
    },
    is: { result: "fail", policy: "quarantine" },
    at: "example.com",
  },
  "other TXT records are nothing": {
    author: "mail.example.com",
    zone: { "_dmarc.mail.example.com": { txt: ["hello", "v=spf1"] }, "example.com": "v=DMARC1; p=quarantine" },
    dkim: ["example.com"],
    is: { result: "pass", policy: "quarantine" },
  },
  "pct says nothing any more": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; p=reject; pct=0" },
    dkim: ["other.example"],
    spf: "other.example",
    is: { result: "fail", policy: "reject" },
  },
  "B.4.1: a signature from below": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; p=reject", "signing.example.com": "v=DMARC1; p=reject" },
    dkim: ["signing.example.com"],
    spf: "example.com",
    is: { result: "pass", dkimAligned: true, spfAligned: true },
  },
  "B.4.2: a deep author": {
    author: deep,
    zone: { "example.com": "v=DMARC1; p=reject", "signing.example.com": "v=DMARC1; p=reject" },
    dkim: ["signing.example.com"],
    spf: "example.com",
    is: { result: "pass" },
    at: "example.com",
  },
  "psd=n in the middle is the organization": {
    author: "a.b.example.com",
    zone: { "b.example.com": "v=DMARC1; p=reject; psd=n", "example.com": "v=DMARC1; p=none" },
    spf: "example.com",
    is: { result: "fail", policy: "reject" },
    at: "b.example.com",
  },
  "B.4.3: below a public suffix": {
    author: "giant.bank.example",
    zone: { "bank.example": "v=DMARC1; p=reject; psd=y", "giant.bank.example": "v=DMARC1; p=quarantine" },
    spf: "mail.giant.bank.example",
    dkim: ["mail.mega.bank.example"],
    is: { result: "pass", spfAligned: true, dkimAligned: false },
    at: "giant.bank.example",
  },
  "a public suffix speaks for who has no record": {
    author: "mega.bank.example",
    zone: { "bank.example": "v=DMARC1; p=reject; psd=y", "mega.bank.example": { a: ["192.0.2.1"] } },
    dkim: ["giant.bank.example"],
    is: { result: "fail", policy: "reject" },
    at: "bank.example",
  },
  "and not for who has one": {
    author: "foo.example",
    zone: { example: "v=DMARC1; p=reject; psd=y", "foo.example": "v=DMARC1; p=none" },
    is: { result: "fail", policy: "none" },
    at: "foo.example",
  },
  "np for a name that does not exist": {
    author: "sub.example.com",
    zone: { "example.com": "v=DMARC1; p=reject; sp=none; np=quarantine" },
    is: { policy: "quarantine" },
  },
  "sp for one that does": {
    author: "sub.example.com",
    zone: { "example.com": "v=DMARC1; p=reject; sp=none; np=quarantine", "sub.example.com": { a: ["192.0.2.10"] } },
    is: { policy: "none" },
  },
  "a name with anything at all exists": {
    author: "mail.example.com",
    zone: {
      "example.com": "v=DMARC1; p=reject; sp=none; np=quarantine",
      "mail.example.com": { mx: ["mx.example.com"] },
    },
    is: { policy: "none" },
  },
  "t=y takes one step back: reject": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; p=reject; t=y" },
    is: { result: "fail", policy: "quarantine" },
  },
  "t=y takes one step back: quarantine": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; p=quarantine; t=y" },
    is: { result: "fail", policy: "none" },
  },
  "no p, but reports wanted: p=none": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; rua=mailto:dmarc@example.com" },
    dkim: ["example.com"],
    is: { result: "pass", policy: "none" },
  },
  "no p and no reports: nothing": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; adkim=s" },
    is: { result: "none" },
  },
  "a bad sp is as no p": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1; p=reject; sp=x" },
    is: { result: "none" },
  },
  "the version has its case": {
    author: "example.com",
    zone: { "example.com": "v=dmarc1; p=reject" },
    is: { result: "none" },
  },
  "and no more letters": {
    author: "example.com",
    zone: { "example.com": "v=DMARC1x; p=reject" },
    is: { result: "none" },
  },
  "blanks around =": {
    author: "mail.example.com",
    zone: { "example.com": "v = DMARC1; p = reject; adkim = s" },
    dkim: ["example.com"],
    is: { result: "fail", policy: "reject" },
  },
  "words have no case": {
    author: "mail.example.com",
    zone: { "example.com": "v=DMARC1; p=Reject; adkim=S" },
    dkim: ["example.com"],
    is: { result: "fail", policy: "reject" },
  },
  "no answer for the policy is no verdict": {
    author: "example.com",
    zone: { "_dmarc.example.com": { trouble: true } },
    is: { result: "temperror", policy: null },
  },
  "a neighbour is not aligned": {
    author: "a.example.com",
    zone: { "example.com": "v=DMARC1; p=reject" },
    dkim: ["evilexample.com"],
    spf: "com",
    is: { result: "fail" },
  },
};

for (const [name, { author, zone, dkim = [], spf = null, is, at }] of Object.entries(cases)) {
  test(`DMARC, ${name} [J-207]`, async () => {
    const result = await evaluateDmarc({ author, dkim, spf }, zoneDns(records(zone)));
    for (const [key, expected] of Object.entries(is)) assert.equal(result[key as keyof typeof is], expected, key);
    if (at !== undefined) assert.equal(result.record?.domain, at);
  });
}

test("the longest name costs eight questions, the RFC's own [J-207]", () => {
  assert.deepEqual(walkedNames(deep), [
    deep,
    "g.h.i.j.k.example.com",
    "h.i.j.k.example.com",
    "i.j.k.example.com",
    "j.k.example.com",
    "k.example.com",
    "example.com",
    "com",
  ]);
  assert.deepEqual(walkedNames("Example.COM."), ["example.com", "com"]);
});

test("mailboxes of rua= are read, what is no mailbox is left out", () => {
  const of = (rua: string) => parsePolicyRecord(`v=DMARC1; p=none; rua=${rua}`)?.reportTo;
  assert.deepEqual(of("mailto:A@Example.com!10m, mailto:b%2Bc@d.example,https://x.example/"), [
    "A@Example.com",
    "b+c@d.example",
  ]);
  assert.deepEqual(of("mailto:a@b%0d%0aBcc:x@y"), []);
  assert.equal(of(Array<string>(50).fill("mailto:a@b.c").join(","))?.length, 10);
});

test("no record makes us throw", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parsePolicyRecord(`v=DMARC1;${text}`)));
});
