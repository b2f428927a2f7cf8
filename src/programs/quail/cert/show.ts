import { namesOf } from "#tls";
import type { Laid } from "./files.ts";

/** A certificate for people and programs. */
export type Shown = {
  readonly file: string;
  readonly names: readonly string[];
  /** Null: nobody but its own key. */
  readonly issuer: string | null;
  readonly expires: string | null;
  readonly daysLeft: number | null;
  readonly fingerprint: string | null;
  readonly problem: string | null;
};

const dayMs = 86_400_000;
/** When a certificate that nobody renews should worry somebody. */
const worryDays = 14;

export function shownCertificate({ path, identity, problem }: Laid, now: Date): Shown {
  if (identity === null) {
    return { file: path, names: [], issuer: null, expires: null, daysLeft: null, fingerprint: null, problem };
  }
  const { certificate } = identity;
  const own = certificate.verify(certificate.publicKey);
  const daysLeft = Math.floor((certificate.validToDate.getTime() - now.getTime()) / dayMs);
  return {
    file: path,
    names: namesOf(certificate),
    issuer: own ? null : certificate.issuer.replaceAll("\n", ", "),
    expires: certificate.validToDate.toISOString(),
    daysLeft,
    fingerprint: certificate.fingerprint256,
    problem: daysLeft < 0 ? "has expired" : null,
  };
}

const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, "_");

/** A few lines for a terminal. */
export function certificateLines({ file, names, issuer, expires, daysLeft, problem }: Shown): string {
  const lines = [`${file}`];
  if (expires === null) return `${file}\n  ${printable(problem ?? "")}\n`;
  lines.push(`  names    ${names.map(printable).join(" ")}`);
  lines.push(`  issuer   ${issuer === null ? "itself: no client can tell whose it is" : printable(issuer)}`);
  const worry = problem ?? ((daysLeft ?? 0) < worryDays ? `only ${daysLeft} days` : `${daysLeft} days`);
  lines.push(`  expires  ${expires.slice(0, 10)} (${worry})`);
  return `${lines.join("\n")}\n`;
}
