import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogue } from "./index.ts";

/** qmail's own control files: name, default, and when a change counts. */
const qmails = `
me (required) no
badmailfrom - live
bouncefrom MAILER-DAEMON no
bouncehost me no
concurrencylocal 10 no
concurrencyremote 20 no
databytes 0 live
defaultdomain me live
defaulthost me live
doublebouncehost me no
doublebounceto postmaster no
envnoathost me HUP
helohost me live
idhost me live
localiphost me live
locals me HUP
morercpthosts - live
morercpthosts.cdb - live
percenthack - HUP
plusdomain me live
qmqpservers - live
queuelifetime 604800 no
rcpthosts - live
smtpgreeting me live
smtproutes - live
timeoutconnect 60 live
timeoutremote 1200 live
timeoutsmtpd 1200 live
virtualdomains - HUP`;

/** Files of the book's installation, and of patches that are normal practice. */
const others = `concurrencyincoming defaultdelivery tcp.smtp
badrcptto badmailfrompatterns badmailpatterns badrcptpatterns badhelo validrcptto.cdb goodrcptto relaymailfrom mfcheck nodnscheck maxrcpt
tarpitcount tarpitdelay greetdelay dnsbllist spfbehavior spfrules spfguess spfexp servercert.pem clientcert.pem clientca.pem tlsclients
tlsserverciphers tlsclientciphers outgoingip bindroutes domainbindings moreipme notipme bouncemaxbytes bouncesubject custombouncetext
bouncelifetime holdlocal holdremote qmtproutes maxhops srs_domain srs_secrets batvkey ldapserver extraqueue mailarchive`;

function defaultOf(name: string): string {
  const file = catalogue.get(name);
  if (name === "me") return "(required)";
  if (file === undefined || file.fallback === null) return "-";
  return typeof file.fallback === "object" ? "me" : String(file.fallback);
}

test("every control file of qmail is in the catalogue, with its default and when a change counts", () => {
  const rows = qmails.trim().split("\n");
  assert.deepEqual(
    rows.map((row) => row.split(" ")[0]!).map((name) => `${name} ${defaultOf(name)} ${catalogue.get(name)?.reload}`),
    rows,
  );
});

test("every control file of the book and of the usual patches is in the catalogue", () => {
  const missing = others.split(/\s+/).filter((name) => !catalogue.has(name));
  assert.deepEqual(missing, []);
});

test("every entry says what it means, who reads it, or why nobody does", () => {
  for (const [name, { meaning, usedBy, unread, example }] of catalogue) {
    assert.match(meaning, /\.$/, `${name}: a sentence`);
    assert.ok(example !== "", name);
    assert.equal(usedBy.length === 0, unread !== undefined, `${name}: either readers or a reason`);
  }
});
