import { type ByteString, toBytes } from "#bytes";
import {
  authenticationResultsField,
  type CheckSettings,
  checksOf,
  claimsToBe,
  type Dns,
  type HeaderField,
  headerEnd,
  type Inspection,
  inspectHeader,
  type Judgement,
  judge,
  type Proof,
  receivedSpfField,
  resultsOf,
} from "#checks";
import { eventLine } from "#log";
import { permanent, temporary } from "#mail";
import type { BegunEnvelope, Door, DoorAnswer, Incoming } from "#qmtp";
import type { Spill } from "./filter-spill.ts";

/** A header longer than this is nobody's letter; it has to be held in memory to be looked at. */
const maxHeaderBytes = 512 * 1024;

const tooLong: DoorAnswer = { ...permanent("sorry, the header of this message is too long (#5.3.4)"), queueId: null };
const noRoom: DoorAnswer = { ...temporary("qq write error or disk full (#4.3.0)"), queueId: null };
const broken: DoorAnswer = { ...temporary("qq internal bug (#4.3.0)"), queueId: null };

/** The field that tells a user's filters that a message is not to be trusted. */
const quarantineName = "X-Quail-Quarantine";

/** What the messages of a filter share. */
export type FilterHouse = {
  readonly door: Door;
  readonly dns: Dns;
  readonly settings: () => CheckSettings;
  readonly spill: () => Spill;
  readonly log: (line: string) => void;
  readonly now: () => number;
  /** Hears of every message that DMARC was evaluated for, and what became of it. */
  readonly record?: (proof: Proof, judgement: Judgement) => void;
};

type Looked = { readonly inspection: Inspection; readonly bodyFrom: number };

/**
 * One message on its way through the filter. It is held (in memory, or in a nameless file when it is large) until its last octet has
 * come and DNS has answered; then it goes to the queue's door with our results on top, and what the queue says goes back.
 */
export function filterMessage(envelope: BegunEnvelope, house: FilterHouse): Incoming {
  const spill = house.spill();
  let header: Buffer[] = [];
  let headerBytes = 0;
  let looked: Looked | null = null;
  let failure: DoorAnswer | null = null;

  const fail = (answer: DoorAnswer, why: unknown = null): void => {
    failure ??= answer;
    header = [];
    spill.discard();
    if (why !== null) house.log(eventLine("alert: filter: unable to hold a message", { reason: String(why) }));
  };
  const hold = (bytes: Buffer): void => {
    try {
      spill.write(bytes);
    } catch (error) {
      fail(noRoom, error); // Disk full, most likely: the sender tries again.
    }
  };
  /** The header is whole: what follows goes by. */
  const look = (bytes: Buffer, end: number): void => {
    const inspection = inspectHeader(bytes.subarray(0, end));
    looked = { inspection, bodyFrom: end };
    header = [];
    const rest = bytes.subarray(end);
    if (rest.length === 0) return;
    inspection.body(rest.subarray(1)); // Without the empty line.
    hold(rest);
  };

  return {
    write(bytes) {
      if (failure !== null) return;
      if (looked !== null) {
        looked.inspection.body(bytes);
        hold(bytes);
        return;
      }
      header.push(bytes);
      const before = headerBytes;
      headerBytes += bytes.length;
      const all = header.length === 1 ? bytes : Buffer.concat(header, headerBytes);
      header = [all];
      const end = headerEnd(all, before);
      if (end >= 0) look(all, end);
      else if (headerBytes > maxHeaderBytes) fail(tooLong);
    },
    async end() {
      try {
        if (failure !== null) return failure;
        if (looked === null) look(Buffer.concat(header), headerBytes);
        if (looked === null || failure !== null) return failure ?? broken;
        return await passOn(envelope, (looked as Looked).inspection, spill, house);
      } finally {
        spill.discard();
      }
    },
    abort() {
      fail(broken);
    },
  };
}

/** Proves, judges and posts. */
async function passOn(
  envelope: BegunEnvelope,
  inspection: Inspection,
  spill: Spill,
  house: FilterHouse,
): Promise<DoorAnswer> {
  const settings = house.settings();
  const { authservId } = settings;
  const isOurs = envelope.client?.get("relay") !== undefined;
  const startedAt = performance.now();
  const proof = isOurs ? null : await prove(envelope, inspection, house, settings);
  const judgement: Judgement =
    proof === null ? { kind: "accept" } : judge(proof, settings.stances, settings.trustedSealers);
  if (proof !== null) {
    house.record?.(proof, judgement);
    house.log(lineFor(proof, judgement, performance.now() - startedAt));
  }
  if (judgement.kind === "reject") return { ...judgement.outcome, queueId: null };
  const added = proof === null ? [] : addedFields(proof, judgement, authservId);
  const kept = inspection.fields.filter((field) => !isForged(field, authservId)).map(({ raw }) => raw);
  return post(envelope, toBytes([...added, ...kept].join("")), spill, house.door);
}

function prove(
  envelope: BegunEnvelope,
  inspection: Inspection,
  { dns, now }: FilterHouse,
  { stances, authservId }: CheckSettings,
): Promise<Proof> {
  const { client, sender } = envelope;
  return inspection.finish({
    sender: { ip: client?.get("ip") ?? "", helo: client?.get("helo") ?? "", reversePath: sender },
    checks: checksOf(stances),
    dns,
    receiver: authservId,
    nowSeconds: Math.floor(now() / 1000),
  });
}

/** RFC 8601 §4, RFC 7208 §9.1: on top of the server's own trace line. */
function addedFields(proof: Proof, judgement: Judgement, authservId: ByteString): readonly ByteString[] {
  const spf = receivedSpfField(proof, authservId);
  return [
    authenticationResultsField(authservId, resultsOf(proof)),
    ...(spf === null ? [] : [spf]),
    ...(judgement.kind === "quarantine" ? [`${quarantineName}: ${judgement.reason}\n`] : []),
  ];
}

const isForged = (field: HeaderField, authservId: ByteString): boolean =>
  claimsToBe(field, authservId) || field.name === quarantineName.toLowerCase();

async function post(envelope: BegunEnvelope, header: Buffer, spill: Spill, door: Door): Promise<DoorAnswer> {
  const { sender, recipients, origin } = envelope;
  const posting = door.post({ sender, recipients }, origin);
  try {
    await posting.write(header);
    for (const piece of spill.pieces()) await posting.write(piece);
  } catch (error) {
    posting.abort();
    throw error;
  }
  return posting.finish();
}

/** `filter checked ip=192.0.2.1 from=a@b.example spf=pass dkim=pass,fail dmarc=pass arc=none verdict=accept ms=12`. */
function lineFor(proof: Proof, judgement: Judgement, tookMs: number): string {
  return eventLine("filter checked", {
    ip: proof.sender.ip,
    from: proof.sender.reversePath,
    spf: proof.spf?.result,
    dkim: proof.dkim === null ? undefined : proof.dkim.map(({ result }) => result).join(",") || "none",
    dmarc: proof.dmarc?.[0]?.result ?? (proof.dmarc === null ? undefined : "permerror"),
    author: proof.dmarc?.[0]?.author,
    arc: proof.arc?.result,
    verdict: judgement.kind,
    reason: judgement.kind === "accept" ? undefined : judgement.reason,
    ms: Math.round(tookMs),
  });
}
