import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { bodyHasher } from "../dkim/body-hash.ts";
import { signedData } from "../dkim/signed-data.ts";
import { headerFields } from "../header-fields.ts";
import { dmarcOverride, judge } from "../judge.ts";
import { proveMessage, zoneDns } from "../testing/index.ts";
import { sealedData } from "./verify-arc.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const p = publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64");
const record = { txt: [`v=DKIM1; k=ed25519; p=${p}`] };
const zone = zoneDns({
  "s._domainkey.list.test": record,
  "s._domainkey.evil.test": record,
  "_dmarc.bank.test": { txt: ["v=DMARC1; p=reject"] },
});
const signatureOf = (data: string): string =>
  sign(null, createHash("sha256").update(data, "latin1").digest(), privateKey).toString("base64");

/** Puts one more set on top of a message, as a forwarder does. */
function sealed(message: string, domain: string, saw: string): string {
  const [header = "", body = ""] = message.split(/\n\n(.*)/s);
  const fields = headerFields(Buffer.from(`${header}\n`));
  const before = fields.filter(({ name }) => name === "arc-seal").length;
  const instance = before + 1;
  const hasher = bodyHasher("relaxed");
  hasher.push(Buffer.from(body));
  const bh = hasher.end().digest.toString("base64");
  const results = {
    name: "arc-authentication-results",
    raw: `ARC-Authentication-Results: i=${instance}; ${domain}; ${saw}\n`,
  };
  const amsRaw = `ARC-Message-Signature: i=${instance}; a=ed25519-sha256; c=relaxed/relaxed; d=${domain}; s=s; h=from:subject; bh=${bh}; b=`;
  const ams = { name: "arc-message-signature", raw: `${amsRaw}\n` };
  const amsSigned = {
    ...ams,
    raw: `${amsRaw}${signatureOf(signedData(fields, ["from", "subject"], ams, "relaxed"))}\n`,
  };
  const asRaw = `ARC-Seal: i=${instance}; a=ed25519-sha256; cv=${instance === 1 ? "none" : "pass"}; d=${domain}; s=s; b=`;
  const at = (name: string, number: number) =>
    fields.find((field) => field.name === name && field.raw.includes(`i=${number};`))!;
  const sets = Array.from({ length: before }, (_, index) => ({
    results: at("arc-authentication-results", index + 1),
    signature: { field: at("arc-message-signature", index + 1) },
    seal: { field: at("arc-seal", index + 1), instance: index + 1 },
  }));
  const data = sealedData([...sets, { results, signature: { field: amsSigned }, seal: null }], instance, `${asRaw}\n`);
  return `${asRaw}${signatureOf(data)}\n${amsSigned.raw}${results.raw}${message}`;
}

const letter = "From: joe@bank.test\nSubject: x\n\nbody\n";
const prove = (message: string) =>
  proveMessage(message, zone, { sender: { ip: "192.0.2.1", helo: "h.test", reversePath: "" } });
const stances = { spf: "off", dkim: "off", dmarc: "reject", arc: "tag" } as const;
const fateOf = async (message: string, trusted: readonly string[]) =>
  judge(await prove(message), stances, new Set(trusted)).kind;

test("a chain passes as it was sealed, and fails when the message or a set is changed", async () => {
  const one = sealed(letter, "list.test", "dmarc=pass");
  const two = sealed(one, "evil.test", "dmarc=fail");
  const word = async (message: string) => (await prove(message)).arc?.result;
  assert.deepEqual([await word(letter), await word(one), await word(two)], ["none", "pass", "pass"]);
  assert.equal(await word(two.replace("body", "bodY")), "fail");
  assert.equal(await word(two.replace("i=1; list.test; dmarc=pass", "i=1; list.test; dmarc=fail")), "fail");
  assert.equal(await word(two.replace("cv=pass", "cv=none")), "fail");
  assert.equal(await word(two.slice(two.indexOf("\n") + 1)), "fail");
});

test("a trusted forwarder who saw DMARC pass is believed, another is not [J-211]", async () => {
  const one = sealed(letter, "list.test", "dmarc=pass");
  assert.equal(await fateOf(letter, ["list.test"]), "reject");
  assert.equal(await fateOf(one, ["list.test"]), "accept");
  assert.equal(await fateOf(one, []), "reject");
  assert.equal(await fateOf(one, ["other.test"]), "reject");
  assert.equal(await fateOf(one.replace("body", "bodY"), ["list.test"]), "reject");
  assert.equal(await fateOf(sealed(letter, "list.test", "dmarc=fail"), ["list.test"]), "reject");
  // Whoever sealed before those we trust may have written anything.
  const forged = sealed(sealed(letter, "evil.test", "dmarc=pass"), "list.test", "dmarc=fail");
  assert.equal(await fateOf(forged, ["list.test"]), "reject");
  assert.equal(dmarcOverride(await prove(forged), new Set(["list.test", "evil.test"])), "trusted_forwarder");
});
