/*
 * Deliveries of one message that wait together for the same host are given one SMTP transaction with several RCPTs (spec G21;
 * RFC 5321 §5.1 asks for it), at most control/rcpttransaction of them. Only equal envelopes come together: with VERP every
 * recipient has a sender of its own, and nothing is shared.
 *
 * A delivery fares as its own RCPT did, and then as the message did. Two kinds of servers would do worse by company, so:
 *  - one that takes some recipients and has enough for now (452, or 552: RFC 5321 §4.5.3.1.10) is given the others at once in a
 *    transaction of their own;
 *  - one that failed for now after RCPT is met with one recipient at a time for a while, as qmail does: whatever it dislikes, no
 *    recipient waits for ever because of another.
 */
import { lowerAscii } from "#bytes";
import { ControlError } from "#control";
import { type DeliveryJob, domainOf, type Outcome } from "#mail";
import type { OutgoingMail } from "#smtp/client";
import { attemptLate } from "./attempt.ts";
import { bodyOf } from "./message-body.ts";
import { outcomeOf } from "./report.ts";
import { say } from "./texts.ts";
import type { RemoteWorld } from "./world.ts";

/** Turns of the event loop a group waits for the rest of its message's jobs: they come in one burst from the queue. */
const maxTurns = 20;
/** How long a host is met with single recipients, and how many such hosts are remembered. */
const aloneMs = 86_400_000;
const maxAlone = 1_000;

type Waiting = { readonly job: DeliveryJob; readonly settle: (outcome: Outcome) => void };
type Group = {
  readonly key: string;
  readonly host: string;
  readonly limit: number;
  /** Messages of ours are signed. */
  readonly signs: boolean;
  readonly members: Waiting[];
};

const beyondAscii = /[\x80-\xff]/;

/** Who may share: the same message, sender and host; and an address that only some servers take (SMTPUTF8) risks none but its like. */
function groupKey({ queueId, sender, recipient }: DeliveryJob): string {
  return `${queueId} ${lowerAscii(domainOf(recipient))} ${beyondAscii.test(recipient)} ${sender}`;
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Makes a `deliver` that shares transactions. The caller has looked for line breaks and missing domains. */
export function sharing(world: RemoteWorld): (job: DeliveryJob) => Promise<Outcome> {
  /** Groups that may still grow. */
  const open = new Map<string, Group>();
  /** Hosts that are met with one recipient at a time, and until when. */
  const alone = new Map<string, number>();

  const termsFor = (host: string): Pick<Group, "limit" | "signs"> => {
    const until = alone.get(host);
    const isAlone = until !== undefined && until > Date.now();
    if (!isAlone) alone.delete(host);
    try {
      const { transactionRecipients, signs } = world.settings();
      return { limit: isAlone ? 1 : transactionRecipients, signs };
    } catch (error) {
      if (error instanceof ControlError) return { limit: 1, signs: false }; // The attempt meets it again and says so.
      throw error;
    }
  };

  const seal = (group: Group): void => {
    if (open.get(group.key) === group) open.delete(group.key);
  };

  /** What goes on top of a message, if it is ours. */
  const signatures = async (queueId: number, message: DeliveryJob["message"]): Promise<Buffer | "later"> => {
    try {
      const sign = await world.signer();
      return await sign(queueId, message);
    } catch (error) {
      if (error instanceof ControlError) return "later";
      throw error;
    }
  };

  /** One transaction for all members, then further ones for those of whom the server had enough. Resolves when all are settled. */
  const carryOut = async (group: Group): Promise<void> => {
    const { host, members } = group;
    let mail: OutgoingMail | null = null;
    const { sender, message, queueId } = members[0]!.job; // A group has a member from its first moment.
    const top = group.signs ? await signatures(queueId, message) : null;
    if (top === "later") {
      seal(group);
      for (const { settle } of members) settle(say.cannotSign);
      return;
    }
    const settle = (): OutgoingMail => {
      seal(group);
      mail ??= mailOf(members, top);
      return mail;
    };
    const sizeBytes = message.sizeBytes + (top?.length ?? 0);
    const report = await attemptLate(host, { sender, sizeBytes, settle }, world);
    seal(group);
    if (members.length > 1 && report.recipients.length > 0 && report.message.fate === "temporary") {
      if (alone.size >= maxAlone) alone.clear();
      alone.set(lowerAscii(host), Date.now() + aloneMs);
    }
    const tooMany: ReadonlySet<number> = new Set(report.message.fate === "done" ? report.tooMany : []);
    for (const [index, { settle }] of members.entries()) {
      if (!tooMany.has(index)) settle(outcomeOf(report, index));
    }
    // Fewer than before: whoever was accepted is settled.
    const again = members.filter((_member, index) => tooMany.has(index));
    if (again.length > 0) await settled({ ...group, members: again });
  };

  /** Carries a group out; a bug of ours is every member's trouble, and nobody waits for ever. */
  const settled = async (group: Group): Promise<void> => {
    try {
      await carryOut(group);
    } catch (error) {
      seal(group);
      const text = `Internal error: ${error instanceof Error ? error.message : "unknown"}. (#4.3.0)\n`;
      for (const { settle } of group.members) settle({ fate: "temporary", text });
    }
  };

  const start = async (group: Group): Promise<void> => {
    // Whoever of this message is on the way from the queue comes within the next turns.
    for (let turns = 0, before = 0; before < group.members.length && turns < maxTurns; turns++) {
      before = group.members.length;
      if (before < group.limit) await turn();
    }
    await settled(group);
  };

  return (job) => {
    const host = lowerAscii(domainOf(job.recipient));
    const key = groupKey(job);
    return new Promise((settle) => {
      const waiting = { job, settle };
      const group = open.get(key);
      if (group !== undefined) {
        group.members.push(waiting);
        if (group.members.length >= group.limit) seal(group);
        return;
      }
      const fresh: Group = { key, host: domainOf(job.recipient), ...termsFor(host), members: [waiting] };
      if (fresh.limit > 1) open.set(key, fresh);
      void start(fresh);
    });
  };
}

/** The envelope of a group. Its first member's message source stands for all: it is not settled before the others. */
function mailOf(members: readonly Waiting[], top: Buffer | null): OutgoingMail {
  const [first, ...others] = members.map(({ job }) => job);
  if (first === undefined) throw new Error("a group without members");
  const recipients = [first.recipient, ...others.map(({ recipient }) => recipient)] as const;
  return { sender: first.sender, recipients, body: bodyOf(first.message, top) };
}
