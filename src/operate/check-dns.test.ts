import assert from "node:assert/strict";
import { test } from "node:test";
import { makeResolver } from "#dns";
import { startTestDns, type TestZone } from "#dns/testing";
import { checkDns } from "./check-dns.ts";
import { zoneLine } from "./dkim-keys.ts";
import { type DomainFacts, neededRecords } from "./dns-records.ts";

const host = "mx.heaven.test";
const facts: DomainFacts = {
  domain: "heaven.test",
  host,
  dkim: [
    { name: "s1._domainkey.heaven.test", text: "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" },
  ],
  certificateDigest: "ab".repeat(32),
};
const [ip, back] = ["192.0.2.1", "1.2.0.192.in-addr.arpa"];

/** The zone that `quail dns` asks for. */
const right: TestZone = {
  [host]: { a: [ip] },
  [back]: { ptr: [host] },
  "heaven.test": { mx: [[10, host]], txt: ["v=spf1 mx -all", "other words"] },
  "s1._domainkey.heaven.test": { txt: [["v=DKIM1; k=ed25519; ", "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]] },
  "_dmarc.heaven.test": { txt: ["v=DMARC1; p=quarantine; rua=mailto:postmaster@heaven.test"] },
  "_smtp._tls.heaven.test": { txt: ["v=TLSRPTv1; rua=mailto:postmaster@heaven.test"] },
  "_mta-sts.heaven.test": { txt: ["v=STSv1; id=20261122"] },
  "_25._tcp.mx.heaven.test": { tlsa: [`3 1 1 ${"ab".repeat(32)}`] },
  "_submission._tcp.heaven.test": { srv: [[host, 587]] },
  "_submissions._tcp.heaven.test": { srv: [[host, 465]] },
  "_pop3._tcp.heaven.test": { srv: [[host, 110]] },
  "_pop3s._tcp.heaven.test": { srv: [[host, 995]] },
  "_imap._tcp.heaven.test": { srv: [[".", 0]] },
  "_imaps._tcp.heaven.test": { srv: [[".", 0]] },
  "autoconfig.heaven.test": { cname: host },
};

/** A mistake in the zone, and the one finding it must give. */
const faults: readonly (readonly [name: string, change: TestZone, finding: string])[] = [
  [
    "no MX",
    { "heaven.test": { txt: ["v=spf1 ip4:192.0.2.1 -all"] } },
    "heaven.test MX missing: where mail for the domain goes",
  ],
  [
    "MX of somebody else",
    { "heaven.test": { mx: [[10, "mx.else.test"]], txt: ["v=spf1 ip4:192.0.2.1 -all"] } },
    "heaven.test MX wrong: mail goes to mx.else.test, not to mx.heaven.test",
  ],
  [
    "an MX without address",
    {
      "heaven.test": {
        mx: [
          [10, host],
          [20, "gone.test"],
        ],
        txt: ["v=spf1 ip4:192.0.2.1 -all"],
      },
    },
    "heaven.test MX wrong: gone.test has no address",
  ],
  [
    "a null MX",
    { "heaven.test": { mx: [[0, "."]], txt: ["v=spf1 ip4:192.0.2.1 -all"] } },
    "heaven.test MX wrong: a null MX says that the domain takes no mail",
  ],
  [
    "no PTR",
    { [back]: {} },
    "192.0.2.1 PTR missing: the address has no name; whoever routes it to you can give it one",
  ],
  [
    "a PTR elsewhere",
    { [back]: { ptr: ["dialup.test"] } },
    "192.0.2.1 PTR wrong: the address is called dialup.test, not mx.heaven.test",
  ],
  [
    "no SPF",
    { "heaven.test": { mx: [[10, host]] } },
    "heaven.test TXT missing: who may send mail of the domain (RFC 7208)",
  ],
  [
    "two SPF",
    { "heaven.test": { mx: [[10, host]], txt: ["v=spf1 mx -all", "v=spf1 -all"] } },
    "heaven.test TXT wrong: there is more than one SPF record, so that none counts",
  ],
  [
    "a malformed SPF",
    { "heaven.test": { mx: [[10, host]], txt: ["v=spf1 mx all!"] } },
    "heaven.test TXT wrong: the SPF record is malformed: v=spf1 mx all!",
  ],
  [
    "SPF without us",
    { "heaven.test": { mx: [[10, host]], txt: ["v=spf1 ip4:198.51.100.1 -all"] } },
    "heaven.test TXT wrong: our own mail from 192.0.2.1 gets fail (-all)",
  ],
  [
    "SPF for all",
    { "heaven.test": { mx: [[10, host]], txt: ["v=spf1 mx +all"] } },
    "heaven.test TXT wrong: +all lets every host in the world send mail of the domain",
  ],
  [
    "no key",
    { "s1._domainkey.heaven.test": {} },
    "s1._domainkey.heaven.test TXT missing: the public half of a key that signs (RFC 6376)",
  ],
  [
    "another key",
    { "s1._domainkey.heaven.test": { txt: ["v=DKIM1; k=ed25519; p=AAAA"] } },
    "s1._domainkey.heaven.test TXT wrong: another key is published under this name",
  ],
  [
    "a revoked key",
    { "s1._domainkey.heaven.test": { txt: ["v=DKIM1; p="] } },
    "s1._domainkey.heaven.test TXT wrong: the key is published as revoked",
  ],
  [
    "no DMARC",
    { "_dmarc.heaven.test": {} },
    "_dmarc.heaven.test TXT missing: what others do with mail that is not the domain's (RFC 9989)",
  ],
  [
    "two DMARC",
    { "_dmarc.heaven.test": { txt: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] } },
    "_dmarc.heaven.test TXT wrong: there is more than one DMARC policy, so that none counts",
  ],
  [
    "DMARC of another case",
    { "_dmarc.heaven.test": { txt: ["v=dmarc1; p=reject"] } },
    "_dmarc.heaven.test TXT wrong: the record is no DMARC policy (v=DMARC1; p=...)",
  ],
  [
    "DMARC that asks nothing",
    { "_dmarc.heaven.test": { txt: ["v=DMARC1; p=none"] } },
    "_dmarc.heaven.test TXT wrong: p=none asks nobody to do anything about forged mail",
  ],
  [
    "TLS reports to nobody",
    { "_smtp._tls.heaven.test": { txt: ["v=TLSRPTv1"] } },
    "_smtp._tls.heaven.test TXT wrong: the record is malformed: v=TLSRPTv1",
  ],
  [
    "MTA-STS without id",
    { "_mta-sts.heaven.test": { txt: ["v=STSv1"] } },
    "_mta-sts.heaven.test TXT wrong: the record is malformed: v=STSv1",
  ],
  [
    "TLSA of an old certificate",
    { "_25._tcp.mx.heaven.test": { tlsa: [`3 1 1 ${"cd".repeat(32)}`] } },
    "_25._tcp.mx.heaven.test TLSA wrong: no TLSA record is of our certificate: servers that check refuse to deliver to us",
  ],
  [
    "SRV with another port",
    { "_submission._tcp.heaven.test": { srv: [[host, 25]] } },
    "_submission._tcp.heaven.test SRV wrong: it names mx.heaven.test:25, not mx.heaven.test:587",
  ],
  [
    "autoconfig elsewhere",
    { "autoconfig.heaven.test": { a: ["192.0.2.99"] } },
    "autoconfig.heaven.test CNAME wrong: leads to 192.0.2.99",
  ],
  ["DNS that does not answer", { "_dmarc.heaven.test": { fault: "servfail" } }, "_dmarc.heaven.test TXT unknown"],
];

async function findingsIn(zone: TestZone): Promise<readonly string[]> {
  await using dns = await startTestDns(zone);
  const found = await checkDns(facts, makeResolver({ servers: () => [dns], timeoutsMs: [5_000, 5_000] }));
  return found
    .filter(({ state }) => state !== "ok")
    .map(({ name, type, state, says }) => `${name} ${type} ${state}${state === "unknown" ? "" : `: ${says}`}`);
}

test("a zone with the records that are asked for has no flaw", async () => {
  assert.deepEqual(await findingsIn(right), []);
  assert.deepEqual(
    new Set(neededRecords(facts).map(({ name }) => name)),
    new Set(Object.keys(right).filter((name) => name !== host && name !== back)),
  );
});

test(`each of ${faults.length} seeded faults is found, and nothing else [J-221]`, async () => {
  for (const [name, change, expected] of faults)
    assert.deepEqual(await findingsIn({ ...right, ...change }), [expected], name);
});

test("a host without an address is told of first", async () => {
  const [first] = await findingsIn({ ...right, [host]: {} });
  assert.equal(first, "mx.heaven.test A missing: our own name has no address");
});

test("a long key is cut into strings of 255 octets", () => {
  const text = `v=DKIM1; k=rsa; p=${"A".repeat(392)}`;
  const pieces = [...zoneLine({ name: "s._domainkey.x.test", text }).matchAll(/"([^"]*)"/g)].map(
    ([, piece = ""]) => piece,
  );
  assert.ok(pieces.every((piece) => piece.length <= 255));
  assert.equal(pieces.join(""), text);
});
