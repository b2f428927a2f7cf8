/** The filter in a house as it is started: what SMTP takes in is proved, tagged, put aside or refused before it is queued. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestDns, type TestDns } from "../../src/dns/testing/index.ts";
import { House, inbox, until } from "./house.ts";
import { sendOne } from "./smtp-client.ts";

let dns: TestDns;
let house: House;

before(async () => {
  dns = await startTestDns({
    "good.test": { txt: ["v=spf1 ip4:127.0.0.1 -all"] },
    "bad.test": { txt: ["v=spf1 -all"] },
    "_dmarc.bad.test": { txt: ["v=DMARC1; p=reject"] },
    "_dmarc.doubtful.test": { txt: ["v=DMARC1; p=quarantine"] },
    "_dmarc.mute.test": { fault: "servfail" },
  });
  house = await House.open({
    control: {
      "tcp.smtp": ":allow\n",
      dnsservers: `${dns.server}\n`,
      senderchecks: "spf:tag\ndkim:tag\narc:tag\ndmarc:reject\n",
      authservid: "mx.heaven.test\n",
    },
  });
});
after(async () => {
  await house[Symbol.asyncDispose]();
  await dns.close();
});

const send = (from: string, message: string) => sendOne(house.ports.smtp, from, [inbox], message);
/** The newest mail whose text has these words, LF ends. */
const arrived = (words: string): Promise<string> =>
  until(`mail with ${words}`, async () => (await house.mail(1)).find((mail) => mail.includes(words)) ?? null);

test("results stand on top of our own trace, and what others wrote in our name is gone [J-213]", async () => {
  const forged =
    "Authentication-Results: mx.heaven.test; dkim=pass header.d=bank.test\nAuthentication-Results: elsewhere.test; spf=none\nX-Quail-Quarantine: me\n";
  const reply = await send("joe@good.test", `${forged}From: joe@good.test\nSubject: first\n\nhello\n`);
  assert.equal(reply.code, 250, `${reply.lines}\n${house.story()}`);
  const mail = await arrived("Subject: first");
  assert.doesNotMatch(mail, /bank\.test|X-Quail-Quarantine/);
  assert.match(mail, /^Authentication-Results: elsewhere\.test; spf=none$/m);
  assert.match(
    mail,
    /^Authentication-Results: mx\.heaven\.test;\n\tspf=pass \(ip4:127\.0\.0\.1\/32\) smtp\.mailfrom=joe@good\.test;\n\tdkim=none .*;\n\tdmarc=none .*;\n\tarc=none\nReceived-SPF: pass .*\n(?:\t.*\n)+Received: from unknown \(HELO client\.test\)/m,
  );
  const line = /filter checked ip=127\.0\.0\.1 from=joe@good\.test spf=pass dkim=none dmarc=none .*verdict=accept/;
  await until("its log line", () => line.test(house.log("filter")));
});

test("a domain that wants it so has its forgeries refused, another's put aside, a third's without DNS let in", async () => {
  const refused = await send("joe@bad.test", "From: joe@bad.test\nSubject: forged\n\n");
  assert.equal(
    `${refused.code} ${refused.lines[0]}`,
    "554 5.7.1 sorry, your message does not prove that it is from bad.test, and bad.test wants no such mail delivered (#5.7.1)",
  );
  assert.equal((await send("joe@doubtful.test", "From: joe@doubtful.test\nSubject: doubtful\n\n")).code, 250);
  assert.match(await arrived("Subject: doubtful"), /^X-Quail-Quarantine: dmarc=fail doubtful\.test p=quarantine$/m);
  assert.equal((await send("joe@mute.test", "From: joe@mute.test\nSubject: mute\n\n")).code, 250);
  const mute = await arrived("Subject: mute");
  assert.match(mute, /dmarc=temperror/);
  assert.doesNotMatch(mute, /X-Quail-Quarantine/);
});

test("a message larger than memory should hold comes through as it was", async () => {
  const body = Array.from({ length: 30_000 }, (_, i) => `line ${i} ${"x".repeat(60)}\n`).join("");
  assert.equal((await send("joe@good.test", `Subject: large\n\n${body}`)).code, 250);
  const mail = await arrived("Subject: large");
  assert.ok(mail.endsWith(`Subject: large\n\n${body}`));
});

test("stances count at once, without a start", async () => {
  house.control("senderchecks", "spf:reject\n");
  const reply = await until("a refusal", async () => {
    const said = await send("joe@bad.test", "Subject: late\n\n");
    return said.code === 250 ? null : said;
  });
  assert.match(reply.lines[0] ?? "", /\(#5\.7\.23\)$/);
});
