import type { ByteString } from "#bytes";
import { type Outcome, permanent } from "#mail";
import type { ArcSet } from "./arc/arc-set.ts";
import { saysDmarcPass } from "./authentication-results.ts";
import type { Checks, Proof } from "./verify-message.ts";

/** What is to be done about a check that goes badly: nothing, not even look; say so; put it into the junk folder; refuse. */
export type Stance = "off" | "tag" | "quarantine" | "reject";

/** Our stance to each proof (control/senderchecks). For DMARC it is the most that is done of what the author's domain asks for. */
export type Stances = {
  readonly spf: Stance;
  readonly dkim: Stance;
  readonly dmarc: Stance;
  readonly arc: Stance;
};

export const checksOf = ({ spf, dkim, dmarc, arc }: Stances): Checks => ({
  spf: spf !== "off",
  dkim: dkim !== "off",
  dmarc: dmarc !== "off",
  arc: arc !== "off",
});

/** What becomes of a message. */
export type Judgement =
  | { readonly kind: "accept" }
  | { readonly kind: "quarantine"; readonly reason: ByteString }
  | { readonly kind: "reject"; readonly reason: ByteString; readonly outcome: Outcome };

type Charge = { readonly stance: "quarantine" | "reject"; readonly reason: ByteString; readonly text: ByteString };

/** How DMARC's verdict was set aside; null: it was not. */
export type Override = "trusted_forwarder" | null;

/** Judges a message by its proofs. What could not be found out now (temperror) is never held against it. */
export function judge(proof: Proof, stances: Stances, trustedSealers: ReadonlySet<string>): Judgement {
  const charges = [
    spfCharge(proof, stances.spf),
    dkimCharge(proof, stances.dkim),
    arcCharge(proof, stances.arc),
    dmarcCharge(proof, stances.dmarc, trustedSealers),
  ].filter((charge) => charge !== null);
  const gravest = charges.find(({ stance }) => stance === "reject") ?? charges[0];
  if (gravest === undefined) return { kind: "accept" };
  const { stance, reason, text } = gravest;
  return stance === "quarantine"
    ? { kind: "quarantine", reason }
    : { kind: "reject", reason, outcome: permanent(text) };
}

const isActing = (stance: Stance): stance is "quarantine" | "reject" => stance === "quarantine" || stance === "reject";

function spfCharge({ spf }: Proof, stance: Stance): Charge | null {
  if (!isActing(stance) || spf?.result !== "fail") return null;
  const said = spf.explanation === null ? "" : ` (it says: ${shownText(spf.explanation)})`;
  const text = `sorry, ${shownText(spf.domain)} does not let your host send its mail${said} (#5.7.23)`; // RFC 7372 §3.2
  return { stance, reason: `spf=fail ${shownText(spf.domain)}`, text };
}

/** Signatures that are all broken; a message without any is as good as ever (RFC 6376 §6.1). */
function dkimCharge({ dkim }: Proof, stance: Stance): Charge | null {
  if (!isActing(stance) || dkim === null || dkim.length === 0) return null;
  if (dkim.some(({ result }) => result === "pass" || result === "temperror")) return null;
  const [first] = dkim;
  const text = "sorry, no DKIM signature of your message is valid (#5.7.20)"; // RFC 7372 §3.1
  return { stance, reason: `dkim=${first?.result ?? "fail"} ${first?.domain ?? ""}`.trim(), text };
}

function arcCharge({ arc }: Proof, stance: Stance): Charge | null {
  if (!isActing(stance) || arc?.result !== "fail") return null;
  return { stance, reason: "arc=fail", text: "sorry, the ARC chain of your message is broken (#5.7.29)" }; // RFC 8617 §9.4
}

function dmarcCharge(proof: Proof, stance: Stance, trusted: ReadonlySet<string>): Charge | null {
  const worst = proof.dmarc?.[0];
  if (!isActing(stance) || worst?.result !== "fail" || worst.policy === null || worst.policy === "none") return null;
  if (dmarcOverride(proof, trusted) !== null) return null;
  const author = shownText(worst.author);
  return {
    stance: worst.policy === "reject" ? stance : "quarantine",
    reason: `dmarc=fail ${author} p=${worst.policy}`,
    text: `sorry, your message does not prove that it is from ${author}, and ${author} wants no such mail delivered (#5.7.1)`,
  };
}

/**
 * RFC 8617 §7.2.1: a forwarder we trust saw DMARC pass. Trusted sealers are counted from the newest down; what the lowest of
 * them saw is what counts, for below it anyone may have written anything.
 */
export function dmarcOverride({ arc }: Proof, trusted: ReadonlySet<string>): Override {
  if (arc?.result !== "pass") return null;
  let lowest: ArcSet | null = null;
  for (const set of arc.sets.toReversed()) {
    if (!trusted.has(set.seal.domain)) break;
    lowest = set;
  }
  return lowest !== null && saysDmarcPass(lowest.results) ? "trusted_forwarder" : null;
}

/** A peer's words in a reply: printable, short. */
const shownText = (text: ByteString): ByteString => text.slice(0, 200).replace(/[^\x20-\x7e]/g, "?");
