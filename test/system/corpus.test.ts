/**
 * The corpus through the whole system: every message must arrive byte for byte under the documented fields, and once. The seed
 * is printed; `QUAIL_SEED=7` sets it, `QUAIL_CORPUS=20000` makes it longer.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { corpus, type Sample } from "../corpus/messages.ts";
import { type Random, seededRandom } from "../corpus/random.ts";
import { House, inbox, until } from "./house.ts";
import { type Cuts, SmtpClient } from "./smtp-client.ts";

const seed = Number(process.env.QUAIL_SEED ?? 20_261_122);
const total = Number(process.env.QUAIL_CORPUS ?? 2_100);
const relayed = Math.ceil(total / 7);
const sessions = 4;
const arrivalLimitMs = 120_000;

type Sent = { readonly kind: string; readonly length: number; readonly hash: string };

const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Pieces for the socket: mostly all at once, a third in small ones; large messages never in tiny ones. */
function cutsFor(sample: Sample, random: Random): Cuts {
  if (sample.bytes.length > 300_000 || random.below(3) > 0) return () => 65_536;
  const most = 1 + random.below(Math.max(2, sample.bytes.length / 8));
  return () => 1 + random.below(most);
}

/** Sends all samples over a few sessions; resolves with what was accepted, by sender. Fails at the first refusal. */
async function sendAll(samples: Iterator<Sample>, port: number, to: string): Promise<ReadonlyMap<string, Sent>> {
  const sent = new Map<string, Sent>();
  const random = seededRandom(seed + 1);
  let count = 0;
  const session = async (): Promise<void> => {
    const client = await SmtpClient.open(port);
    await client.command("EHLO client.test");
    for (let next = samples.next(); next.done !== true; next = samples.next()) {
      const { kind, bytes, endsInLf } = next.value;
      const from = `c${count++}@corpus.test`;
      const cuts = cutsFor(next.value, random);
      const byChunks = !endsInLf || random.below(4) === 0;
      const reply = byChunks
        ? await client.sendChunks(from, [to], bytes, () => 1 + random.below(Math.max(bytes.length, 2)), cuts)
        : await client.send(from, [to], bytes, cuts);
      assert.equal(reply.code, 250, `${from} (${kind}, ${bytes.length} bytes): ${reply.code} ${reply.lines.join("/")}`);
      // A last line without its end gets one (spec G23): SMTP has no other way to end a message.
      const kept = endsInLf ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
      sent.set(from, { kind, length: kept.length, hash: hashOf(kept) });
    }
    await client.quit();
  };
  await Promise.all(Array.from({ length: sessions }, session));
  return sent;
}

const date = "[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} -0000";
const hop = `Received: \\(qmail [0-9]+ invoked from network\\); ${date}\\nReceived: from [^\\n]+\\n {2}by [^\\n]+ with [A-Z0-9]+(?: \\(TLS[^)\\n]*\\))?; ${date}\\n`;

/** The fields that Quail adds to a message that came over `hops` SMTP connections (spec 7.8). */
function traceFields(to: string, hops: number): RegExp {
  return new RegExp(`^Return-Path: <([^\\n]*)>\\nDelivered-To: ${to}\\n(?:${hop}){${hops}}`);
}

/** Every file is one of those sent, unchanged below the trace fields; none is missing and none there twice. */
function checkArrivals(maildir: string, sent: ReadonlyMap<string, Sent>, fields: RegExp): void {
  const seen = new Set<string>();
  for (const name of readdirSync(join(maildir, "new"))) {
    const bytes = readFileSync(join(maildir, "new", name));
    const found = fields.exec(bytes.toString("latin1", 0, 4096));
    assert.ok(found !== null, `${name} begins with other fields:\n${bytes.toString("latin1", 0, 600)}`);
    const from = found[1] ?? "";
    const was = sent.get(from);
    assert.ok(was !== undefined, `${from} was never accepted`);
    assert.ok(!seen.has(from), `${from} (${was.kind}) is there twice`);
    seen.add(from);
    const rest = bytes.subarray(found[0].length);
    assert.ok(
      hashOf(rest) === was.hash,
      `${from} (${was.kind}): ${was.length} bytes were sent, ${rest.length} other ones arrived (seed ${seed})`,
    );
  }
  assert.equal(seen.size, sent.size);
}

async function filesArrive(house: House, count: number): Promise<void> {
  await until(`${count} files`, () => readdirSync(join(house.maildir, "new")).length >= count, arrivalLimitMs).catch(
    (error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}\n${house.story()}`);
    },
  );
}

test(`${total} awkward messages (seed ${seed}) arrive in the Maildir byte for byte, each once [Q-031, Q-032, Q-175]`, async () => {
  await using house = await House.open();
  const sent = await sendAll(corpus(seededRandom(seed), total), house.ports.smtp, inbox);
  assert.equal(sent.size, total + 4);
  await filesArrive(house, sent.size);
  checkArrivals(house.maildir, sent, traceFields("you@localhost", 1));
  assert.deepEqual(readdirSync(join(house.maildir, "tmp")), [], "nothing half-written is left");
});

/** Samples that a relay passes on unchanged: a last line gets its end, a bare CR becomes a line end (spec 2.8). */
function* unchanged(samples: Iterable<Sample>): Generator<Sample> {
  for (const sample of samples) if (sample.endsInLf && !sample.bytes.includes("\r")) yield sample;
}

test(`a corpus relayed to a second Quail arrives there byte for byte, each once`, async () => {
  await using far = await House.open({
    control: { locals: "localhost\nfar.test\n", rcpthosts: "localhost\nfar.test\n" },
  });
  await using near = await House.open({
    control: { rcpthosts: "localhost\nfar.test\n", smtproutes: `far.test:127.0.0.1:${far.ports.smtp}\n` },
  });
  const sent = await sendAll(unchanged(corpus(seededRandom(seed + 2), relayed)), near.ports.smtp, "you@far.test");
  await filesArrive(far, sent.size);
  checkArrivals(far.maildir, sent, traceFields("you@far.test", 2));
});
